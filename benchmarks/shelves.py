"""What one sold unit costs in a small shop and in a very large one: the sale through the ledger's door, its other shelf found due, armed, released,
"sent" to a shop that answers at once, settled; and what a second costs in which nothing happens. As ratios to the smallest shop, in turns.

Run it with `make bench` or `python -m benchmarks.shelves --sizes 1000 100000 1000000`; a table goes to standard error, the last line is JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Engine as Database
from sqlalchemy import func, select

from benchmarks.side_by_side import sparks
from channelsync.clock import SystemClock
from channelsync.contract import Call, Carrier, Effect, OrderLine, OrderSnapshot, OrderState, Outcome, Traits, WriteResult
from channelsync.engine.alerts import Alerts
from channelsync.engine.channel import Channel, Settings
from channelsync.engine.loops import Engine
from channelsync.engine.store import Store
from channelsync.ledger import freshness, orders
from channelsync.ledger.database import open_database, reading
from channelsync.ledger.door import Ledger
from channelsync.ledger.freshness import Sampled
from channelsync.ledger.orders import Sighting, Verdict
from channelsync.ledger.schema import shelves, stock_levels
from channelsync.shell.alert_wiring import rules_of
from channelsync.testing import filling
from channelsync.testing.postgres import PostgresServer, available

AIM: Final = 1.5
"""Times the smallest shop's cost, at most."""

PROVED_MAX: Final = 20_000
"""Shelves: up to here the filled ledger is audited before anything is measured."""


class Shop:
    """A connector whose shop takes every write at once."""

    traits = Traits(Carrier.COMPARE_AND_SET, visibility_lag=timedelta(0))

    async def push(self, call: Call) -> list[WriteResult]:
        return [WriteResult(write.id, Outcome.OK, shows=write.value) for write in call.writes]


@dataclass(slots=True)
class Site:
    """A filled ledger with the daemon's own parts on it. took: milliseconds per round, by what was done."""

    shelves: int
    database: Database
    engine: Engine
    dice: random.Random = field(default_factory=lambda: random.Random(1))
    took: dict[str, list[float]] = field(default_factory=lambda: {"change": [], "quiet second": []})
    sold: int = 0

    async def sell(self) -> None:
        """One unit, by the first shop; the second one is told."""
        store = self.engine.store
        self.sold += 1
        now = store.clock.now()
        line = OrderLine("a", f"item-{self.dice.randint(1, self.shelves // 2)}", 1, effects=(Effect(1, now),))
        sale = OrderSnapshot(f"bench-{self.sold}", OrderState.OPEN, now, now, (line,))
        result = await store.ledger.run(orders.apply, Sighting(1, sale, self.sold))
        assert result.verdict is Verdict.APPLIED, result
        for dispatcher in self.engine.dispatchers.values():
            assert await dispatcher.run_once()

    async def rest(self) -> None:
        """All that looks by itself whether something is due, once."""
        engine = self.engine
        await engine.intake.claim()
        await engine.housekeeping.run_once()
        await engine.ruling.run_once()
        assert engine.alerts is not None
        await engine.alerts.watch()
        for number in engine.store.channels:
            await engine.dispatchers[number].run_once()
            await engine.reconcilers[number].close_brackets()
            await engine.reconcilers[number].sweep()
            await engine.store.ledger.run(freshness.sample, Sampled(number))

    def check(self) -> None:
        """Raises AssertionError unless every unit that was sold is held, and gone from both books."""
        with reading(self.database).connect() as conn:
            held = conn.scalar(select(func.sum(stock_levels.c.hard)))
            books, targets, due = conn.execute(
                select(func.sum(shelves.c.book), func.sum(shelves.c.target), func.count().filter(shelves.c.due)).select_from(shelves)
            ).one()
        full = self.shelves * filling.UNITS
        found = (held, full - books, full - targets, due)
        assert found == (self.sold, 2 * self.sold, 2 * self.sold, 0), f"it does not add up: {found} after {self.sold} sales"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument(
        "--sizes", type=int, nargs="+", default=[1_000, 100_000], help="shelves; the first is what the others are held against"
    )
    options.add_argument("--engines", nargs="*", default=["sqlite", "postgresql"])
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--changes", type=int, default=40, help="sales per round")
    given = options.parse_args()
    figures = []
    for name in given.engines:
        if name != "postgresql" or available():
            figures += asyncio.run(measured(name, given.sizes, given.rounds, given.changes))
    show(figures)
    sys.stdout.write(json.dumps({"aim": AIM, "figures": figures}) + "\n")


