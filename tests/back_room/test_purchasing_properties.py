"""Whatever is bought, sold, counted and cancelled, in whatever order: what is incoming is what is still to come, costs stay between those that were
paid, and a refusal has changed nothing.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, func, select

from channelsync.ledger import reservations, stock
from channelsync.ledger.audit import audit
from channelsync.ledger.costs import parsed
from channelsync.ledger.fulfilment import Fulfil, fulfil
from channelsync.ledger.holds import Which
from channelsync.ledger.purchasing.drafting import Draft, Edit, Wanted, draft, edit
from channelsync.ledger.purchasing.ordering import Cancel, Close, Order, cancel, close, order
from channelsync.ledger.purchasing.receiving import Arrived, Receive, receive
from channelsync.ledger.refusals import Refusal
from channelsync.ledger.reservations import Line, Reserve
from channelsync.ledger.schema import metadata, movements, purchase_lines, purchase_orders, skus, stock_levels
from channelsync.ledger.stock import Change
from support.stock import NOW, assert_adds_up, open_locations, put

SKUS = st.sampled_from(["A", "B", "C"])
PLACES = st.sampled_from(["main", "annex"])
COSTS = st.none() | st.sampled_from(["0", "1", "2.5", "3.3333"])
UNITS = st.integers(1, 9)
WHICH = st.integers(0, 2)
"""Among the orders that were drafted, by place."""


def lines(kind: Any, least: int) -> st.SearchStrategy[Any]:
    each = st.builds(kind, SKUS, UNITS, COSTS)
    return st.lists(each, min_size=least, max_size=3, unique_by=lambda line: line.sku).map(tuple)


def many(verb: Any, item: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.tuples(st.just(verb), st.lists(item, min_size=1, max_size=3))


ONE_RECEIPT = st.builds(Receive, WHICH, lines(Arrived, 0), st.booleans())
STEP = st.one_of(
    many(draft, st.builds(Draft, PLACES, lines(Wanted, 1))),
    many(order, st.builds(Order, WHICH)),
    many(order, st.builds(Order, WHICH)),
    many(receive, ONE_RECEIPT),
    many(receive, ONE_RECEIPT),
    many(edit, st.builds(Edit, WHICH, st.none() | lines(Wanted, 1), location=st.none() | PLACES)),
    many(close, st.builds(Close, WHICH)),
    many(cancel, st.builds(Cancel, WHICH)),
    many(stock.receive, st.builds(Change, SKUS, PLACES, UNITS)),
    many(stock.count, st.builds(Change, SKUS, PLACES, st.integers(0, 9))),
    many(
        reservations.reserve, st.builds(lambda sku, place, units: Reserve("cart", (Line(sku, place, units),), "hard"), SKUS, PLACES, UNITS)
    ),
    many(fulfil, st.just(Fulfil(Which(reference="cart")))),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(STEP, min_size=3, max_size=14))
def test_every_way_keeps_the_rules(conn: Connection, steps: list[Any]) -> None:
    with conn.begin_nested() as savepoint:
        open_locations(conn, "main", "annex")
        for sku in ("A", "B", "C"):
            put(conn, sku, 3)
        numbers, paid = [0], defaultdict[str, set[int]](set)
        for verb, asked in steps:
            items = [_numbered(item, numbers) for item in asked]
            before = _everything(conn)
            answers = verb(conn, items, NOW)
            if all(isinstance(answer, Refusal) for answer in answers):
                assert _everything(conn) == before, "a refusal has changed something"
            numbers += [answer.number for answer in answers if verb is draft and not isinstance(answer, Refusal)]
            _remember_what_was_paid(conn, paid)
            _what_is_incoming_is_to_come(conn)
            _costs_are_between_those_paid(conn, paid)
        assert_adds_up(conn)
        assert audit(conn) == []
        savepoint.rollback()


def _numbered(item: Any, numbers: list[int]) -> Any:
    """Which order is meant is said by its place: the database gives the numbers."""
    return replace(item, number=numbers[-1 - item.number % len(numbers)]) if hasattr(item, "number") else item


def _everything(conn: Connection) -> dict[str, Any]:
    """But levels of nothing: looking at a level makes its row."""
    tables = {name: table for name, table in metadata.tables.items() if name != "stock_levels"}
    rows = {name: [tuple(row) for row in conn.execute(select(table))] for name, table in tables.items()}
    levels = [tuple(row) for row in conn.execute(select(stock_levels).order_by(stock_levels.c.sku_id, stock_levels.c.location_id))]
    return rows | {"stock_levels": [row for row in levels if any(row[2:])]}


def _what_is_incoming_is_to_come(conn: Connection) -> None:
    line, coming = purchase_lines.c, defaultdict[tuple[int, int], int](int)
    query = select(purchase_lines, purchase_orders.c.state, purchase_orders.c.location_id).join(purchase_orders)
    rows = conn.execute(query.order_by(line.id)).all()
    for row in rows:
        open_ = row.state in ("ordered", "part_received")
        assert row.incoming == (max(0, row.ordered - row.received) if open_ else 0), row
        coming[row.sku_id, row.location_id] += row.incoming
        log = movements.c
        came = select(func.coalesce(func.sum(log.on_hand), 0), func.coalesce(func.sum(log.incoming), 0))
        sums = conn.execute(came.where(log.reference == f"PO-{row.order_id}", log.sku_id == row.sku_id)).one()
        assert tuple(sums) == (row.received, row.incoming), "the log tells the same of each line"
    for number, state in {(row.order_id, row.state) for row in rows}:
        mine = [row for row in rows if row.order_id == number]
        assert (state in ("ordered", "part_received")) == any(row.incoming for row in mine)
        assert (state == "ordered") <= all(row.received == 0 for row in mine)
    query = select(stock_levels.c.sku_id, stock_levels.c.location_id, stock_levels.c.incoming).where(stock_levels.c.incoming != 0)
    assert {(row[0], row[1]): row[2] for row in conn.execute(query)} == {key: units for key, units in coming.items() if units}


def _remember_what_was_paid(conn: Connection, paid: dict[str, set[int]]) -> None:
    """By the log: what each receipt says it cost."""
    query = select(skus.c.sku, movements.c.reason).join(skus, skus.c.id == movements.c.sku_id).where(movements.c.reason.like("at %"))
    for sku, reason in conn.execute(query):
        paid[sku].add(parsed(reason.removeprefix("at ")))


def _costs_are_between_those_paid(conn: Connection, paid: dict[str, set[int]]) -> None:
    for sku, cost in conn.execute(select(skus.c.sku, skus.c.unit_cost)):
        assert (cost is None) == (not paid[sku]), sku
        assert cost is None or min(paid[sku]) <= cost <= max(paid[sku]), (sku, cost, paid[sku])
