"""`channelsync run` on a very large ledger: how long until it is ready, its memory at most, how long a sale takes through it, and a plan; then what a million
movements weigh in the database. The shops are a process of their own, the ledger is filled by statements and audited where it is small.

Run it with `make bench` or `python -m benchmarks.standing --sizes 1000 1000000`; a table goes to standard error, the last line is JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import subprocess
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final, Self

import httpx
from sqlalchemy import func, select

from benchmarks.shelves import PROVED_MAX, databases
from channelsync.clock import SystemClock
from channelsync.ledger.database import open_database, reading
from channelsync.ledger.schema import shelves, stock_levels
from channelsync.shell.control import ask_long
from channelsync.shell.lock import beside
from channelsync.testing import filling
from channelsync.testing.config_file import free_port
from channelsync.testing.postgres import available
from channelsync.testing.siege.process import Process
from channelsync.testing.standins.base import Item
from channelsync.testing.standins.memory import MemoryStandIn
from channelsync.testing.standins.serving import shop_open

SALES: Final = 20
MEMORY_MIB: Final = 500
ARRIVES_SECONDS: Final = 60.0
STEP_SECONDS: Final = 0.02


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--sizes", type=int, nargs="+", default=[1_000, 100_000], help="shelves")
    options.add_argument("--engines", nargs="*", default=["sqlite", "postgresql"])
    options.add_argument("--seconds", type=float, default=15.0, help="how long the daemon is left to itself and asked for its metrics")
    options.add_argument("--movements", type=int, default=200_000, help="how many are weighed; 0: none")
    options.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.serve:
        asyncio.run(serve(given.serve))
        return
    figures = []
    for name in given.engines:
        if name != "postgresql" or available():
            figures += [asyncio.run(measured(name, size, given.seconds, given.movements)) for size in given.sizes]
    for each in figures:
        sys.stderr.write(f"{'reached' if each['reached'] else 'MISSED'} {MEMORY_MIB} MiB: {json.dumps(each)}\n")
    sys.stdout.write(json.dumps({"aim_mib": MEMORY_MIB, "figures": figures}) + "\n")


# -- the shops, in a process of their own ----------------------------------------------------------------------------------------------------


async def serve(skus: int) -> None:
    """The first line is both channels' tables. Then a SKU on standard input is one sale in the first shop; the answer is how long it took until the
    second one showed it, in seconds.
    """
    shops = [MemoryStandIn(SystemClock(), random.Random(1), name=name) for name in filling.CHANNELS]
    for shop in shops:
        shop.stock(Item(f"SKU-{number}", filling.UNITS, f"Article {number}") for number in range(1, skus + 1))
    async with AsyncExitStack() as stack:
        say({shop.name: {**shop.settings(await stack.enter_async_context(shop_open(shop))), "overlap_seconds": 5} for shop in shops})
        while sku := (await asyncio.to_thread(sys.stdin.readline)).strip():
            before, began = shops[1].shelves.shows(sku), time.perf_counter()
            shops[0].buy({sku: 1})
            while shops[1].shelves.shows(sku) == before and time.perf_counter() - began < ARRIVES_SECONDS:  # noqa: ASYNC110  what happens in the shops has no event
                await asyncio.sleep(STEP_SECONDS)
            assert shops[1].shelves.shows(sku) == before - 1, f"{sku} did not arrive"
            say(time.perf_counter() - began)


def say(value: Any) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


class Shops:
    def __init__(self, skus: int) -> None:
        self._command = [sys.executable, "-m", "benchmarks.standing", f"--serve={skus}"]

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603  ourselves
        self.tables: dict[str, dict[str, Any]] = self._line()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.communicate()

    def sell(self, sku: str) -> float:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{sku}\n")
        self._process.stdin.flush()
        return float(self._line())

    def _line(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())


# -- the measurement -------------------------------------------------------------------------------------------------------------------------


async def measured(name: str, size: int, seconds: float, movements: int) -> dict[str, Any]:
    skus, clock, dice = size // 2, SystemClock(), random.Random(1)
    with tempfile.TemporaryDirectory() as home, databases(name, Path(home)) as urls, Shops(skus) as shops:
        folder, url, port = Path(home), next(urls), free_port()
        quick = {channel: {**table, "poll_seconds": 1.0, "sweep_seconds": 60.0} for channel, table in shops.tables.items()}
        listen = {"public": {"port": 0}, "private": {"port": port}}
        config, database = filling.write_config(folder, url, quick, listen=listen), open_database(url)
        await filling.fill(database, config, skus, clock.now())
        if size <= PROVED_MAX:
            filling.prove(database, clock.now())
        weight = filling.size(database)
        with Process(config.path, folder / "log") as daemon:
            began = time.perf_counter()
            daemon.start()
            await daemon.up(600.0)
            ready = time.perf_counter() - began
            sales = [await asyncio.to_thread(shops.sell, f"SKU-{dice.randint(1, skus)}") for _ in range(SALES)]
            metrics = await ask(f"http://127.0.0.1:{port}/metrics", seconds)
            began = time.perf_counter()
            plan = await ask_long(beside(config, ".sock"), "plan", {"look": False})
            planned = time.perf_counter() - began
            assert plan.head["unchanged"] == size, f"the plan sees {plan.head['unchanged']} right numbers"
            peak = memory_mib(daemon.child.pid)
            assert await daemon.stop() == 0, daemon.said()
        check(database, size)
        figure = {
            "engine": name,
            "shelves": size,
            "ready_seconds": round(ready, 2),
            "peak_mib": peak,
            "sale_seconds": round(sorted(sales)[SALES // 2], 2),
            "metrics_seconds": round(metrics, 2),
            "plan_seconds": round(planned, 2),
            "database_mib": weight >> 20,
            "reached": peak < MEMORY_MIB,
        }
        if movements:
            before = filling.size(database)
            filling.move(database, skus, movements, clock.now())
            figure["mib_per_million_movements"] = round((filling.size(database) - before) / movements * 1e6 / (1 << 20))
        database.dispose()
    return figure


async def ask(url: str, seconds: float) -> float:
    """Every now and then for so long. How long the slowest answer took."""
    slowest, until = 0.0, time.perf_counter() + seconds
    async with httpx.AsyncClient(timeout=60.0) as web:
        while time.perf_counter() < until:
            began = time.perf_counter()
            (await web.get(url)).raise_for_status()
            slowest = max(slowest, time.perf_counter() - began)
            await asyncio.sleep(min(5.0, seconds / 3))
    return slowest


def memory_mib(process: int) -> int:
    """Of a process that runs, at most so far."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) // 1024


def check(database: Any, size: int) -> None:
    """Every sale is held, and gone from both books."""
    with reading(database).connect() as conn:
        held = conn.scalar(select(func.sum(stock_levels.c.hard)))
        sold = size * filling.UNITS - int(conn.scalar(select(func.sum(shelves.c.book))) or 0)
    assert (held, sold) == (SALES, 2 * SALES), f"it does not add up: {held} held, {sold} gone from the books"


if __name__ == "__main__":
    main()
