"""A sale at one shop until its unit is gone from the three others: `channelsync run` between the stand-ins of the four platforms, webhook to confirmed
write; against the same calls made by hand, one after the other, of which only the time on the wire counts. At rest one sale at a time, then in a rush.

Run it with `make bench` or `python -m benchmarks.crossing --rounds 3`; a table goes to standard error, the last line is JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, func, select

from benchmarks.by_hand import ByHand, by_hand
from benchmarks.side_by_side import quantile
from benchmarks.town import UNITS, Sale, Town
from channelsync.cli.loop import run_loop
from channelsync.clock import SystemClock
from channelsync.config import load
from channelsync.ledger.database import open_database, reading
from channelsync.ledger.due import OPEN_STATES
from channelsync.ledger.schema import attempts, channels, listings, orders, shelves, skus
from channelsync.registry import Registry
from channelsync.shell.control import ControlError, ask
from channelsync.shell.lock import beside
from channelsync.testing import config_file, filling
from channelsync.testing.siege.process import Process

AIM: Final = 2.0
LISTINGS: Final = 500
WARM: Final = 8
OPENING_SECONDS: Final = 60
SETTLE_SECONDS: Final = 120.0
STEP_SECONDS: Final = 0.02
CONFIRMED: Final = ("ok", "bracketed")
"""The shop said so, or a reading that nothing else explains."""


@dataclass(frozen=True, slots=True)
class Times:
    """Milliseconds from the sale to its confirmed write: at each of the other shops, and where a sale was confirmed last."""

    shelf_p50: float | None
    shelf_p99: float | None
    sale_p50: float | None
    sale_p99: float | None

    @classmethod
    def of(cls, arrived: Sequence[Sequence[float]]) -> Times:
        each, last = [ms for sale in arrived for ms in sale], [max(sale) for sale in arrived]
        return cls(quantile(each, 0.5), quantile(each, 0.99), quantile(last, 0.5), quantile(last, 0.99))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=10, help="one sale in each shop, by the daemon and by hand in turns")
    options.add_argument("--rates", type=float, nargs="*", default=[5.0, 50.0], help="orders per second in all, in a rush")
    options.add_argument("--seconds", type=float, default=10.0, help="how long a rush lasts")
    given = options.parse_args()
    figures = run_loop(measured(given.rounds, given.rates, given.seconds))
    for rest in figures["at_rest"]:
        sys.stderr.write(f"{'reached' if rest['reached'] else 'MISSED'} {AIM:g}: {json.dumps(rest)}\n")
    for rush in figures["rush"]:
        sys.stderr.write(f"{json.dumps(rush)}\n")
    sys.stdout.write(json.dumps({"aim": AIM, **figures}) + "\n")


async def measured(rounds: int, rates: Sequence[float], seconds: float) -> dict[str, Any]:
    with Town(LISTINGS) as town, Town(LISTINGS) as other:
        async with running(town) as store, by_hand(other) as hand:
            at_rest = await resting(store, hand, rounds)
            rush = [await store.rush(rate, seconds) for rate in rates]
            await store.prove()
        return {"at_rest": at_rest, "rush": rush}


async def resting(store: Store, hand: ByHand, rounds: int) -> list[dict[str, Any]]:
    """Of each shop what its sales took, and of all of them together."""
    ours, theirs = defaultdict[str, list[list[float]]](list), defaultdict[str, list[float]](list)
    calls = dict[str, int]()
    for number in range(rounds + 1):
        for shop in store.town.tables:
            ours[shop].append(await store.carry(shop, number))
            seconds, calls[shop] = await hand.carry(shop, number)
            theirs[shop].append(seconds * 1000)
    found = [_rest(shop, ours[shop][1:], theirs[shop][1:], calls[shop]) for shop in ours]  # the first of each warms up
    every, by_hand_ms = [sale for each in ours.values() for sale in each[1:]], [ms for each in theirs.values() for ms in each[1:]]
    return [*found, _rest("any", every, by_hand_ms, 0)]


def _rest(shop: str, ours: list[list[float]], theirs: list[float], calls: int) -> dict[str, Any]:
    times, by_hand_ms = Times.of(ours), round(statistics.median(theirs), 1)
    assert times.sale_p50 is not None
    ratio = round(times.sale_p50 / by_hand_ms, 2)
    return {"sold_at": shop, **asdict(times), "by_hand_p50": by_hand_ms, "calls_by_hand": calls, "ratio": ratio, "reached": ratio <= AIM}


class Store:
    """The daemon between the shops of a town, and its database to look into."""

    def __init__(self, town: Town, database: Engine) -> None:
        self.town, self._database = town, database
        self._sold = 0

    async def carry(self, shop: str, number: int) -> list[float]:
        """One sale, everything else at rest: milliseconds to the confirmed write at each other shop."""
        sale = await self.town.sell(shop, number)
        [arrived] = await self._arrived([sale])
        return arrived

    async def rush(self, rate: float, seconds: float) -> dict[str, Any]:
        sales = await self.town.rush(rate, seconds)
        lasted = sales[-1].at - sales[0].at
        times = Times.of(await self._arrived(sales))
        return {"orders_per_second": round(len(sales) / lasted, 1), "orders": len(sales), **asdict(times)}

    async def prove(self) -> None:
        """Nothing lost and nothing doubled: by the ledger's own audit and by what the shops show."""
        filling.prove(self._database, SystemClock().now())
        shown = await self.town.shown()
        assert set(shown.values()) == {LISTINGS * UNITS - self._sold}, f"it does not add up: {shown} after {self._sold} sales"

    async def _arrived(self, sales: Sequence[Sale]) -> list[list[float]]:
        self._sold += len(sales)
        async with asyncio.timeout(SETTLE_SECONDS):
            while not await asyncio.to_thread(self._read, _at_rest, self._sold):  # noqa: ASYNC110  a database has no events
                await asyncio.sleep(STEP_SECONDS)
        return self._read(_arrivals, sales)

    def _read(self, verb: Any, *args: Any) -> Any:
        with reading(self._database).connect() as conn:
            return verb(conn, *args)