async def measured(name: str, sizes: list[int], rounds: int, changes: int) -> list[dict[str, Any]]:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        urls = stack.enter_context(databases(name, folder))
        sites = [await stack.enter_async_context(site(next(urls), folder, each)) for each in sizes]
        await one_round(sites, changes)  # statements are compiled, pages are read
        for each in sites:
            each.took = {what: [] for what in each.took}
        for number in range(rounds):
            await one_round(sites, changes)
            sys.stderr.write(f"{name}, round {number + 1} of {rounds}\n")
        for each in sites:
            each.check()
        return [figure(name, each, sites[0], what) for each in sites for what in each.took]


async def one_round(sites: list[Site], changes: int) -> None:
    """Each shop does one of it in turn, in the other direction the next time: what else the machine does meanwhile slows all of them alike."""
    for what, times in (("change", changes), ("quiet second", changes // 4)):
        took: dict[int, list[float]] = {each.shelves: [] for each in sites}
        for turn in range(times):
            for each in sites if turn % 2 == 0 else reversed(sites):
                began = time.perf_counter()
                await (each.sell() if what == "change" else each.rest())
                took[each.shelves].append((time.perf_counter() - began) * 1000)
        for each in sites:
            each.took[what].append(statistics.median(took[each.shelves]))


def figure(name: str, each: Site, least: Site, what: str) -> dict[str, Any]:
    ratios = tuple(round(mine / theirs, 3) for mine, theirs in zip(each.took[what], least.took[what], strict=True))
    ratio = statistics.median(ratios)
    return {
        "engine": name,
        "shelves": each.shelves,
        "what": what,
        "ms": round(statistics.median(each.took[what]), 3),
        "ratio": ratio,
        "ratios": ratios,
        "reached": ratio <= AIM,
    }


@contextlib.contextmanager
def databases(name: str, folder: Path) -> Iterator[Iterator[str]]:
    """URLs of empty databases that forget nothing."""
    if name == "sqlite":
        yield (f"sqlite:///{folder}/bench-{number}.db" for number in itertools.count(1))
        return
    server = PostgresServer(durable=True)
    server.start()
    try:
        yield (server.create_database(f"bench_{number}") for number in itertools.count(1))
    finally:
        server.stop()


@asynccontextmanager
async def site(url: str, folder: Path, size: int) -> AsyncIterator[Site]:
    clock, config = SystemClock(), filling.write_config(folder, url)
    database = open_database(url)
    began = time.perf_counter()
    await filling.fill(database, config, size // 2, clock.now())
    if size <= PROVED_MAX:
        filling.prove(database, clock.now())
    sys.stderr.write(f"{database.dialect.name}: {size:,} shelves filled in {time.perf_counter() - began:.0f} s\n")
    ledger = Ledger(database, clock)
    await ledger.start()
    try:
        store = Store(ledger, clock, random.Random(1), "bench")
        for number, channel in enumerate(filling.CHANNELS, 1):
            about = Settings(channel, "bench", 1, sweep=timedelta(days=1), lease=timedelta(hours=1))
            store.channels[number] = Channel(number, about, Shop())  # type: ignore[arg-type]  # it is never read from
        engine = Engine(store, forgiving=False)
        engine.alerts = Alerts(store, rules_of(config, {channel: number for number, channel in enumerate(filling.CHANNELS, 1)}))
        while (await engine.alerts._step()).more:  # every SKU is held against its level once
            pass
        yield Site(size, database, engine)
    finally:
        await ledger.close()
        database.dispose()


def show(figures: list[dict[str, Any]]) -> None:
    sys.stderr.write(f"{'engine':12}{'shelves':>10}  {'what':14}{'ms':>9}{'times':>8}  rounds\n")
    for each in figures:
        line = f"{each['engine']:12}{each['shelves']:>10,}  {each['what']:14}{each['ms']:>9}{each['ratio']:>8.2f}"
        sys.stderr.write(f"{line}  {sparks(each['ratios'])}{'' if each['reached'] else f'  MISSED {AIM}'}\n")


if __name__ == "__main__":
    main()
