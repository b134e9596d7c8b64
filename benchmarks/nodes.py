"""1, 2 and 4 daemons on one PostgreSQL: webhooks acknowledged per second, and orders applied per second, as ratios to one daemon, in turns. All of it
shares this machine's processors (daemons, server, shops and whoever calls), so it shows what nodes cost each other, not what more machines bring.

Run it with `make bench` or `python -m benchmarks.nodes --nodes 1 2 4`; a table goes to standard error, the last line is JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Engine, func, select

from channelsync.clock import SystemClock
from channelsync.config import Config
from channelsync.ledger.database import open_database, reading
from channelsync.ledger.schema import inbox, orders, shelves, stock_levels
from channelsync.testing import filling
from channelsync.testing.config_file import free_port
from channelsync.testing.postgres import PostgresServer, available
from channelsync.testing.siege.process import Process
from channelsync.testing.standins.base import Item
from channelsync.testing.standins.memory import MemoryStandIn
from channelsync.testing.standins.memory.api import order_row
from channelsync.testing.standins.serving import shop_open

SKUS: Final = 500
CALLERS: Final = 32
WARM: Final = 50
"""Sales per node before it is measured."""

SETTLE_SECONDS: Final = 120.0
STEP_SECONDS: Final = 0.05
Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]
serial = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Round:
    acknowledged: float
    applied: float


@dataclass(frozen=True, slots=True)
class Store:
    """A filled store whose shops are open. files: one config per node."""

    database: Engine
    shops: dict[str, MemoryStandIn]
    configs: tuple[Config, ...]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--nodes", type=int, nargs="+", default=[1, 2, 4], help="the first is what the others are held against")
    options.add_argument("--orders", type=int, default=1_000, help="per run")
    options.add_argument("--rounds", type=int, default=2)
    given = options.parse_args()
    if not available():
        sys.exit("no PostgreSQL binaries: install the test extra")
    server = PostgresServer(durable=True)
    server.start()
    try:
        runs: dict[int, list[Round]] = {nodes: [] for nodes in given.nodes}
        for number in range(given.rounds):
            for nodes in given.nodes if number % 2 == 0 else reversed(given.nodes):
                runs[nodes].append(asyncio.run(one_run(server, nodes, given.orders)))
                sys.stderr.write(f"round {number + 1} of {given.rounds}, {nodes} nodes: {runs[nodes][-1]}\n")
    finally:
        server.stop()
    figures = [figure(nodes, runs[nodes], runs[given.nodes[0]]) for nodes in given.nodes]
    for each in figures:
        sys.stderr.write(f"{json.dumps(each)}\n")
    sys.stdout.write(json.dumps({"figures": figures}) + "\n")


def figure(nodes: int, mine: list[Round], one: list[Round]) -> dict[str, Any]:
    told: dict[str, Any] = {"nodes": nodes}
    for what in ("acknowledged", "applied"):
        values, least = [getattr(each, what) for each in mine], [getattr(each, what) for each in one]
        told[f"{what}_per_second"] = round(statistics.median(values))
        told[f"{what}_ratios"] = [round(a / b, 2) for a, b in zip(values, least, strict=True)]
    return told


async def one_run(server: PostgresServer, nodes: int, count: int) -> Round:
    async with store(server, nodes, lag=3600.0) as here, AsyncExitStack() as stack:
        for number, config in enumerate(here.configs):
            daemon = stack.enter_context(Process(config.path, config.path.with_name(f"log-{number}")))
            daemon.start()
            await daemon.up()
        warm = WARM * nodes
        deliveries = list(sales(here.shops["east"], warm + count))
        ports = [config.listen.public.port for config in here.configs]
        await deliver(ports, deliveries[:warm])  # programs are loaded, statements compiled
        await until_applied(here.database, warm)
        await until_shown(here, warm)
        began = time.perf_counter()
        await deliver(ports, deliveries[warm:])
        acknowledged = time.perf_counter() - began
        await until_applied(here.database, warm + count)
        applied = time.perf_counter() - began
        await until_shown(here, warm + count)
        check(here, warm + count)
    return Round(round(count / acknowledged, 1), round(count / applied, 1))


@asynccontextmanager
async def store(
    server: PostgresServer, nodes: int, *, lease_seconds: float = 60.0, poll_seconds: float = 3600.0, lag: float = 0.0
) -> AsyncIterator[Store]:
    """lag: for so long the shops' lists do not show an order: it comes by webhook alone."""
    clock, name = SystemClock(), f"nodes_{next(serial)}"
    url = server.create_database(name)
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        shops = {each: MemoryStandIn(clock, random.Random(1), name=each, visibility_lag=lag) for each in filling.CHANNELS}
        tables = {}
        for each, shop in shops.items():
            shop.stock(Item(f"SKU-{number}", filling.UNITS) for number in range(1, SKUS + 1))
            settings = shop.settings(await stack.enter_async_context(shop_open(shop)))
            prompt = {"poll_seconds": poll_seconds, "timeout_seconds": 2.0, "write_drains_seconds": 5.0, "overlap_seconds": 5}
            tables[each] = {**settings, **prompt}
        configs = []
        for number in range(nodes):
            (folder / str(number)).mkdir()
            listen = {"public": {"port": free_port()}, "private": {"port": 0}}
            configs.append(filling.write_config(folder / str(number), url, tables, listen=listen, lease_seconds=lease_seconds))
        database = open_database(url)
        stack.callback(server.drop_database, name)
        stack.callback(database.dispose)
        await filling.fill(database, configs[0], SKUS, clock.now())
        yield Store(database, shops, tuple(configs))