def _at_rest(conn: Connection, sold: int) -> bool:
    if conn.scalar(select(func.count()).select_from(orders)) != sold:
        return False
    due = select(func.count()).select_from(shelves).where(shelves.c.target != shelves.c.book)
    under_way = select(func.count()).select_from(attempts).where(attempts.c.state.in_(OPEN_STATES))
    return not conn.scalar(due) and not conn.scalar(under_way)


def _arrivals(conn: Connection, sales: Sequence[Sale]) -> list[list[float]]:
    """By sale, the milliseconds until each other shop had the first number that was computed with it."""
    seen = dict[tuple[str, str], Any]()
    for row in conn.execute(
        select(channels.c.name, orders.c.ref, orders.c.first_seen_at).join(channels, channels.c.id == orders.c.channel_id)
    ):
        seen[row.name, row.ref] = row.first_seen_at
    written = defaultdict[tuple[str, str], list[tuple[Any, Any]]](list)
    query = (
        select(channels.c.name, skus.c.sku, attempts.c.created_at, attempts.c.settled_at)
        .join(shelves, shelves.c.id == attempts.c.shelf_id)
        .join(listings, listings.c.id == shelves.c.listing_id)
        .join(channels, channels.c.id == shelves.c.channel_id)
        .join(skus, skus.c.id == listings.c.sku_id)
        .where(attempts.c.state.in_(CONFIRMED))
        .order_by(attempts.c.created_at)
    )
    for row in conn.execute(query):
        written[row.name, row.sku].append((row.created_at, row.settled_at))
    names = {name for name, _ in written}
    return [[_arrival(written[name, sale.sku], seen[sale.shop, sale.ref], sale) for name in names - {sale.shop}] for sale in sales]


def _arrival(writes: Sequence[tuple[Any, Any]], seen_at: Any, sale: Sale) -> float:
    settled = next(settled for created, settled in writes if created >= seen_at)
    return float(settled.timestamp() - sale.at) * 1000


@asynccontextmanager
async def running(town: Town) -> AsyncIterator[Store]:
    """A daemon whose first plan is applied and that has carried a few sales."""
    with tempfile.TemporaryDirectory() as folder:
        port = config_file.free_port()
        tables = {
            "store": {"id": "bench", "opening": "shopify", "database": f"sqlite:///{folder}/bench.db"},
            "listen": {"public": {"port": port}, "private": {"port": 0}, "public_url": f"http://127.0.0.1:{port}"},
            "channels": town.tables,
        }
        config = load(config_file.write(Path(folder) / "bench.toml", tables), Registry.installed(), environ={})
        with Process(config.path, Path(folder) / "log") as daemon:
            daemon.start()
            await daemon.up()
            await _open(beside(config, ".sock"))
            database = open_database(config.store.database)
            store = Store(town, database)
            try:
                for number in range(WARM):
                    await store.carry(list(town.tables)[number % 4], LISTINGS - 1 - number)
                yield store
                assert await daemon.stop() == 0, daemon.said()
            except BaseException:
                sys.stderr.write(daemon.said())
                raise
            finally:
                database.dispose()


async def _open(socket: Path) -> None:
    """The first plan is applied as soon as every shop was read."""
    for _ in range(OPENING_SECONDS):
        try:
            await ask(socket, "apply", {})
            return
        except ControlError:
            await asyncio.sleep(1.0)
    await ask(socket, "apply", {})


if __name__ == "__main__":
    main()
