"""Orders in: pages of 250 snapshots as a poll brings them, against the same verb called for one order after the other, a commit each."""

from __future__ import annotations

import asyncio
import itertools
import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from sqlalchemy import Engine, func, select

from benchmarks.side_by_side import Comparison, Figure
from channelsync.clock import SystemClock
from channelsync.contract import Effect, OrderLine, OrderSnapshot, OrderState
from channelsync.ledger import orders
from channelsync.ledger.database import open_database
from channelsync.ledger.orders import Sighting, Verdict
from channelsync.ledger.schema import movements, order_lines, stock_levels
from channelsync.testing import filling
from channelsync.testing.postgres import PostgresServer

SKUS: Final = 2_000
PAGE: Final = 250
LINES: Final = 2


def comparisons(server: PostgresServer, seconds: float) -> Iterator[Comparison]:
    for store, run in (("SQLite", on_sqlite), ("PostgreSQL", lambda page, seconds: on_postgres(server, page, seconds))):
        yield Comparison(
            f"orders-{store.lower().removesuffix('ql')}",
            f"pages of {PAGE} orders of {LINES} lines, {store}",
            "one order after the other, a commit each",
            "lines/s",
            5.0,
            lambda run=run: run(PAGE, seconds),  # type: ignore[misc]
            lambda run=run: run(1, seconds),  # type: ignore[misc]
        )


_serial = itertools.count(1)


def on_sqlite(page: int, seconds: float) -> Figure:
    with tempfile.TemporaryDirectory() as folder:
        return _applied(Path(folder), f"sqlite:///{folder}/bench.db", page, seconds)


def on_postgres(server: PostgresServer, page: int, seconds: float) -> Figure:
    name = f"orders_{next(_serial)}"
    try:
        with tempfile.TemporaryDirectory() as folder:
            return _applied(Path(folder), server.create_database(name), page, seconds)
    finally:
        server.drop_database(name)


def _applied(folder: Path, url: str, page: int, seconds: float) -> Figure:
    engine = open_database(url)
    try:
        asyncio.run(filling.fill(engine, filling.write_config(folder, url), SKUS, SystemClock().now()))
        return _apply(engine, page, seconds)
    finally:
        engine.dispose()


def _apply(engine: Engine, page: int, seconds: float) -> Figure:
    dice, told = random.Random(1), itertools.count(1)
    lines, lasted = 0, 0.0
    while lasted < seconds:
        sightings = [_sighting(dice, next(told)) for _ in range(page)]
        began = time.perf_counter()
        with engine.begin() as conn:
            results = orders.apply(conn, sightings, SystemClock().now())
        lasted += time.perf_counter() - began
        assert all(result.verdict is Verdict.APPLIED for result in results), results
        lines += LINES * page
    _prove(engine, lines)
    return Figure(lines / lasted)


def _sighting(dice: random.Random, number: int) -> Sighting:
    """A sale by the first shop, which has taken its units out of its own numbers."""
    now = SystemClock().now()
    items = dice.sample(range(1, SKUS + 1), LINES)
    lines = tuple(OrderLine(str(item), f"item-{item}", 1, effects=(Effect(1, now),)) for item in items)
    return Sighting(1, OrderSnapshot(f"order-{number}", OrderState.OPEN, now, now, lines), number)


def _prove(engine: Engine, lines: int) -> None:
    """Each unit was ordered, is held, and was moved; and the ledger adds up by its own audit."""
    with engine.begin() as conn:
        sums: Sequence[int] = [conn.scalar(select(func.sum(table.c.hard))) or 0 for table in (order_lines, stock_levels, movements)]
    if {*sums} != {lines}:
        raise AssertionError(f"it does not add up: {lines} lines applied; held for orders, by levels and by movements: {sums}")
    filling.prove(engine, SystemClock().now())
