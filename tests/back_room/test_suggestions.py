"""What should be ordered: the arithmetic by worked cases, what it is made of, and the drafts that come of it."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, func, insert, select, update

from channelsync.ledger import bundling, fulfilment, reorder_levels, reservations, stock
from channelsync.ledger.audit import audit
from channelsync.ledger.bundling import Define, Part
from channelsync.ledger.holds import Which
from channelsync.ledger.purchasing import from_suggestions, ordering, suggestions
from channelsync.ledger.purchasing.from_suggestions import DraftSuggested
from channelsync.ledger.purchasing.ordering import Order
from channelsync.ledger.purchasing.suggesting import Facts, Threshold, advise, shown
from channelsync.ledger.purchasing.suggestions import Question, Suggestion
from channelsync.ledger.purchasing.suppliers import UnknownSupplier
from channelsync.ledger.refusals import NotAllowed, Refusal, UnknownLocation, UnknownSku
from channelsync.ledger.reorder_levels import SetReorder
from channelsync.ledger.schema import channels, locations, low_stock, order_lines, orders, purchase_orders, skus
from support.purchasing import draft, only, ordered, refused, supplier, supply
from support.stock import NOW, open_channel, open_locations, want

USUAL = Facts(sold=28, days=28, out_days=0, available=10, incoming=0, drafted=0, lead_days=7, lead_from="supplier", cover_days=21)


@pytest.mark.parametrize(
    ("change", "quantity", "why"),
    [
        ({}, 18, "one a day for 28 days, 10 are there"),
        ({"incoming": 12, "drafted": 6}, 0, "what is coming and what is drafted is there"),
        ({"incoming": 12, "drafted": 5}, 1, "one is missing"),
        ({"available": -3}, 31, "what is promised is owed"),
        ({"sold": 27}, 17, "27 in 28 days for 28 days"),
        ({"sold": 1, "available": 0}, 1, "a part of a unit is one"),
        ({"sold": 14, "out_days": 14}, 18, "half of the days there was nothing to sell"),
        ({"sold": 14, "out_days": 27}, 46, "one good day is no rate: seven days count at least"),
        ({"sold": 14, "days": 3}, 121, "unless only three were asked for"),
        ({"sold": 28, "out_days": 28}, 18, "backorders only: all days count"),
        ({"sold": 0}, 0, "nothing sells"),
        ({"sold": 0, "available": -4}, 4, "nothing sells any more, four are owed"),
        ({"lead_days": 0, "cover_days": 0}, 0, "no days, no units"),
        ({"least": 50}, 50, "no fewer than"),
        ({"multiple": 12}, 24, "cartons of 12"),
        ({"least": 50, "multiple": 12}, 60, "no fewer than, in cartons"),
        ({"available": 28, "least": 50, "multiple": 12}, 0, "nothing is needed, so nothing is ordered"),
        ({"thresholds": (Threshold(10, None, 10),), "sold": 0}, 1, "low: up to one above the level"),
        ({"thresholds": (Threshold(9, 40, 10),), "sold": 0}, 0, "not low"),
        ({"thresholds": (Threshold(10, 40, 10),)}, 40, "the reorder quantity, where that is more"),
        ({"thresholds": (Threshold(10, 5, 10),)}, 18, "what sales take, where that is more"),
        ({"thresholds": (Threshold(10, 0, 10),), "sold": 0}, 0, "said: none"),
        ({"thresholds": (Threshold(3, 5, 10), Threshold(20, 30, 15, everywhere=True)), "sold": 0}, 30, "low over all locations"),
    ],
)
def test_the_sum_of_worked_cases(change: dict[str, Any], quantity: int, why: str) -> None:
    assert advise(replace(USUAL, **change)).quantity == quantity, why


def test_how_long_it_lasts_and_how_much_time_is_left() -> None:
    advice = advise(replace(USUAL, sold=14, incoming=2))
    assert (advice.per_day, advice.days_left, advice.spare) == (Fraction(1, 2), Fraction(24), Fraction(17))
    assert advise(replace(USUAL, sold=0)).days_left is None
    assert advise(replace(USUAL, sold=0, available=0)).spare == -7, "nothing left is nothing left"


def test_the_sum_is_shown_term_by_term() -> None:
    facts = replace(USUAL, sold=42, out_days=2, incoming=4, least=50, multiple=12, thresholds=(Threshold(20, 24, 14),))
    assert shown(facts, advise(facts)) == (
        "sold 42 in 26 days (2 of 28 without stock are not counted): 1.62 a day",
        "for 7 days until it is there (the supplier's) and 21 days after that: 46",
        "there: 10 available + 4 incoming + 0 on drafts = 14",
        "short by 46 - 14: 32",
        "low at 20, and 14 are there: to reorder 24",
        "needed: 32",
        "at least 50 and in multiples of 12: 60",
    )


NUMBER = st.integers(0, 10_000)


@given(
    sold=NUMBER,
    out_days=st.integers(0, 28),
    available=st.integers(-500, 10_000),
    incoming=NUMBER,
    lead=st.integers(0, 90),
    cover=st.integers(0, 90),
    least=st.none() | st.integers(1, 500),
    multiple=st.none() | st.integers(1, 48),
)
def test_what_is_ordered_is_enough_and_not_a_carton_too_many(
    sold: int, out_days: int, available: int, incoming: int, lead: int, cover: int, least: int | None, multiple: int | None
) -> None:
    facts = Facts(sold, 28, out_days, available, incoming, 0, lead, "default", cover, (), least, multiple)
    advice = advise(facts)
    need = advice.per_day * (lead + cover) - available - incoming
    enough = max(need, Fraction(least or 0))
    assert (advice.quantity == 0) == (need <= 0)
    if advice.quantity:
        assert advice.quantity >= enough
        assert advice.quantity % (multiple or 1) == 0
        assert advice.quantity - (multiple or 1) < enough


# -- in the ledger ---------------------------------------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def _places(conn: Connection) -> None:
    open_locations(conn, "main", "annex")
    open_channel(conn)


def at(days: float) -> datetime:
    return NOW - timedelta(days=days)


def seed(conn: Connection, sku: str, units: int, location: str = "main", days: float = 40) -> None:
    only(stock.seed(conn, [stock.Change(sku, location, units)], at(days)))


def sell(conn: Connection, sku: str, units: int, days: float, location: str = "main", **more: Any) -> None:
    """An order of the shop, shipped, with no movement: the level was seeded as what was left."""
    sku_id = conn.scalar(select(skus.c.id).where(skus.c.sku == sku))
    place = conn.scalar(select(locations.c.id).where(locations.c.code == location))
    ref = f"o-{conn.scalar(select(func.count()).select_from(orders))}"
    head = {"ref": ref, "state": "open", "digest": "", "snapshot": {}, "modified_at": NOW, "first_seen_at": NOW, "applied_at": NOW}
    head |= {"channel_id": conn.scalar(select(channels.c.id)), "placed_at": at(days), **more}
    number = conn.execute(insert(orders).values(head).returning(orders.c.id)).scalar_one()
    line = {"order_id": number, "line_ref": "1", "sku_id": sku_id, "location_id": place, "quantity": units, "shipped": units}
    conn.execute(insert(order_lines).values(line))


def ask(conn: Connection, **more: Any) -> list[Suggestion]:
    return suggestions.suggest(conn, Question(**more), NOW)


def reorder(conn: Connection, sku: str, low: int | None, units: int | None = None, location: str | None = None) -> None:
    only(reorder_levels.set_reorder(conn, [SetReorder(sku, location, low, units)], NOW))


def test_a_row_is_made_of_what_sold_what_is_there_and_who_sells_it(conn: Connection) -> None:
    supplier(conn, "ACME", lead_days=7)
    seed(conn, "A", 10)
    supply(conn, "A", "ACME", code="AC-1", cost="2.5", multiple=12)
    sell(conn, "A", 20, 3)
    sell(conn, "A", 8, 27.9)
    sell(conn, "A", 99, 28.1)
    sell(conn, "A", 50, 2, before_opening=True)
    (row,) = ask(conn)
    assert row == Suggestion(
        sku="A", title="", location="main", supplier="ACME", supplier_code="AC-1", cost="2.50", sold=28, days=28, out_days=0, per_day=1.0,
        available=10, incoming=0, drafted=0, days_left=10.0, lead_days=7, lead_from="supplier", cover_days=28, spare_days=3.0, demand=35,
        low=False, level=None, reorder=None, needed=25, least=None, multiple=12, quantity=36, sum=row.sum,
    )  # fmt: skip
    assert row.sum[-1] == "in multiples of 12: 36"
    assert ask(conn, days=1) == []
    assert ask(conn, days=7, cover=0)[0].demand == 20


def test_reservations_that_were_shipped_without_an_order_are_sales(conn: Connection) -> None:
    seed(conn, "A", 10)
    only(reservations.reserve(conn, [want("A", 7, "own-shop")], at(5)))
    assert ask(conn, everything=True) == [], "what is only claimed by hand is no sale"
    only(fulfilment.fulfil(conn, [fulfilment.Fulfil(Which(reference="own-shop"))], at(5)))
    (row,) = ask(conn)
    assert (row.sold, row.available, row.demand, row.lead_from) == (7, 3, 11, "default"), "0.25 a day, 14 and 28 days"


def test_days_without_stock_are_not_counted(conn: Connection) -> None:
    seed(conn, "A", 10, days=60)
    only(stock.count(conn, [stock.Change("A", "main", 0)], at(20.5)))
    only(stock.receive(conn, [stock.Change("A", "main", 4)], at(10.5)))
    sell(conn, "A", 18, 2)
    (row,) = ask(conn)
    assert (row.out_days, row.days, row.per_day) == (9, 19, round(18 / 19, 3)), "the days of the last unit and of the first one count"
    sell(conn, "A", 1, 15.5)
    assert ask(conn)[0].out_days == 8, "a day on which it was sold nevertheless"


def test_a_sku_that_is_new_is_judged_by_its_own_days(conn: Connection) -> None:
    seed(conn, "A", 10, days=4.5)
    sell(conn, "A", 10, 2)
    (row,) = ask(conn)
    assert (row.days, row.out_days, row.per_day) == (7, 23, round(10 / 7, 3)), "five days old, seven count at least"
    assert "(23 of 28 were without stock, 7 count at least)" in row.sum[0]
    seed(conn, "B", 10, days=9.5)
    sell(conn, "B", 20, 2)
    assert [(row.days, row.per_day) for row in ask(conn, skus=("B",))] == [(10, 2.0)]


def test_what_is_low_is_listed_though_nothing_sells(conn: Connection) -> None:
    for sku in ("A", "B", "C"):
        seed(conn, sku, 4)
    seed(conn, "A", 5, "annex")
    reorder(conn, "A", 9, 24)
    reorder(conn, "B", 5, 6, "main")
    reorder(conn, "C", 3, 6, "main")
    rows = {row.sku: row for row in ask(conn)}
    assert {sku: (row.location, row.quantity, row.low, row.level) for sku, row in rows.items()} == {
        "A": ("annex", 24, True, 9),
        "B": ("main", 6, True, 5),
    }, "over all locations: at the one that ships first, here by name"
    assert "over all locations low at 9, and 9 are there: to reorder 24" in rows["A"].sum
    conn.execute(update(locations).where(locations.c.code == "main").values(priority=1))
    assert [row.location for row in ask(conn, skus=("A",))] == ["main"]
    assert {row.sku for row in ask(conn, everything=True)} == {"A", "B", "C"}


def test_a_level_over_all_locations_is_for_where_the_sku_lay_and_counts_what_is_suggested_elsewhere(conn: Connection) -> None:
    """Annex comes first: of A somebody only looked for units there; of B, main has a level of its own."""
    seed(conn, "A", 2)
    refused(reservations.reserve(conn, [want("A", 3, location="annex")], NOW))
    seed(conn, "B", 2, "annex")
    seed(conn, "B", 2)
    reorder(conn, "A", 9, 24)
    reorder(conn, "B", 9, 24)
    reorder(conn, "B", 2, 30, "main")
    rows = {(row.sku, row.location): row.quantity for row in ask(conn)}
    assert rows == {("A", "main"): 24, ("B", "main"): 30}, "30 more are no longer low at annex"
    assert ask(conn, location="annex") == []
    (annex,) = ask(conn, location="annex", skus=("B",), everything=True)
    assert "over all locations low at 9, and 34 are there (30 of them suggested for other locations): not low" in annex.sum


def test_the_level_of_the_config_counts_where_people_have_said_none(conn: Connection) -> None:
    seed(conn, "A", 4)
    seed(conn, "B", 4)
    for sku in ("A", "B"):
        sku_id = conn.scalar(select(skus.c.id).where(skus.c.sku == sku))
        conn.execute(insert(low_stock).values(sku_id=sku_id, location_id=0, available=4, level=5, since=NOW))
    reorder(conn, "B", None, 30)
    assert {row.sku: (row.level, row.quantity) for row in ask(conn)} == {"A": (5, 2), "B": (5, 30)}


def test_what_is_coming_or_drafted_is_not_suggested_again(conn: Connection) -> None:
    seed(conn, "A", 4)
    reorder(conn, "A", 5, 6)
    assert [row.quantity for row in ask(conn)] == [6]
    draft(conn, {"A": 2})
    assert ask(conn) == []
    seed(conn, "B", 4)
    reorder(conn, "B", 5, 6)
    ordered(conn, {"B": 2}, "annex")
    assert ask(conn) == []


def test_the_most_urgent_first_in_pages(conn: Connection) -> None:
    supplier(conn, "SLOW", lead_days=60)
    for sku, units, sold in (("A", 30, 28), ("B", 20, 28), ("C", 25, 28), ("D", 1, 0)):
        seed(conn, sku, units)
        if sold:
            sell(conn, sku, sold, 3)
    supply(conn, "A", "SLOW")
    reorder(conn, "D", 5)
    rows = ask(conn)
    assert [(row.sku, row.spare_days) for row in rows] == [("A", -30.0), ("B", 6.0), ("C", 11.0), ("D", None)]
    pages = [suggestions.page(conn, Question(), NOW, after, 2) for after in (0, 2, 4)]
    assert [[row.sku for row in page] for page in pages] == [["A", "B"], ["C", "D"], []]
    assert [row.sku for row in ask(conn, supplier="SLOW")] == ["A"]
    assert ask(conn, location="annex") == []
    assert [row.sku for row in ask(conn, skus=("C", "B"))] == ["B", "C"]


@pytest.mark.parametrize(
    ("asked", "kind"),
    [
        (Question(days=0), NotAllowed),
        (Question(days=366), NotAllowed),
        (Question(cover=-1), NotAllowed),
        (Question(lead=9_999), NotAllowed),
        (Question(location="nowhere"), UnknownLocation),
        (Question(location="a\x00"), NotAllowed),
        (Question(supplier="NOBODY"), UnknownSupplier),
        (Question(skus=("NONE",)), UnknownSku),
        (Question(skus=("",)), NotAllowed),
    ],
)
def test_what_cannot_be_asked_is_told(conn: Connection, asked: Question, kind: type[Refusal]) -> None:
    with pytest.raises(kind):
        suggestions.suggest(conn, asked, NOW)
    said = {name: value for name, value in asdict(asked).items() if name != "everything"}
    assert isinstance(refused(from_suggestions.draft_suggested(conn, [DraftSuggested(**said)], NOW)), kind)


def test_nothing_is_suggested_for_bundles_and_where_an_authority_owns_on_hand(conn: Connection) -> None:
    seed(conn, "A", 0)
    seed(conn, "P", 1)
    seed(conn, "B", 1, "annex")
    only(bundling.define(conn, [Define("A", (Part("P", 2),))], NOW))
    reorder(conn, "A", 5, 6)
    sell(conn, "B", 10, 2, "annex")
    assert [row.sku for row in ask(conn)] == ["B"]
    conn.execute(update(locations).where(locations.c.code == "annex").values(authority_id=conn.scalar(select(channels.c.id))))
    assert ask(conn) == []


def test_drafts_are_made_for_each_supplier_and_location_and_only_once(conn: Connection) -> None:
    supplier(conn, "ACME")
    supplier(conn, "BULK")
    for sku, whose in (("A", "ACME"), ("B", "ACME"), ("C", "BULK"), ("D", None)):
        seed(conn, sku, 1)
        reorder(conn, sku, 5, 6, "main")
        if whose:
            supply(conn, sku, whose, cost="2", multiple=4)
    seed(conn, "A", 1, "annex")
    reorder(conn, "A", 5, 6, "annex")
    asked = DraftSuggested(actor="ann", key="k")
    made = only(from_suggestions.draft_suggested(conn, [asked], NOW))
    assert [(each.supplier, each.location, [(line.sku, line.ordered, line.cost) for line in each.lines]) for each in made.orders] == [
        (None, "main", [("D", 6, None)]),
        ("ACME", "annex", [("A", 8, "2.00")]),
        ("ACME", "main", [("A", 8, "2.00"), ("B", 8, "2.00")]),
        ("BULK", "main", [("C", 8, "2.00")]),
    ]
    assert only(from_suggestions.draft_suggested(conn, [asked], NOW)).repeat
    again = only(from_suggestions.draft_suggested(conn, [DraftSuggested()], NOW))
    assert again.orders == (), "they are on drafts"
    for each in made.orders:
        only(ordering.order(conn, [Order(each.number)], NOW))
    assert ask(conn) == [], "they are coming"
    assert audit(conn) == []


def test_of_the_suggestions_only_what_was_chosen_is_drafted(conn: Connection) -> None:
    supplier(conn, "ACME")
    for sku in ("A", "B", "C"):
        seed(conn, sku, 1)
        reorder(conn, sku, 5, 6, "main")
    supply(conn, "A", "ACME")
    (one,) = only(from_suggestions.draft_suggested(conn, [DraftSuggested(skus=("B",))], NOW)).orders
    assert [(line.sku, line.ordered) for line in one.lines] == [("B", 6)]
    (two,) = only(from_suggestions.draft_suggested(conn, [DraftSuggested(supplier="ACME")], NOW)).orders
    assert (two.supplier, [line.sku for line in two.lines]) == ("ACME", ["A"])


def test_a_draft_that_cannot_be_made_takes_the_others_back(conn: Connection) -> None:
    supplier(conn, "ACME")
    supplier(conn, "BULK")
    for sku, whose in (("A", "ACME"), ("B", "BULK")):
        seed(conn, sku, 1)
        reorder(conn, sku, 5, 6, "main")
        supply(conn, sku, whose)
    reorder(conn, "B", 5, 1_000_000_000, "main")
    supply(conn, "B", "BULK", multiple=999_999_999)
    assert "above the limit" in str(refused(from_suggestions.draft_suggested(conn, [DraftSuggested()], NOW)))
    assert conn.execute(select(purchase_orders)).all() == []
    assert audit(conn) == []
