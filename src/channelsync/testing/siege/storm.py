"""Serialization failures and deadlocks by the thousand: two writers on a handful of rows, and another client that locks them the other way round.

The ledger promises to be right at READ COMMITTED; here its writers run at SERIALIZABLE, so that the database refuses them all the time.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Engine, event, select, text
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError

from channelsync.clock import SystemClock
from channelsync.ledger import locations, stock
from channelsync.ledger.audit import audit
from channelsync.ledger.database import open_database, writing
from channelsync.ledger.door import Ledger
from channelsync.ledger.group import CommitUnknown, NotStored
from channelsync.ledger.locations import LocationSpec
from channelsync.ledger.schema import skus, stock_levels
from channelsync.ledger.stock import Change
from channelsync.ledger.upgrade import upgrade

SKUS = [f"HOT-{number}" for number in range(5)]
OPENING = 100_000
CALLERS = 12
TWICE_SHARE = 0.2
"""So many requests are sent to both writers at once, under one key."""

SERIALIZATION, DEADLOCK = "40001", "40P01"


@dataclass(frozen=True, slots=True)
class Storm:
    """failures: what the database threw at the writers, by its code. asked_again: requests that were told no and sent again with their key.
    differences: what the audit found, and SKUs whose number is not the sum of the requests.
    """

    requests: int
    failures: dict[str, int]
    asked_again: int
    differences: tuple[str, ...]


async def weather_a_storm(url: str, failures: int, *, seed: int = 1) -> Storm:
    """On an empty PostgreSQL database, until so many serialization failures and deadlocks have come, and some of each kind."""
    _open(url)
    thrown: Counter[str] = Counter()
    async with _writer(url, thrown) as first, _writer(url, thrown) as second:

        def enough() -> bool:
            return min(thrown[SERIALIZATION], thrown[DEADLOCK]) > 0 and thrown[SERIALIZATION] + thrown[DEADLOCK] >= failures

        crowd = _Callers((first, second), random.Random(seed), enough)
        with contrary(url, random.Random(seed)):
            await asyncio.gather(*(crowd.call() for _ in range(CALLERS)))
    return Storm(crowd.requests, dict(thrown), crowd.asked_again, tuple(_differences(url, crowd.expected)))


class _Callers:
    def __init__(self, doors: tuple[Ledger, Ledger], source: random.Random, enough: Callable[[], bool]) -> None:
        self._doors, self._random, self._enough = doors, source, enough
        self._serial = itertools.count(1)
        self.requests = self.asked_again = 0
        self.expected: Counter[str] = Counter()

    async def call(self) -> None:
        """One request after the other until there was enough."""
        while not self._enough():
            sku, units = self._random.choice(SKUS), self._random.choice((-2, -1, 1, 3))
            change = Change(sku, "main", units, reason="storm", key=f"storm-{next(self._serial)}")
            doors = self._doors if self._random.random() < TWICE_SHARE else (self._random.choice(self._doors),)
            await asyncio.gather(*(self._until_answered(door, change) for door in doors))
            self.requests += 1
            self.expected[sku] += units

    async def _until_answered(self, door: Ledger, change: Change) -> None:
        while True:
            try:
                await door.run(stock.adjust, change)
                return
            except (NotStored, CommitUnknown):
                self.asked_again += 1


def _open(url: str) -> None:
    engine = open_database(url, durable=False)
    upgrade(engine)
    now = datetime.now(UTC)
    with engine.connect() as conn, conn.begin():
        conn.execute(text(f"ALTER DATABASE \"{engine.url.database}\" SET deadlock_timeout = '10ms'"))
        locations.ensure(conn, [LocationSpec("main")], now)
        stock.seed(conn, [Change(sku, "main", OPENING) for sku in SKUS], now)
    engine.dispose()


@asynccontextmanager
async def _writer(url: str, thrown: Counter[str]) -> AsyncIterator[Ledger]:
    """A ledger at an isolation level at which the database refuses what it cannot put in order."""
    opened = open_database(url, durable=False)
    engine = writing(opened)

    def count(context: ExceptionContext) -> None:
        thrown[getattr(context.original_exception, "sqlstate", None) or "other"] += 1

    event.listen(engine, "handle_error", count)
    ledger = Ledger(engine.execution_options(isolation_level="SERIALIZABLE"), SystemClock())
    await ledger.start()
    try:
        yield ledger
    finally:
        await ledger.close()
        for each in (engine, opened):
            each.dispose()


@contextmanager
def contrary(url: str, source: random.Random, *, pause: tuple[float, float] = (0.002, 0.002)) -> Iterator[None]:
    """Another client, in a thread: it takes the rows against the ledger's order, and touches them without changing anything. pause: between two
    rounds.
    """
    over = threading.Event()
    engine = open_database(url, durable=False)
    thread = threading.Thread(target=_lock_backwards, args=(engine, source, over, pause))
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        engine.dispose()


def _lock_backwards(engine: Engine, source: random.Random, over: threading.Event, pause: tuple[float, float]) -> None:
    touch = text("UPDATE stock_levels SET on_hand = on_hand WHERE sku_id = :sku")
    with engine.connect() as conn:
        ids = sorted(conn.scalars(select(skus.c.id)), reverse=True)
    while not over.wait(source.uniform(*pause)):
        with suppress(DBAPIError), engine.connect() as conn, conn.begin():
            for sku in ids:
                conn.execute(touch, {"sku": sku})
                over.wait(source.uniform(0.0, 0.002))


def _differences(url: str, expected: Counter[str]) -> list[str]:
    engine = open_database(url, durable=False)
    try:
        with engine.connect() as conn, conn.begin():
            found = [f"{each.check}: {each.where}: {each.found} instead of {each.expected}" for each in audit(conn)]
            query = select(skus.c.sku, stock_levels.c.on_hand).join(skus, skus.c.id == stock_levels.c.sku_id)
            on_hand = {row.sku: row.on_hand for row in conn.execute(query)}
    finally:
        engine.dispose()
    return found + [
        f"{sku}: {on_hand[sku]} instead of {OPENING + expected[sku]}" for sku in SKUS if on_hand[sku] != OPENING + expected[sku]
    ]
