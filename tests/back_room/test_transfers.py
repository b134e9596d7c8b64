"""Transfers that are drafted and shipped: what each verb moves, what it refuses, and that a refusal changes nothing; and how they are listed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, func, select

from channelsync.ledger import reservations, stock
from channelsync.ledger.documents.lines import Line
from channelsync.ledger.documents.states import UnknownDocument, WrongState
from channelsync.ledger.purchasing.coming import Coming, coming
from channelsync.ledger.refusals import InsufficientStock, UnknownLocation, UnknownSku
from channelsync.ledger.schema import movements, transfers
from channelsync.ledger.transfers import drafting, pages, receiving, shipping
from channelsync.ledger.transfers.book import LineTold
from channelsync.ledger.transfers.drafting import Draft, Edit
from channelsync.ledger.transfers.pages import Filter
from channelsync.ledger.transfers.receiving import Close
from channelsync.ledger.transfers.shipping import Cancel, NotThere, Ship
from support.documents import proven
from support.purchasing import only, refused
from support.stock import NOW, open_locations, put, want
from support.transfers import arrive, cancel, close, draft, edit, here, shipped, try_to_receive, try_to_ship, units

HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _places(conn: Connection) -> None:
    open_locations(conn, "main", "annex", "shop")
    put(conn, "A", 10)
    put(conn, "B", 4)


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
