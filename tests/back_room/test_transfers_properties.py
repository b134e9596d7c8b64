"""Whatever is moved, sold, counted and bought, in whatever order: no unit is lost or made by a transfer, none that is promised is taken, no cost changes."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, func, select

from channelsync.ledger import reservations, stock
from channelsync.ledger.audit import audit
from channelsync.ledger.documents.lines import Line
from channelsync.ledger.fulfilment import Fulfil, fulfil
from channelsync.ledger.holds import Which
from channelsync.ledger.refusals import Refusal
from channelsync.ledger.reservations import Release, Reserve
from channelsync.ledger.schema import BUCKETS, metadata, movements, skus, stock_levels, transfer_lines, transfers
from channelsync.ledger.stock import Change
from channelsync.ledger.transfers.drafting import Draft, Edit, draft, edit
from channelsync.ledger.transfers.receiving import Close, Receive, close, receive
from channelsync.ledger.transfers.shipping import Cancel, Ship, cancel, ship
from channelsync.ledger.verifier import verify
from support.purchasing import only, say_cost
from support.stock import NOW, assert_adds_up, level, open_locations, put
from support.transfers import arrive, shipped

SKUS = st.sampled_from(["A", "B", "C"])
PLACES = st.sampled_from(["main", "annex", "shop"])
UNITS = st.integers(1, 6)
WHICH = st.integers(0, 2)
"""Among the transfers that were drafted, by place."""
VERBS = (draft, edit, ship, receive, close, cancel)
LINES = st.lists(st.builds(Line, SKUS, UNITS), min_size=1, max_size=3, unique_by=lambda line: line.sku).map(tuple)


def many(verb: Any, item: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.tuples(st.just(verb), st.lists(item, min_size=1, max_size=3))


ARRIVED = st.lists(st.builds(Line, st.sampled_from(["A", "B"]), UNITS), min_size=1, max_size=2, unique_by=lambda line: line.sku).map(tuple)
ONE_RECEIPT = st.builds(Receive, WHICH, st.just(()) | ARRIVED | LINES, st.booleans())
STEP = st.one_of(
    many(draft, st.builds(Draft, PLACES, PLACES, LINES)),
    many(ship, st.builds(Ship, WHICH)),
    many(ship, st.builds(Ship, WHICH)),
    many(receive, ONE_RECEIPT),
    many(receive, ONE_RECEIPT),
    many(edit, st.builds(Edit, WHICH, st.none() | LINES, origin=st.none() | PLACES)),
    many(close, st.builds(Close, WHICH)),
    many(cancel, st.builds(Cancel, WHICH)),
    many(stock.receive, st.builds(Change, SKUS, PLACES, UNITS)),
    many(stock.count, st.builds(Change, SKUS, PLACES, st.integers(0, 9))),
    many(
        reservations.reserve,
        st.builds(lambda sku, place, units: Reserve("cart", (reservations.Line(sku, place, units),), "hard"), SKUS, PLACES, UNITS),
    ),
    many(reservations.release, st.just(Release(Which(reference="cart"), quantity=None))),
    many(fulfil, st.just(Fulfil(Which(reference="cart")))),
)
START = st.tuples(
    many(
        reservations.reserve, st.builds(lambda units: Reserve("cart", (reservations.Line("A", "main", units),), "hard"), st.integers(1, 8))
    ),
    many(draft, st.builds(lambda units: Draft("main", "annex", (Line("A", units), Line("B", 3))), st.integers(1, 8))),
    many(ship, st.builds(Ship, st.just(0))),
    many(receive, st.builds(Receive, st.just(0), ARRIVED, st.booleans())),
)
"""So that nearly every example has something to move, and something that may not be."""


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(STEP, min_size=3, max_size=13), START)
def test_every_way_keeps_the_rules(conn: Connection, steps: list[Any], start: Any) -> None:
    with conn.begin_nested() as savepoint:
        open_locations(conn, "main", "annex", "shop")
        for sku in ("A", "B", "C"):
            put(conn, sku, 8)
            say_cost(conn, sku, "2.5")
        numbers = [0]
        for verb, asked in (*start, *steps):
            items = [_numbered(item, numbers) for item in asked]
            before, everything = _look(conn), _everything(conn)
            answers = verb(conn, items, NOW)
            if all(isinstance(answer, Refusal) for answer in answers):
                assert _everything(conn) == everything, "a refusal has changed something"
            numbers += [answer.number for answer in answers if verb is draft and not isinstance(answer, Refusal)]
            _compare(before, _look(conn), by_transfer=verb in VERBS)
            _lines_and_log_agree(conn)
        assert_adds_up(conn)
        assert audit(conn) == []
        assert verify(conn, NOW).mismatches == ()
        savepoint.rollback()


def _numbered(item: Any, numbers: list[int]) -> Any:
    """Which transfer is meant is said by its place: the database gives the numbers."""
    return replace(item, number=numbers[-1 - item.number % len(numbers)]) if hasattr(item, "number") else item


def _everything(conn: Connection) -> dict[str, Any]:
    """But levels of nothing: looking at a level makes its row."""
    tables = {name: table for name, table in metadata.tables.items() if name != "stock_levels"}
    rows = {name: [tuple(row) for row in conn.execute(select(table))] for name, table in tables.items()}
    levels = [tuple(row) for row in conn.execute(select(stock_levels).order_by(stock_levels.c.sku_id, stock_levels.c.location_id))]
    return rows | {"stock_levels": [row for row in levels if any(row[2:])]}


def _look(conn: Connection) -> dict[str, Any]:
    """Levels; what lies on transfers or was lost or found by them, by SKU; and what a unit costs."""
    levels = {(row["sku_id"], row["location_id"]): dict(row) for row in conn.execute(select(stock_levels)).mappings()}
    line, moved = transfer_lines.c, defaultdict[int, int](int)
    for row in conn.execute(select(line.sku_id, line.quantity, line.received, line.in_transit, line.missing)):
        moved[row.sku_id] += row.in_transit + row.missing - max(0, row.received - row.quantity)
    return {"levels": levels, "moved": moved, "costs": dict(conn.execute(select(skus.c.id, skus.c.unit_cost)).all())}


def _units(seen: dict[str, Any]) -> dict[int, int]:
    """On hand everywhere + in transit + missing - over, by SKU."""
    sums = defaultdict[int, int](int, seen["moved"])
    for (sku_id, _), row in seen["levels"].items():
        sums[sku_id] += row["on_hand"]
    return {sku_id: units for sku_id, units in sums.items() if units}


def _compare(before: dict[str, Any], after: dict[str, Any], *, by_transfer: bool) -> None:
    assert after["costs"] == before["costs"]
    if not by_transfer:
        assert after["moved"] == before["moved"]
        return
    assert _units(after) == _units(before)
    nothing = dict.fromkeys(BUCKETS, 0)
    for key, row in after["levels"].items():
        was = before["levels"].get(key, nothing)
        assert [row[bucket] for bucket in BUCKETS if bucket not in ("on_hand", "incoming")] == [
            was[bucket] for bucket in BUCKETS if bucket not in ("on_hand", "incoming")
        ]
        assert row["on_hand"] >= was["on_hand"] or row["on_hand"] - row["soft"] - row["hard"] >= 0, "it took what is promised"


def _lines_and_log_agree(conn: Connection) -> None:
    log = movements.c
    query = select(transfer_lines, transfers.c.state, transfers.c.from_id, transfers.c.to_id).join(transfers)
    coming, open_ = defaultdict[tuple[int, int], int](int), defaultdict[tuple[int, str], int](int)
    for row in conn.execute(query).all():
        sums = {
            place: conn.execute(
                select(func.coalesce(func.sum(log.on_hand), 0), func.coalesce(func.sum(log.incoming), 0)).where(
                    log.reference == f"TR-{row.transfer_id}", log.sku_id == row.sku_id, log.location_id == place
                )
            ).one()
            for place in (row.from_id, row.to_id)
        }
        gone = row.state not in ("draft", "cancelled")
        assert tuple(sums[row.from_id]) == (-row.quantity if gone else 0, 0)
        assert tuple(sums[row.to_id]) == (row.received, row.in_transit)
        assert row.in_transit + row.missing == (max(0, row.quantity - row.received) if gone else 0)
        assert (row.cost == 25_000) == gone
        coming[row.sku_id, row.to_id] += row.in_transit
        open_[row.transfer_id, row.state] += row.in_transit
    assert all((units > 0) == (state in ("shipped", "part_received")) for (_, state), units in open_.items())
    rows = conn.execute(
        select(stock_levels.c.sku_id, stock_levels.c.location_id, stock_levels.c.incoming).where(stock_levels.c.incoming != 0)
    )
    assert {(row[0], row[1]): row[2] for row in rows} == {key: units for key, units in coming.items() if units}


HOUR = timedelta(hours=1)
TRIP = st.tuples(st.sampled_from([("main", "annex"), ("annex", "main")]), UNITS, st.integers(1, 9), st.integers(0, 4))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(TRIP, min_size=1, max_size=6), st.integers(0, 15), st.sampled_from(["main", "annex"]))
def test_a_count_of_the_true_number_of_any_hour_changes_nothing(conn: Connection, trips: list[Any], hour: int, place: str) -> None:
    """Trips: where, how many, when they left and how long they took; told in this order, whenever they were."""
    at = NOW + hour * HOUR
    with conn.begin_nested() as savepoint:
        open_locations(conn, "main", "annex")
        there = {"main": 40, "annex": 40}
        for location, units in there.items():
            put(conn, "A", units, location)
        for (origin, destination), units, left, took in trips:
            number = shipped(conn, {"A": units}, origin, destination, at=NOW + 20 * HOUR, occurred_at=NOW + left * HOUR)
            arrive(conn, number, at=NOW + 20 * HOUR, occurred_at=NOW + (left + took) * HOUR)
            there[origin] -= units if left <= hour else 0
            there[destination] += units if left + took <= hour else 0
        before = level(conn, "A", place).on_hand
        counted = only(stock.count(conn, [Change("A", place, there[place], occurred_at=at)], NOW + 20 * HOUR))
        assert counted.on_hand == before
        more = only(stock.count(conn, [Change("A", place, there[place] + 3, occurred_at=at)], NOW + 20 * HOUR))
        assert more.on_hand == before + 3
        assert_adds_up(conn)
        savepoint.rollback()