def sales(shop: MemoryStandIn, count: int) -> Iterator[tuple[bytes, str]]:
    """Bodies of deliveries as the shop would send them, with their signatures."""
    dice = random.Random(1)
    for number in range(count):
        ref = shop.buy({f"SKU-{dice.randint(1, SKUS)}": 1})
        order = order_row(shop, shop.book.by_ref[ref])
        body = json.dumps({"delivery": f"bench-{number}", "topic": "order.changed", "order": order}).encode()
        yield body, shop.hooks.sign(body)


async def deliver(ports: list[int], deliveries: list[tuple[bytes, str]]) -> None:
    """To each node in turn, a number of callers at once, with next to no work for themselves. Every one must be answered 2xx."""
    waiting = iter(zip(itertools.cycle(ports), deliveries, strict=False))

    async def caller() -> None:
        lines: dict[int, Line] = {}
        for port, (body, signature) in waiting:
            while True:
                if port not in lines:
                    lines[port] = await asyncio.open_connection("127.0.0.1", port)
                try:
                    await post(*lines[port], body, signature)
                    break
                except (ConnectionError, asyncio.IncompleteReadError):  # it was idle for too long: once more, which changes nothing
                    lines.pop(port)[1].close()
        for _, writer in lines.values():
            writer.close()

    async with asyncio.TaskGroup() as callers:
        for _ in range(CALLERS):
            callers.create_task(caller())


async def post(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, body: bytes, signature: str) -> None:
    head = f"POST /webhooks/east HTTP/1.1\r\nhost: bench\r\ncontent-length: {len(body)}\r\nx-memory-signature: {signature}\r\nx-memory-hook: bench\r\n\r\n"
    writer.write(head.encode() + body)
    answer = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    assert answer.startswith("http/1.1 2"), answer
    length = next((int(line.split(":")[1]) for line in answer.splitlines() if line.startswith("content-length:")), 0)
    await reader.readexactly(length)


async def until_applied(database: Engine, count: int) -> None:
    def done() -> bool:
        with reading(database).connect() as conn:
            left = conn.scalar(select(func.count()).select_from(inbox).where(inbox.c.state == "received"))
            return conn.scalar(select(func.count()).select_from(orders)) == count and not left

    await until(done)


async def until_shown(here: Store, count: int) -> None:
    """The other shop shows what is left, and both books say so."""

    def done() -> bool:
        with reading(here.database).connect() as conn:
            books = conn.scalar(select(func.sum(shelves.c.book)))
        return bool(books == 2 * (SKUS * filling.UNITS - count))

    await until(done)


async def until(condition: Any) -> None:
    async with asyncio.timeout(SETTLE_SECONDS):
        while not await asyncio.to_thread(condition):  # noqa: ASYNC110  databases and shops have no events
            await asyncio.sleep(STEP_SECONDS)


def check(here: Store, count: int) -> None:
    """Nothing lost and nothing doubled: orders, claims, books and what the shops show; and the ledger's own audit."""
    with reading(here.database).connect() as conn:
        found = conn.scalar(select(func.count()).select_from(orders)), conn.scalar(select(func.sum(stock_levels.c.hard)))
    shown = [sum(shop.shelves.shows(f"SKU-{number}") for number in range(1, SKUS + 1)) for shop in here.shops.values()]
    assert (*found, *shown) == (count, count, *([SKUS * filling.UNITS - count] * 2)), (
        f"it does not add up: {found}, {shown} after {count} sales"
    )
    filling.prove(here.database, SystemClock().now())


if __name__ == "__main__":
    main()
