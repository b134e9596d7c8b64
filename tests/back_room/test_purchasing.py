"""Purchase orders from draft to receipt: what each verb moves, what it refuses, and that a refusal changes nothing."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, select, update

from channelsync.ledger import bundling, reservations, stock
from channelsync.ledger.audit import audit
from channelsync.ledger.bundling import Define, Part
from channelsync.ledger.documents.states import UnknownDocument, WrongState
from channelsync.ledger.purchasing import drafting, ordering, receiving, suppliers
from channelsync.ledger.purchasing.drafting import Draft, Edit, Wanted
from channelsync.ledger.purchasing.ordering import Cancel, Close, Order
from channelsync.ledger.purchasing.orders import LineTold
from channelsync.ledger.purchasing.receiving import MoreThanOrdered, Receive
from channelsync.ledger.purchasing.suppliers import SetSupplier, SetSupply, SupplierSet, SupplySet, UnknownSupplier
from channelsync.ledger.refusals import KeyReused, NotAllowed, UnknownLocation, UnknownSku
from channelsync.ledger.schema import findings, locations, movements, purchase_orders, supplies
from support.purchasing import (
    arrive,
    cost_of,
    draft,
    edit,
    only,
    ordered,
    refused,
    say_cost,
    state_of,
    supplier,
    supply,
    to_come,
    try_to_receive,
    wanted,
)
from support.stock import NOW, assert_adds_up, level, open_channel, open_locations, put, want


@pytest.fixture(autouse=True)
def _places(conn: Connection) -> None:
    open_locations(conn, "main", "annex")
    put(conn, "A", 4)
    put(conn, "B", 0)


def proven(conn: Connection) -> None:
    assert audit(conn) == []
    assert_adds_up(conn)


def own_to(conn: Connection, location: str) -> None:
    channel = open_channel(conn, "erp", None)
    conn.execute(update(locations).where(locations.c.code == location).values(authority_id=channel))


# -- suppliers -------------------------------------------------------------------------------------------------------------------------------


def test_a_supplier_is_made_and_changed_bit_by_bit(conn: Connection) -> None:
    def say(**more: Any) -> SupplierSet:
        answer: SupplierSet = only(suppliers.set_supplier(conn, [SetSupplier("ACME", **more)], NOW))
        return answer

    assert say(name="Acme Ltd", lead_days=7) == SupplierSet("ACME", "Acme Ltd", 7, created=True)
    assert say(lead_days=9) == SupplierSet("ACME", "Acme Ltd", 9, created=False)
    assert say(name="Acme") == SupplierSet("ACME", "Acme", 9, created=False)
    assert say(forget_lead=True) == SupplierSet("ACME", "Acme", None, created=False)


@pytest.mark.parametrize(
    "wrong", [SetSupplier(""), SetSupplier(" A"), SetSupplier("A" * 65), SetSupplier("A", lead_days=-1), SetSupplier("A\x00")]
)
def test_what_is_no_supplier_is_refused(conn: Connection, wrong: SetSupplier) -> None:
    assert isinstance(refused(suppliers.set_supplier(conn, [wrong], NOW)), NotAllowed)


def test_a_sku_is_bought_from_one_supplier_at_a_time(conn: Connection) -> None:
    supplier(conn, "ACME", lead_days=7)
    supplier(conn, "BULK")
    first = only(suppliers.set_supply(conn, [SetSupply("A", "ACME", "AC-1", "2.5", least=10, multiple=6)], NOW))
    assert first == SupplySet("A", "ACME", "AC-1", "2.50", None, 10, 6)
    supply(conn, "A", "BULK", lead_days=3)
    (row,) = conn.execute(select(supplies)).all()
    assert (row.code, row.cost, row.lead_days, row.least, row.multiple) == ("", None, 3, None, None), "all of it, as it was said last"
    supply(conn, "A", None)
    assert conn.execute(select(supplies)).all() == []


def test_a_supply_that_makes_no_sense_is_refused(conn: Connection) -> None:
    supplier(conn, "ACME")
    only(bundling.define(conn, [Define("KIT", (Part("A", 2),))], NOW))

    def why(*said: Any, **more: Any) -> object:
        return refused(suppliers.set_supply(conn, [SetSupply(*said, **more)], NOW))

    assert isinstance(why("A", "NOBODY"), UnknownSupplier)
    assert isinstance(why("NONE", "ACME"), UnknownSku)
    assert isinstance(why("NONE", None), UnknownSku)
    assert "is a bundle" in str(why("KIT", "ACME"))
    assert "write it like 12.50" in str(why("A", "ACME", cost="1,5"))
    assert "too small" in str(why("A", "ACME", multiple=0))
    assert conn.execute(select(supplies)).all() == []


# -- drafts ----------------------------------------------------------------------------------------------------------------------------------


def test_a_draft_moves_nothing_and_takes_the_agreed_costs(conn: Connection) -> None:
    supplier(conn, "ACME")
    supplier(conn, "BULK")
    supply(conn, "A", "ACME", cost="2.50")
    supply(conn, "B", "BULK", cost="9")
    made = draft(conn, {"A": 10, "B": 5}, supplier="ACME", reference="Q-17", note="before Easter")
    assert made.lines == (LineTold("A", 10, 0, 0, "2.50"), LineTold("B", 5, 0, 0, None)), (
        "what another supplier asks is no cost of this one"
    )
    assert (made.state, made.supplier, made.location, made.reference, made.note) == ("draft", "ACME", "main", "Q-17", "before Easter")
    assert draft(conn, {"A": (10, "2.1"), "B": 5}).lines == (LineTold("A", 10, 0, 0, "2.10"), LineTold("B", 5, 0, 0, "9.00"))
    assert level(conn, "A").incoming == 0
    proven(conn)


def test_an_edited_draft_keeps_what_is_not_named(conn: Connection) -> None:
    supplier(conn, "ACME")
    number = draft(conn, {"A": 10, "B": 5}, supplier="ACME", note="n", expected_on="2026-02-01").number
    assert edit(conn, number, reference="R").lines == (LineTold("A", 10, 0, 0, None), LineTold("B", 5, 0, 0, None))
    now = edit(conn, number, lines=wanted({"B": (7, "1")}), location="annex", supplier="", expected_on="")
    assert (now.lines, now.location, now.supplier, now.expected_on) == ((LineTold("B", 7, 0, 0, "1.00"),), "annex", None, None)
    assert (now.reference, now.note) == ("R", "n")


def test_two_edits_of_one_batch_follow_each_other(conn: Connection) -> None:
    number = draft(conn, {"A": 1}).number
    first, second = drafting.edit(conn, [Edit(number, wanted({"A": 2})), Edit(number, wanted({"B": 3}), note="x")], NOW)
    assert [(line.sku, line.ordered) for line in first.lines] == [("A", 2)]  # type: ignore[union-attr]
    assert [(line.sku, line.ordered) for line in second.lines] == [("B", 3)]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (Draft("main", ()), "1 to 1000 lines"),
        (Draft("main", wanted({"A": 0})), "too small"),
        (Draft("main", (Wanted("A", 1), Wanted("A", 2))), "more than one line"),
        (Draft("main", wanted({"A": (1, "-1")})), "write it like 12.50"),
        (Draft("main", wanted({"A": 1}), expected_on="24.12.2026"), "2026-12-24"),
        (Draft("main", wanted({"A": 1}), expected_on="20261224"), "2026-12-24"),
        (Draft("main", wanted({"NONE": 1})), "no SKU 'NONE'"),
        (Draft("nowhere", wanted({"A": 1})), "no location 'nowhere'"),
        (Draft("main", wanted({"A": 1}), supplier="NOBODY"), "no supplier 'NOBODY'"),
        (Draft("main", wanted({"A": 1}), actor="x" * 129), "actor"),
    ],
)
def test_what_is_no_draft_is_refused_and_leaves_nothing(conn: Connection, wrong: Draft, why: str) -> None:
    assert why in str(refused(drafting.draft(conn, [wrong], NOW)))
    assert conn.execute(select(purchase_orders)).all() == []


def test_a_refused_edit_leaves_the_draft_as_it_was(conn: Connection) -> None:
    number = draft(conn, {"A": 10}).number
    assert isinstance(refused(drafting.edit(conn, [Edit(number, wanted({"NONE": 1}), note="x")], NOW)), UnknownSku)
    assert isinstance(refused(drafting.edit(conn, [Edit(number, location="nowhere", note="x")], NOW)), UnknownLocation)
    now = edit(conn, number)
    assert (now.lines, now.note) == ((LineTold("A", 10, 0, 0, None),), "")


# -- ordered ---------------------------------------------------------------------------------------------------------------------------------


def test_what_is_ordered_is_incoming_and_never_available(conn: Connection) -> None:
    number = ordered(conn, {"A": 10, "B": 5})
    assert (level(conn, "A").incoming, level(conn, "A").available, level(conn, "B").incoming) == (10, 4, 5)
    rows = conn.execute(select(movements.c.type, movements.c.incoming).where(movements.c.reference == f"PO-{number}")).all()
    assert sorted(tuple(row) for row in rows) == [("expect", 5), ("expect", 10)]
    assert not isinstance(reservations.reserve(conn, [want("A", 4)], NOW)[0], NotAllowed)
    assert reservations.reserve(conn, [want("A", 1, "other")], NOW)[0].code == "insufficient_stock"  # type: ignore[union-attr]
    proven(conn)


def test_it_is_expected_after_the_longest_lead_time_of_its_lines(conn: Connection) -> None:
    supplier(conn, "ACME", lead_days=7)
    supply(conn, "A", "ACME", lead_days=12)

    def expected(lines: dict[str, int | tuple[int, str]], said: str = "", **more: Any) -> date | None:
        number = draft(conn, lines, **more).number
        day: date | None = only(ordering.order(conn, [Order(number, said)], NOW)).expected_on
        return day

    assert expected({"A": 1, "B": 1}, supplier="ACME") == (NOW + timedelta(days=12)).date()
    assert expected({"B": 1}, supplier="ACME") == (NOW + timedelta(days=7)).date()
    assert expected({"B": 1}) is None, "nobody knows"
    assert expected({"A": 1}, supplier="ACME", expected_on="2026-03-01") == date(2026, 3, 1)
    assert expected({"A": 1}, "2026-04-01", supplier="ACME", expected_on="2026-03-01") == date(2026, 4, 1)


def test_a_cancelled_order_brings_nothing(conn: Connection) -> None:
    number, unsent = ordered(conn, {"A": 10}), draft(conn, {"A": 1}).number
    for each in (number, unsent):
        assert only(ordering.cancel(conn, [Cancel(each, "too dear")], NOW)).state == "cancelled"
    assert level(conn, "A").incoming == 0
    assert conn.scalar(select(movements.c.reason).where(movements.c.reference == f"PO-{number}", movements.c.incoming < 0)) == "too dear"
    proven(conn)


def test_only_what_is_drawn_can_be_done(conn: Connection) -> None:
    number = draft(conn, {"A": 10}).number
    assert isinstance(refused(try_to_receive(conn, number)), WrongState)
    assert isinstance(refused(ordering.close(conn, [Close(number)], NOW)), WrongState)
    only(ordering.order(conn, [Order(number)], NOW))
    assert isinstance(refused(ordering.order(conn, [Order(number)], NOW)), WrongState)
    assert isinstance(refused(drafting.edit(conn, [Edit(number, note="late")], NOW)), WrongState)
    assert "can be done with it: receive, cancel" in str(refused(ordering.close(conn, [Close(number)], NOW)))
    arrive(conn, number, {"A": 1})
    assert isinstance(refused(ordering.cancel(conn, [Cancel(number)], NOW)), WrongState)
    for unknown in (999, 0, -1, 2**80):
        assert isinstance(refused(try_to_receive(conn, unknown)), UnknownDocument)
    assert level(conn, "A").incoming == 9


# -- received --------------------------------------------------------------------------------------------------------------------------------


def test_it_arrives_bit_by_bit(conn: Connection) -> None:
    number = ordered(conn, {"A": 10, "B": 5})
    first = arrive(conn, number, {"A": 4})
    assert (first.state, first.incoming, first.lines[0].on_hand, first.lines[0].incoming) == ("part_received", 11, 8, 6)
    assert (level(conn, "A").on_hand, level(conn, "A").incoming) == (8, 6)
    last = arrive(conn, number)
    assert [(line.sku, line.quantity) for line in last.lines] == [("A", 6), ("B", 5)]
    assert (last.state, last.incoming, state_of(conn, number)) == ("received", 0, "received")
    assert (level(conn, "A").on_hand, level(conn, "B").on_hand, to_come(conn)) == (14, 5, 0)
    assert "nothing is still to come" in str(refused(try_to_receive(conn, number)))
    proven(conn)


def test_what_is_not_coming_any_more_is_closed(conn: Connection) -> None:
    number = ordered(conn, {"A": 10, "B": 5})
    arrive(conn, number, {"A": 4})
    closed = only(ordering.close(conn, [Close(number)], NOW))
    assert (closed.state, level(conn, "A").incoming, level(conn, "B").incoming) == ("received", 0, 0)
    assert arrive(conn, number, {"B": 2}, over=True).lines[0].over == 2, "it came after all"
    assert (level(conn, "B").on_hand, level(conn, "B").incoming) == (2, 0)
    proven(conn)


def test_more_than_was_ordered_must_be_said(conn: Connection) -> None:
    number = ordered(conn, {"A": 10, "B": 5})
    why = refused(try_to_receive(conn, number, {"B": 5, "A": 12}))
    assert isinstance(why, MoreThanOrdered)
    assert "12 arrived, and of purchase order" in str(why)
    assert "10 are still to come (10 ordered, 0 received)" in str(why)
    assert (level(conn, "B").on_hand, level(conn, "B").incoming) == (0, 5), "all lines or none"
    done = arrive(conn, number, {"A": 12}, over=True)
    assert (done.lines[0].over, done.lines[0].incoming, done.state) == (2, 0, "part_received")
    assert (level(conn, "A").on_hand, level(conn, "A").incoming) == (16, 0)
    proven(conn)


def test_what_is_not_on_the_order_does_not_arrive_by_it(conn: Connection) -> None:
    number = ordered(conn, {"A": 10})
    assert "is not on purchase order" in str(refused(try_to_receive(conn, number, {"A": 1, "B": 1}, over=True)))
    assert "is in the future" in str(refused(try_to_receive(conn, number, occurred_at=NOW + timedelta(days=1))))
    assert "write it like 12.50" in str(refused(try_to_receive(conn, number, {"A": (1, "x")})))
    assert level(conn, "A").on_hand == 4


def test_a_receipt_has_its_own_time_and_is_counted_with_what_came_since(conn: Connection) -> None:
    number = ordered(conn, {"A": 10})
    arrive(conn, number, {"A": 3}, at=NOW + timedelta(hours=5), occurred_at=NOW + timedelta(hours=2))
    (posted,) = stock.count(conn, [stock.Change("A", "main", 5, occurred_at=NOW + timedelta(hours=1))], NOW + timedelta(hours=6))
    assert posted.on_hand == 8  # type: ignore[union-attr]
    proven(conn)


def test_a_batch_goes_on_where_its_first_line_ended(conn: Connection) -> None:
    one, two = ordered(conn, {"A": 10}), ordered(conn, {"A": (5, "3")})
    say_cost(conn, "A", "1")
    lines = (receiving.Arrived("A", 8),)
    answers = receiving.receive(conn, [Receive(one, lines), Receive(one, lines), Receive(two), Receive(one)], NOW)
    assert [getattr(answer, "code", getattr(answer, "state", None)) for answer in answers] == [
        "part_received",
        "more_than_ordered",
        "received",
        "received",
    ]
    assert (level(conn, "A").on_hand, level(conn, "A").incoming) == (19, 0)
    assert cost_of(conn, "A") == "1.5882", "12 at 1.00 and 5 at 3.00; the last two had no cost"
    proven(conn)


def test_a_receipt_ends_an_oversell(conn: Connection) -> None:
    number = ordered(conn, {"A": 10})
    only(reservations.reserve(conn, [want("A", 4)], NOW))
    only(stock.count(conn, [stock.Change("A", "main", 1)], NOW))
    assert conn.scalar(select(findings.c.resolved_at).where(findings.c.kind == "oversell")) is None
    arrive(conn, number)
    assert conn.scalar(select(findings.c.resolved_at).where(findings.c.kind == "oversell")) == NOW


def test_where_an_authority_owns_on_hand_nothing_is_bought(conn: Connection) -> None:
    drafted, under_way = draft(conn, {"A": 1}).number, ordered(conn, {"A": 10})
    own_to(conn, "main")
    reason = "belongs to 'erp'"
    assert reason in str(refused(drafting.draft(conn, [Draft("main", wanted({"A": 1}))], NOW)))
    assert reason in str(refused(ordering.order(conn, [Order(drafted)], NOW)))
    assert reason in str(refused(try_to_receive(conn, under_way)))
    assert (level(conn, "A").on_hand, level(conn, "A").incoming) == (4, 10)
    assert only(ordering.cancel(conn, [Cancel(under_way)], NOW)).state == "cancelled", "what will not come can be said"


def test_a_sku_that_became_a_bundle_is_not_received(conn: Connection) -> None:
    number, unsent = ordered(conn, {"B": 5, "A": 1}), draft(conn, {"B": 1}).number
    arrive(conn, number, {"A": 1})
    only(ordering.close(conn, [Close(number)], NOW))
    only(bundling.define(conn, [Define("B", (Part("A", 2),))], NOW))
    assert "is a bundle" in str(refused(try_to_receive(conn, number, {"B": 5}, over=True)))
    assert "is a bundle" in str(refused(ordering.order(conn, [Order(unsent)], NOW)))
    proven(conn)


def test_a_key_does_it_once(conn: Connection) -> None:
    number = ordered(conn, {"A": 10})
    first = arrive(conn, number, {"A": 4}, key="k")
    again = arrive(conn, number, {"A": 4}, key="k")
    assert (again.repeat, again.lines, level(conn, "A").on_hand) == (True, first.lines, 8)
    assert isinstance(refused(try_to_receive(conn, number, {"A": 5}, key="k")), KeyReused)
    made = [draft(conn, {"A": 1}, key="d") for _ in range(2)]
    assert (made[0].number, made[1].repeat) == (made[1].number, True)


def test_the_log_tells_at_what_cost_units_came(conn: Connection) -> None:
    number = ordered(conn, {"A": (10, "2.5")})
    arrive(conn, number, {"A": (4, "2.25")})
    arrive(conn, number)
    rows = conn.execute(select(movements.c.on_hand, movements.c.reason).where(movements.c.type == "receive").order_by(movements.c.id)).all()
    assert [tuple(row) for row in rows] == [(4, "at 2.25"), (6, "at 2.50")]
