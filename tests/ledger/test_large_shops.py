"""What one change costs, and what a second costs in which nothing happens, does not grow with the shop: counted in rows and steps of the database,
not in time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import Connection, Engine, event, text

from channelsync.contract import Carrier, Effect, OrderLine, OrderSnapshot, OrderState, Outcome, WriteResult
from channelsync.ledger import channels, freshness, guard, orders, outbox, selling, settle, stock, stock_pages, switches, to_read
from channelsync.ledger.channels import LeaseRequest
from channelsync.ledger.database import open_database
from channelsync.ledger.freshness import Sampled
from channelsync.ledger.guard import Guarded, Limits
from channelsync.ledger.orders import Sighting
from channelsync.ledger.outbox import Arming, Release
from channelsync.ledger.settle import Settlement
from channelsync.ledger.stock import Change
from channelsync.testing import filling
from support.stock import NOW

SMALL: Final = 200
LARGE: Final = 4_000
GROWTH: Final = 1.25
"""A deeper index costs a step more here and there; twenty times the shelves must not."""

SLACK: Final = 200
"""What another plan may read of a small table; a scan of the large shop reads thousands."""

EAST, WEST = 1, 2
Act = Callable[[Connection], object]


def _sale(conn: Connection) -> None:
    """One unit is sold in the east; the west is written, and its book follows."""
    line = OrderLine("a", "item-77", 1, effects=(Effect(1, NOW),))
    orders.apply(conn, [Sighting(EAST, OrderSnapshot("1", OrderState.OPEN, NOW, NOW, (line,)), 1)], NOW)
    assert not selling.any_due(conn, EAST)
    _write(conn, raises=False)


def _raise(conn: Connection) -> None:
    stock.receive(conn, [Change("SKU-78", "main", 1)], NOW)
    _write(conn, raises=True)


def _write(conn: Connection, *, raises: bool) -> None:
    (lease,) = channels.take_lease(conn, [LeaseRequest(WEST, "us", 60.0)], NOW)
    assert lease is not None
    assert selling.any_due(conn, WEST)
    seen = selling.due_raises(conn, WEST, (), NOW) if raises else ()
    selling.sellers_by_shelf(conn, [each.shelf for each in seen])
    (call,) = outbox.arm(conn, [Arming(WEST, "call", raises, Carrier.COMPARE_AND_SET, 100, lease, seen=seen)], NOW)
    assert call is not None
    outbox.release(conn, [Release("call", lease)], NOW)
    results = tuple(WriteResult(write.id, Outcome.OK, shows=write.value) for write in call.writes)
    settle.settle(conn, [Settlement("call", lease, results)], NOW)
    assert not selling.any_due(conn, WEST)


def _quiet(conn: Connection) -> None:
    """What the loops ask by themselves."""
    for channel in (EAST, WEST):
        assert not selling.duty(conn, channel).due
        assert not outbox.open_calls(conn, channel)
        assert not to_read.wanting_bracket(conn, channel, NOW, 500)
        assert not to_read.wanting_look(conn, channel, NOW - timedelta(minutes=15), 500)
        assert not to_read.of_listings(conn, channel, [])
        assert len(to_read.of_listings(conn, channel, ["item-7", "item-8\0", "item-9\ud800"])) == 1
        assert not switches.to_turn(conn, channel)
        freshness.sample(conn, [Sampled(channel)], NOW)


def _suspicious(conn: Connection) -> None:
    """Enough is emptied for the guard to ask how large the shop is."""
    guard.configure(conn, [Guarded(WEST, Limits(least=2))], NOW)
    stock.adjust(conn, [Change(f"SKU-{number}", "main", -filling.UNITS, reason="lost") for number in (1, 2, 3)], NOW)
    assert not guard.judge(conn, WEST, NOW)


ACTS: Final = (_sale, _raise, _quiet, _suspicious)


@pytest.fixture
def shops(new_database: Callable[[], str], tmp_path: Path) -> Iterator[list[Engine]]:
    """A small one and a large one."""
    found = []
    for skus in (SMALL, LARGE):
        url = new_database()
        found.append(open_database(url, durable=False))
        asyncio.run(filling.fill(found[-1], filling.write_config(tmp_path, url), skus, NOW))
    yield found
    for engine in found:
        engine.dispose()


def test_neither_a_change_nor_a_quiet_second_costs_more_in_a_large_shop(shops: list[Engine]) -> None:
    grown = []
    for act in ACTS:
        small, large = (_cost(engine, act) for engine in shops)
        if large > GROWTH * small + SLACK:
            grown.append(f"{act.__name__}: {small} in a shop of {SMALL} SKUs, {large} in one of {LARGE}")
    assert not grown, "\n".join(grown)


def test_what_is_filled_is_a_sound_ledger(shops: list[Engine]) -> None:
    filling.move(shops[0], SMALL, 1_000, NOW)
    filling.prove(shops[0], NOW)


def _cost(engine: Engine, act: Act) -> int:
    """In rows that PostgreSQL has read, or in steps of SQLite's machine. Nothing stays of it."""
    with engine.connect() as conn:
        if conn.dialect.name == "postgresql":
            before = _rows_read(conn)  # what earlier transactions have read may be among it still
            act(conn)
            return _rows_read(conn) - before
        with _steps(conn) as steps:
            act(conn)
        return len(steps)


def _rows_read(conn: Connection) -> int:
    read = "SELECT SUM(COALESCE(seq_tup_read, 0) + COALESCE(idx_tup_fetch, 0)) FROM pg_stat_xact_user_tables WHERE {}"
    large = "relname IN ('skus', 'stock_levels', 'movements', 'listings', 'listing_aliases', 'shelves', 'shelf_feeds', 'book_entries')"
    return int(conn.execute(text(read.format(large))).scalar_one())


@contextmanager
def _steps(conn: Connection) -> Iterator[list[None]]:
    steps: list[None] = []
    machine: Any = conn.connection.driver_connection
    machine.set_progress_handler(lambda: steps.append(None), 10)
    try:
        yield steps
    finally:
        machine.set_progress_handler(None, 10)


def test_how_long_the_log_is_does_not_matter_to_who_looks_at_its_young_end(shops: list[Engine]) -> None:
    large = shops[-1]
    filling.move(large, LARGE, 20_000, NOW)
    with large.begin() as conn:
        for minute in range(1, 41):
            stock.receive(conn, [Change("SKU-1", "main", 1)], NOW + timedelta(minutes=minute))
        newest = LARGE + 20_000 + 40
        asked: list[str] = []
        event.listen(conn, "before_cursor_execute", lambda _c, _cursor, statement, *_rest: asked.append(statement))
        for minute in range(1, 42):
            for seconds in (0, 30):
                instant = NOW + timedelta(minutes=minute, seconds=-seconds)
                assert stock_pages.first_since(conn, instant) == newest - 41 + minute
        assert len(asked) <= 82 * 14
        assert stock_pages.first_since(conn, NOW) == 0
        assert stock_pages.first_since(conn, NOW + timedelta(days=1)) == newest
