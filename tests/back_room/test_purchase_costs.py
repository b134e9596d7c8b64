"""What one unit costs after a receipt."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, insert, select

from channelsync.ledger.purchasing.averaging import averaged
from channelsync.ledger.schema import locations, skus, transfer_lines, transfers
from channelsync.ledger.stats import By, stats
from support.purchasing import arrive, cost_of, ordered, say_cost
from support.stock import NOW, open_locations, put


@pytest.mark.parametrize(
    ("units", "cost", "received", "at", "after"),
    [
        (10, 10_000, 10, 20_000, 15_000),
        (3, 10_000, 1, 20_000, 12_500),
        (2, 10_000, 1, 10_001, 10_000),  # a third more is rounded down,
        (1, 10_000, 1, 10_001, 10_001),  # a half up
        (1, 10_000, 2, 10_001, 10_001),
        (0, 10_000, 5, 20_000, 20_000),  # nothing there
        (7, None, 5, 20_000, 20_000),  # what is there has no known cost
        (7, 10_000, 5, None, 10_000),  # what came has none
        (0, 10_000, 5, None, 10_000),
        (0, None, 5, None, None),
        (5, 0, 5, 1, 1),
        (10**12, 9_999_999_999_999, 10**9, 0, 9_990_009_990_009),
    ],
)
def test_the_average_of_worked_cases(units: int, cost: int | None, received: int, at: int | None, after: int | None) -> None:
    assert averaged(units, cost, received, at) == after


AMOUNT = st.integers(0, 10**13)
UNITS = st.integers(1, 10**9)


@given(units=UNITS, cost=AMOUNT, received=UNITS, at=AMOUNT)
def test_an_average_lies_between_both_and_its_value_is_right_to_half_a_unit_of_money(units: int, cost: int, received: int, at: int) -> None:
    after = averaged(units, cost, received, at)
    assert after is not None
    assert min(cost, at) <= after <= max(cost, at)
    assert abs(2 * (after * (units + received) - units * cost - received * at)) <= units + received


def test_the_value_of_the_stock_follows(conn: Connection) -> None:
    open_locations(conn, "main", "annex")
    put(conn, "A", 6)
    put(conn, "A", 4, "annex")
    say_cost(conn, "A", "1")
    (line,) = arrive(conn, ordered(conn, {"A": (10, "2")})).lines
    assert (line.was, line.cost, cost_of(conn, "A")) == ("1.00", "1.50", "1.50"), "what lies at other places counts"
    (row,) = stats(conn, By.SKU, NOW)
    assert row.value == "30.00"


def test_units_between_our_own_places_are_there_too(conn: Connection) -> None:
    open_locations(conn, "main", "annex")
    put(conn, "A", 0)
    say_cost(conn, "A", "1")
    here, there = conn.scalars(select(locations.c.id).order_by(locations.c.id))
    head = {"from_id": here, "to_id": there, "state": "shipped", "created_at": NOW}
    number = conn.execute(insert(transfers).values(head).returning(transfers.c.id)).scalar_one()
    sku_id = conn.scalar(select(skus.c.id).where(skus.c.sku == "A"))
    conn.execute(insert(transfer_lines).values(transfer_id=number, sku_id=sku_id, quantity=10, in_transit=10))
    arrive(conn, ordered(conn, {"A": (10, "2")}))
    assert cost_of(conn, "A") == "1.50"


def test_a_receipt_without_a_cost_changes_none_and_the_first_known_one_holds(conn: Connection) -> None:
    open_locations(conn, "main")
    put(conn, "A", 5)
    number = ordered(conn, {"A": 10})
    assert arrive(conn, number, {"A": 2}).lines[0].cost is None
    (line,) = arrive(conn, number, {"A": (2, "3")}).lines
    assert (line.was, line.cost) == (None, "3.00")
    assert arrive(conn, number).lines[0].cost == "3.00"
    assert cost_of(conn, "A") == "3.00"
