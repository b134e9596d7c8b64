"""Transfers from draft to receipt: what each verb moves, what it refuses, and that a refusal changes nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, func, select, update

from channelsync.ledger import bundling, freezing, reservations, skus, stats, stock
from channelsync.ledger.audit import audit
from channelsync.ledger.bundling import Define, Part
from channelsync.ledger.documents.lines import Line
from channelsync.ledger.documents.states import UnknownDocument, WrongState
from channelsync.ledger.freezing import Freeze, Scope
from channelsync.ledger.purchasing.coming import Coming, coming
from channelsync.ledger.refusals import InsufficientStock, KeyReused, NotAllowed, UnknownLocation, UnknownSku
from channelsync.ledger.schema import findings, locations, movements, transfers
from channelsync.ledger.skus import Rename
from channelsync.ledger.stats import By
from channelsync.ledger.transfers import drafting, pages, receiving, shipping
from channelsync.ledger.transfers.book import LineTold
from channelsync.ledger.transfers.drafting import Draft, Edit
from channelsync.ledger.transfers.pages import Filter
from channelsync.ledger.transfers.receiving import Close, MoreThanShipped
from channelsync.ledger.transfers.shipping import Cancel, NotThere, Ship
from channelsync.ledger.verifier import verify
from support import purchasing
from support.purchasing import cost_of, only, refused, say_cost
from support.stock import NOW, assert_adds_up, level, open_channel, open_locations, put, want
from support.transfers import arrive, cancel, close, draft, edit, in_transit, shipped, try_to_receive, try_to_ship, units

HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _places(conn: Connection) -> None:
    open_locations(conn, "main", "annex", "shop")
    put(conn, "A", 10)
    put(conn, "B", 4)


def proven(conn: Connection) -> None:
    assert audit(conn) == []
    assert verify(conn, NOW + timedelta(days=1)).mismatches == ()
    assert_adds_up(conn)


def own(conn: Connection, location: str) -> None:
    channel = open_channel(conn, "erp", None)
    conn.execute(update(locations).where(locations.c.code == location).values(authority_id=channel))


def here(conn: Connection, sku: str, location: str = "main") -> tuple[int, int, int]:
    found = level(conn, sku, location)
    return found.on_hand, found.available, found.incoming


# -- drafts ----------------------------------------------------------------------------------------------------------------------------------


def test_a_draft_moves_nothing_and_may_ask_for_more_than_is_there(conn: Connection) -> None:
    made = draft(conn, {"A": 3, "B": 500}, reference="DPD 17", note="for the fair", actor="ann")
    assert made.lines == (LineTold("A", 3, 0, 0, 0, 0, None), LineTold("B", 500, 0, 0, 0, 0, None))
    assert (made.state, made.origin, made.destination, made.reference, made.note) == ("draft", "main", "annex", "DPD 17", "for the fair")
    assert (here(conn, "A"), here(conn, "A", "annex")) == ((10, 10, 0), (0, 0, 0))
    proven(conn)


def test_an_edited_draft_keeps_what_is_not_named(conn: Connection) -> None:
    number = draft(conn, {"A": 3, "B": 1}, note="n").number
    assert [line.sku for line in edit(conn, number, reference="R").lines] == ["A", "B"]
    now = edit(conn, number, lines=units({"B": 2}), origin="shop")
    assert (now.origin, now.destination, now.reference, now.note) == ("shop", "annex", "R", "n")
    assert [(line.sku, line.quantity) for line in now.lines] == [("B", 2)]


def test_two_edits_of_one_batch_follow_each_other(conn: Connection) -> None:
    number = draft(conn, {"A": 3}).number
    first, second, third = drafting.edit(
        conn, [Edit(number, origin="shop"), Edit(number, destination="shop"), Edit(number, destination="main")], NOW
    )
    assert (first.origin, first.destination) == ("shop", "annex")  # type: ignore[union-attr]
    assert "both are 'shop'" in str(second)
    assert (third.origin, third.destination) == ("shop", "main")  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (Draft("main", "annex", ()), "1 to 1000 lines"),
        (Draft("main", "annex", units({"A": 0})), "too small"),
        (Draft("main", "annex", units({"A": -1})), "too small"),
        (Draft("main", "annex", (Line("A", 1), Line("A", 2))), "more than one line"),
        (Draft("main", "annex", units({"NONE": 1})), "no SKU 'NONE'"),
        (Draft("main", "nowhere", units({"A": 1})), "no location 'nowhere'"),
        (Draft("nowhere", "annex", units({"A": 1})), "no location 'nowhere'"),
        (Draft("", "annex", units({"A": 1})), "no location ''"),
        (Draft("main", "main", units({"A": 1})), "both are 'main'"),
        (Draft("x" * 65, "annex", units({"A": 1})), "at most 64"),
        (Draft("main", "annex", units({"A": 1}), reference="x\x00"), "no database can store"),
        (Draft("main", "annex", units({"A": 1}), actor="x" * 129), "actor"),
    ],
)
def test_what_is_no_draft_is_refused_and_leaves_nothing(conn: Connection, wrong: Draft, why: str) -> None:
    assert why in str(refused(drafting.draft(conn, [wrong], NOW)))
    assert conn.execute(select(transfers)).all() == []


def test_a_refused_edit_leaves_the_draft_as_it_was(conn: Connection) -> None:
    number = draft(conn, {"A": 3}).number
    assert isinstance(refused(drafting.edit(conn, [Edit(number, units({"NONE": 1}), note="x")], NOW)), UnknownSku)
    assert isinstance(refused(drafting.edit(conn, [Edit(number, units({"B": 1}), destination="nowhere", note="x")], NOW)), UnknownLocation)
    now = edit(conn, number)
    assert ([(line.sku, line.quantity) for line in now.lines], now.destination, now.note) == ([("A", 3)], "annex", "")


def test_a_draft_can_be_cancelled_and_nothing_else(conn: Connection) -> None:
    number, away = draft(conn, {"A": 3}).number, shipped(conn, {"A": 1})
    assert cancel(conn, number).state == "cancelled"
    assert isinstance(refused(try_to_ship(conn, number)), WrongState)
    assert "can be done with it: receive, close" in str(refused(shipping.cancel(conn, [Cancel(away)], NOW)))
    proven(conn)


# -- shipped ---------------------------------------------------------------------------------------------------------------------------------


def test_what_is_shipped_lies_on_the_transfer_and_at_neither_place(conn: Connection) -> None:
    number = draft(conn, {"A": 3, "B": 4}).number
    told = only(try_to_ship(conn, number, reference="DPD 17", actor="ann"))
    assert (told.state, told.reference, [line.in_transit for line in told.lines]) == ("shipped", "DPD 17", [3, 4])
    assert (here(conn, "A"), here(conn, "A", "annex")) == ((7, 7, 0), (0, 0, 3))
    assert (here(conn, "B"), here(conn, "B", "annex")) == ((0, 0, 0), (0, 0, 4))
    log = movements.c
    query = select(log.type, log.on_hand, log.incoming, log.reason, log.actor).where(
        log.reference == f"TR-{number}", log.on_hand + log.incoming > -4
    )
    assert sorted(map(tuple, conn.execute(query))) == [
        ("expect", 0, 3, "from main", "ann"),
        ("expect", 0, 4, "from main", "ann"),
        ("transfer_out", -3, 0, "to annex", "ann"),
    ]
    sku_id = conn.scalar(select(log.sku_id).where(log.reference == f"TR-{number}").order_by(log.id))
    assert coming(conn, sku_id or 0) == (Coming(f"TR-{number}", "annex", 3, None),)
    proven(conn)


def test_what_is_reserved_is_not_shipped(conn: Connection) -> None:
    only(reservations.reserve(conn, [want("A", 6)], NOW))
    number = draft(conn, {"B": 1, "A": 5}).number
    why = refused(try_to_ship(conn, number))
    assert isinstance(why, NotThere)
    assert isinstance(why, InsufficientStock)
    assert (why.code, why.sku, why.location, why.wanted, why.available) == ("insufficient_stock", "A", "main", 5, 4)
    assert "SKU 'A': 5 to ship, 4 available (10 on hand, 6 reserved)" in str(why)
    assert (here(conn, "B"), here(conn, "B", "annex")) == ((4, 4, 0), (0, 0, 0)), "all lines or none"
    assert pages.one_transfer(conn, number).transfer.state == "draft"
    edit(conn, number, lines=units({"A": 4}))
    only(try_to_ship(conn, number))
    assert here(conn, "A") == (6, 0, 0)
    assert reservations.reserve(conn, [want("A", 1, "other")], NOW)[0].code == "insufficient_stock"  # type: ignore[union-attr]
    proven(conn)


def test_every_line_that_is_short_is_named(conn: Connection) -> None:
    number = draft(conn, {"A": 11, "B": 5}).number
    why = str(refused(try_to_ship(conn, number)))
    assert all(text in why for text in ("'A': 11 to ship, 10 available", "'B': 5 to ship, 4 available", "edit the draft"))
    for each in range(12):
        put(conn, f"C{each}", 0)
    why = str(refused(try_to_ship(conn, draft(conn, {f"C{each}": 1 for each in range(12)}).number)))
    assert "and 2 more lines" in why


def test_backorders_ship_nothing_that_is_not_there(conn: Connection) -> None:
    only(stock.count(conn, [stock.Change("A", "main", 2)], NOW))
    conn.exec_driver_sql("UPDATE skus SET backorder = 'allow'")
    only(reservations.reserve(conn, [want("A", 5)], NOW))
    assert "1 to ship, -3 available" in str(refused(try_to_ship(conn, draft(conn, {"A": 1}).number)))


def test_a_batch_goes_on_where_its_first_line_ended(conn: Connection) -> None:
    one, two, three = (draft(conn, {"A": quantity}).number for quantity in (6, 6, 4))
    answers = shipping.ship(conn, [Ship(one), Ship(two), Ship(three), Ship(three)], NOW)
    assert [getattr(answer, "code", getattr(answer, "state", None)) for answer in answers] == [
        "shipped",
        "insufficient_stock",
        "shipped",
        "wrong_state",
    ]
    assert here(conn, "A") == (0, 0, 0)
    proven(conn)


def test_a_chain_of_transfers_in_one_batch(conn: Connection) -> None:
    """What has arrived can go on at once, and not before."""
    first, second = draft(conn, {"A": 6}).number, draft(conn, {"A": 6}, "annex", "shop").number
    assert isinstance(shipping.ship(conn, [Ship(first), Ship(second)], NOW)[1], NotThere)
    arrive(conn, first)
    only(try_to_ship(conn, second))
    arrive(conn, second)
    assert [here(conn, "A", place)[0] for place in ("main", "annex", "shop")] == [4, 0, 6]
    proven(conn)


def test_only_what_is_drawn_can_be_done(conn: Connection) -> None:
    number = draft(conn, {"A": 3}).number
    assert isinstance(refused(try_to_receive(conn, number)), WrongState)
    assert isinstance(refused(receiving.close(conn, [Close(number)], NOW)), WrongState)
    only(try_to_ship(conn, number))
    assert isinstance(refused(try_to_ship(conn, number)), WrongState)
    assert isinstance(refused(drafting.edit(conn, [Edit(number, note="late")], NOW)), WrongState)
    arrive(conn, number)
    assert isinstance(refused(try_to_receive(conn, number, {"A": 1}, over=True)), WrongState)
    for unknown in (999, 0, -1, 2**80):
        assert isinstance(refused(try_to_receive(conn, unknown)), UnknownDocument)


# -- received --------------------------------------------------------------------------------------------------------------------------------


def test_it_arrives_bit_by_bit(conn: Connection) -> None:
    number = shipped(conn, {"A": 5, "B": 4})
    first = arrive(conn, number, {"A": 2})
    assert (first.state, first.in_transit) == ("part_received", 7)
    assert [(line.quantity, line.over, line.short, line.on_hand, line.available) for line in first.lines] == [(2, 0, 3, 2, 2)]
    assert here(conn, "A", "annex") == (2, 2, 3)
    last = arrive(conn, number)
    assert [(line.sku, line.quantity, line.short) for line in last.lines] == [("A", 3, 0), ("B", 4, 0)]
    assert (last.state, last.in_transit, in_transit(conn)) == ("received", 0, 0)
    assert (here(conn, "A"), here(conn, "A", "annex")) == ((5, 5, 0), (5, 5, 0))
    assert pages.one_transfer(conn, number).transfer.closed_at == NOW
    proven(conn)


def test_what_does_not_arrive_is_missing_once_it_is_closed(conn: Connection) -> None:
    number, lost = shipped(conn, {"A": 5, "B": 4}), shipped(conn, {"A": 1})
    arrive(conn, number, {"A": 3, "B": 4})
    told = close(conn, number, reason="fell off")
    assert (told.state, [(line.sku, line.received, line.missing, line.in_transit) for line in told.lines]) == (
        "received",
        [("A", 3, 2, 0), ("B", 4, 0, 0)],
    )
    assert close(conn, lost).lines[0].missing == 1, "nothing of it arrived"
    assert (here(conn, "A"), here(conn, "A", "annex"), in_transit(conn)) == ((4, 4, 0), (3, 3, 0), 0)
    log = movements.c
    assert sorted(conn.scalars(select(log.reason).where(log.incoming < 0, log.on_hand == 0))) == ["fell off", "missing, from main"]
    proven(conn)


def test_more_than_was_shipped_must_be_said(conn: Connection) -> None:
    number = shipped(conn, {"A": 5, "B": 4})
    why = refused(try_to_receive(conn, number, {"B": 4, "A": 6}))
    assert isinstance(why, MoreThanShipped)
    assert f"6 arrived, and of transfer {number} 5 are in transit (5 shipped, 0 received)" in str(why)
    assert here(conn, "B", "annex") == (0, 0, 4), "all lines or none"
    done = arrive(conn, number, {"A": 6}, over=True)
    assert (done.lines[0].over, done.lines[0].short, done.state) == (1, 0, "part_received")
    assert arrive(conn, number, {"A": 1, "B": 4}, over=True).lines[0].over == 1, "nothing of it was in transit any more"
    assert [line.over for line in pages.one_transfer(conn, number).lines] == [2, 0]
    assert (here(conn, "A"), here(conn, "A", "annex")) == ((5, 5, 0), (7, 7, 0))
    proven(conn)


def test_what_is_not_on_the_transfer_does_not_arrive_by_it(conn: Connection) -> None:
    number = shipped(conn, {"A": 5}, occurred_at=NOW - HOUR)
    assert "is not on transfer" in str(refused(try_to_receive(conn, number, {"A": 1, "B": 1}, over=True)))
    assert "is in the future" in str(refused(try_to_receive(conn, number, occurred_at=NOW + timedelta(days=1))))
    assert "before transfer" in str(refused(try_to_receive(conn, number, occurred_at=NOW - 2 * HOUR)))
    assert "is in the future" in str(refused(try_to_ship(conn, draft(conn, {"A": 1}).number, occurred_at=NOW + timedelta(days=1))))
    assert here(conn, "A", "annex") == (0, 0, 5)


def test_a_receipt_ends_an_oversell(conn: Connection) -> None:
    number = shipped(conn, {"A": 6})
    put(conn, "A", 4, "annex")
    only(reservations.reserve(conn, [want("A", 4, location="annex")], NOW))
    only(stock.count(conn, [stock.Change("A", "annex", 1)], NOW))
    assert conn.scalar(select(findings.c.resolved_at).where(findings.c.kind == "oversell")) is None
    arrive(conn, number)
    assert conn.scalar(select(findings.c.resolved_at).where(findings.c.kind == "oversell")) == NOW


def test_where_an_authority_owns_on_hand_nothing_is_moved(conn: Connection) -> None:
    drafted, under_way = draft(conn, {"A": 1}).number, shipped(conn, {"A": 4})
    own(conn, "annex")
    reason = "on hand at 'annex' belongs to 'erp'"
    for origin, destination in (("main", "annex"), ("annex", "main")):
        assert reason in str(refused(drafting.draft(conn, [Draft(origin, destination, units({"A": 1}))], NOW)))
    assert reason in str(refused(drafting.edit(conn, [Edit(draft(conn, {"A": 1}, "shop", "main").number, destination="annex")], NOW)))
    assert reason in str(refused(try_to_ship(conn, drafted)))
    assert reason in str(refused(try_to_receive(conn, under_way)))
    assert (here(conn, "A"), here(conn, "A", "annex")) == ((6, 6, 0), (0, 0, 4))
    assert close(conn, under_way).state == "received", "that it will not come can be said"
    assert cancel(conn, drafted).state == "cancelled"
    proven(conn)


def test_a_bundle_is_not_moved_but_its_parts(conn: Connection) -> None:
    put(conn, "C", 0)
    number = draft(conn, {"C": 1}).number
    only(bundling.define(conn, [Define("C", (Part("A", 2),))], NOW))
    assert "is a bundle" in str(refused(drafting.draft(conn, [Draft("main", "annex", units({"C": 1}))], NOW)))
    assert "is a bundle" in str(refused(try_to_ship(conn, number)))
    on_the_way = shipped(conn, {"B": 4})
    assert "has stock of its own" in str(refused(bundling.define(conn, [Define("B", (Part("A", 2),))], NOW))), "it is on its way"
    arrive(conn, on_the_way)
    proven(conn)


def test_a_renamed_sku_arrives_under_its_new_name(conn: Connection) -> None:
    number = shipped(conn, {"A": 5})
    only(skus.rename(conn, [Rename("A", "A2")], NOW))
    assert arrive(conn, number, {"A2": 5}).state == "received"
    assert here(conn, "A2", "annex") == (5, 5, 0)
    proven(conn)


def test_a_frozen_sku_is_moved_all_the_same(conn: Connection) -> None:
    """Frozen is what the shops show; the goods go where they go."""
    only(freezing.freeze(conn, [Freeze(Scope("A"), reason="recall")], NOW))
    arrive(conn, shipped(conn, {"A": 5}))
    assert (here(conn, "A"), here(conn, "A", "annex")) == ((5, 5, 0), (5, 5, 0))
    proven(conn)


def test_a_key_does_it_once(conn: Connection) -> None:
    made = [draft(conn, {"A": 5}, key="d") for _ in range(2)]
    assert (made[0].number, made[1].repeat) == (made[1].number, True)
    number = made[0].number
    assert [only(try_to_ship(conn, number, key="s")).repeat for _ in range(2)] == [False, True]
    first, again = (arrive(conn, number, {"A": 2}, key="r") for _ in range(2))
    assert (again.repeat, again.lines, here(conn, "A", "annex")) == (True, first.lines, (2, 2, 3))
    assert isinstance(refused(try_to_receive(conn, number, {"A": 3}, key="r")), KeyReused)
    assert isinstance(refused(try_to_ship(conn, number)), WrongState), "without the key it is another request"


# -- what a unit costs -----------------------------------------------------------------------------------------------------------------------


def moving(conn: Connection, by: By = By.SKU, name: str = "A") -> tuple[Any, ...]:
    (row,) = [row for row in stats.stats(conn, by, NOW - timedelta(days=30)) if row.name == name]
    return row.on_hand, row.value, row.in_transit, row.in_transit_value


def test_no_cost_changes_by_a_transfer_and_the_value_lies_on_it(conn: Connection) -> None:
    say_cost(conn, "A", "2.5")
    number = shipped(conn, {"A": 4, "B": 1})
    assert moving(conn) == (6, "15.00", 4, "10.00")
    assert moving(conn, name="B") == (3, None, 1, None), "nobody has said what it costs"
    assert moving(conn, By.LOCATION, "annex") == (0, "0.00", 5, "10.00")
    assert moving(conn, By.LOCATION, "main") == (9, "15.00", 0, "0.00")
    detail = pages.one_transfer(conn, number)
    assert (detail.transfer.value, [line.cost for line in detail.lines]) == ("10.00", ["2.50", None])
    arrive(conn, number, {"A": 3})
    assert (cost_of(conn, "A"), moving(conn), moving(conn, By.LOCATION, "annex")[:2]) == ("2.50", (9, "22.50", 1, "2.50"), (3, "7.50"))
    close(conn, number)
    assert (moving(conn), cost_of(conn, "A")) == ((9, "22.50", 0, "0.00"), "2.50")
    row = pages.one_transfer(conn, number).transfer
    assert (row.value, row.missing_value) == ("0.00", "2.50")


def test_a_purchase_averages_in_what_is_in_transit(conn: Connection) -> None:
    say_cost(conn, "A", "1")
    number = shipped(conn, {"A": 5})
    purchasing.arrive(conn, purchasing.ordered(conn, {"A": (10, "2")}))
    assert cost_of(conn, "A") == "1.50", "10 at 1.00, wherever they are, and 10 at 2.00"
    assert moving(conn) == (15, "22.50", 5, "7.50"), "30.00 in all, as paid"
    assert pages.one_transfer(conn, number).transfer.value == "5.00", "at what they cost when they were shipped"
    arrive(conn, number)
    assert (moving(conn), cost_of(conn, "A")) == ((20, "30.00", 0, "0.00"), "1.50")


# -- numbers of the past ---------------------------------------------------------------------------------------------------------------------


def test_a_late_count_knows_what_was_moved_since(conn: Connection) -> None:
    number = shipped(conn, {"A": 4}, at=NOW + 4 * HOUR, occurred_at=NOW + 2 * HOUR)
    arrive(conn, number, at=NOW + 5 * HOUR, occurred_at=NOW + 3 * HOUR)

    def counted(location: str, units: int, hour: int) -> int:
        with conn.begin_nested() as savepoint:
            done = only(stock.count(conn, [stock.Change("A", location, units, occurred_at=NOW + hour * HOUR)], NOW + 6 * HOUR))
            assert_adds_up(conn)
            assert audit(conn) == []
            savepoint.rollback()
        return int(done.on_hand)

    assert counted("main", 9, 1) == 5, "nine before four of them left"
    assert counted("main", 5, 2) == 5, "at the moment at which they left"
    assert counted("annex", 0, 1) == 4
    assert counted("annex", 7, 2) == 11, "in transit they were at neither place"
    assert counted("annex", 4, 3) == 4


def test_a_level_that_a_transfer_reached_is_not_opened_on_top_of_it(conn: Connection) -> None:
    """Three lay there all the time, and nobody had said so."""
    arrive(conn, shipped(conn, {"A": 4}))
    why = refused(stock.seed(conn, [stock.Change("A", "annex", 7)], NOW))
    assert isinstance(why, NotAllowed)
    assert "use count" in str(why)
    late = stock.Change("A", "annex", 3, occurred_at=NOW - HOUR)
    assert only(stock.count(conn, [late], NOW)).on_hand == 7
    assert here(conn, "A", "annex") == (7, 7, 0)
    proven(conn)


def test_a_level_may_be_opened_while_a_transfer_is_on_its_way_there(conn: Connection) -> None:
    number = shipped(conn, {"A": 4})
    put(conn, "A", 3, "annex")
    arrive(conn, number)
    assert here(conn, "A", "annex") == (7, 7, 0)
    proven(conn)


def test_what_has_never_been_counted_can_come_and_go(conn: Connection) -> None:
    """Units that came back from a customer before anybody counted the SKU."""
    skus.ensure(conn, ["X"], NOW)
    only(stock.take_back(conn, [stock.Change("X", "main", 2)], NOW))
    only(stock.restock(conn, [stock.Change("X", "main", 2)], NOW))
    number = shipped(conn, {"X": 2})
    assert isinstance(refused(stock.seed(conn, [stock.Change("X", "main", 9)], NOW)), NotAllowed), "the two would be lost or twice"
    assert only(stock.count(conn, [stock.Change("X", "main", 9)], NOW)).on_hand == 9
    arrive(conn, number)
    assert here(conn, "X", "annex") == (2, 2, 0)
    proven(conn)


# -- read ------------------------------------------------------------------------------------------------------------------------------------


def test_lists_come_in_pages_and_by_filter(conn: Connection) -> None:
    one, two, three = draft(conn, {"A": 1}).number, shipped(conn, {"A": 2}), draft(conn, {"A": 3, "B": 1}, "annex", "shop").number

    def numbers(wanted: Filter, **more: Any) -> list[int]:
        return [row.number for row in pages.transfer_rows(conn, wanted, **more)]

    assert numbers(Filter()) == [three, two, one]
    assert numbers(Filter(), limit=2) == [three, two]
    assert numbers(Filter(), before=two) == [one]
    assert numbers(Filter(state="shipped")) == [two]
    assert numbers(Filter(origin="annex")) == numbers(Filter(destination="shop")) == [three]
    assert numbers(Filter("draft", "main", "annex")) == [one]
    with pytest.raises(UnknownLocation):
        numbers(Filter(origin="nowhere"))
    row = pages.transfer_rows(conn, Filter(), limit=1)[0]
    assert (row.lines, row.quantity, row.received, row.in_transit, row.missing, row.over, row.value) == (2, 4, 0, 0, 0, 0, "0.00")
    assert [(line.sku, line.available) for line in pages.one_transfer(conn, one).lines] == [("A", 8)]
    for unknown in (999, 0, -1, 2**80):
        with pytest.raises(UnknownDocument):
            pages.one_transfer(conn, unknown)


def test_the_log_can_be_asked_by_its_reference(conn: Connection) -> None:
    number = shipped(conn, {"A": 4})
    arrive(conn, number, {"A": 1})
    close(conn, number)
    log = movements.c
    sums = conn.execute(select(func.sum(log.on_hand), func.sum(log.incoming)).where(log.reference == f"TR-{number}")).one()
    assert tuple(sums) == (-3, 0), "three are missing, and nothing is on its way"
