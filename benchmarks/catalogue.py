"""A quiet Shopify shop with very many listings: how long first match and plan take, how much memory, and what a change of 1,000 SKUs costs.

The shop is a process of its own. Run it with `make bench` or `python benchmarks/catalogue.py --listings 100000`; the last line is JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from channelsync.clock import SystemClock
from channelsync.config import load
from channelsync.ledger import stock
from channelsync.ledger.stock import Change
from channelsync.registry import Registry
from channelsync.shell.assemble import Assembly, assembled
from channelsync.shell.desk import Desk
from channelsync.shell.log import configure
from channelsync.shell.redact import Redactor
from channelsync.testing.standins.base import Item
from channelsync.testing.standins.serving import shop_open
from channelsync.testing.standins.shopify import ShopifyStandIn

CONFIG = """
[store]
id = "bench"
database = "sqlite:///{folder}/bench.db"
opening = "shop"
[channels.shop]
mode = "live"
"""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--listings", type=int, default=100_000)
    options.add_argument("--changes", type=int, default=1_000)
    options.add_argument("--bulk-seconds", type=float, default=5.0, help="how long the shop takes for one bulk operation")
    options.add_argument("--profile", type=Path, help="write a cProfile of the whole run to this file")
    options.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.serve:
        asyncio.run(serve(given.listings, given.bulk_seconds))
        return
    with profiled(given.profile), tempfile.TemporaryDirectory() as folder, Shop(given.listings, given.bulk_seconds) as shop:
        figures = asyncio.run(measured(shop, Path(folder), given.changes))
    say({"listings": given.listings, **figures})


# -- the shop, in a process of its own -------------------------------------------------------------------------------------------------------


async def serve(listings: int, bulk_seconds: float) -> None:
    """The first line is the config; each line on standard input is answered by one with the counts so far; its end is ours."""
    shop = ShopifyStandIn(SystemClock(), random.Random(1), bulk_seconds=bulk_seconds, visibility_lag=0.0)
    shop.stock(Item(f"SKU-{number:06}", 40, f"Article {number}") for number in range(listings))
    async with shop_open(shop) as url:
        say({**shop.settings(url), "visibility_lag_seconds": 1, "overlap_seconds": 60, "allow_private_hosts": True})
        while await asyncio.to_thread(sys.stdin.readline):
            say({"calls": dict(shop.admin.calls), "throttled": shop.admin.throttles, "leaks": shop.bulk.leaks, "writes": len(shop.changes)})


def say(value: Any) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


class Shop:
    """The other process, as a context."""

    def __init__(self, listings: int, bulk_seconds: float) -> None:
        self._command = [sys.executable, __file__, "--serve", f"--listings={listings}", f"--bulk-seconds={bulk_seconds}"]

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(  # noqa: S603 - ourselves
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.settings: Mapping[str, Any] = self._line()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.communicate()

    def counts(self) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write("?\n")
        self._process.stdin.flush()
        return self._line()

    def _line(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        told: dict[str, Any] = json.loads(self._process.stdout.readline())
        return told


# -- the measurement -------------------------------------------------------------------------------------------------------------------------


@dataclass
class Stopwatch:
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def over(self, name: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - began, 1)
        sys.stderr.write(f"{name}: {self.seconds[name]} s, {peak_mib()} MiB at most so far\n")


async def measured(shop: Shop, folder: Path, changes: int) -> dict[str, Any]:
    watch = Stopwatch()
    async with store(shop, folder) as assembly:
        desk, ledger = Desk(assembly, running=False), assembly.ledger
        with watch.over("first match and plan"):
            planned = await desk.handle("plan", {})
        assert not planned.head["troubles"], planned.head["troubles"]
        skus = [json.loads(row)["sku"] for section, row in planned.spool.rows() if section == "balances"]
        with watch.over("apply"):
            await desk.handle("apply", {"look": False})
        before = shop.counts()
        with watch.over(f"change of {changes} SKUs"):
            for sku in skus[:changes]:
                await ledger.run(stock.adjust, Change(sku, "main", -1, reason="sold at the counter"))
            left = await desk.handle("apply", {"look": False})
        after = shop.counts()
    return {
        "counted": len(skus),
        "seconds": watch.seconds,
        "peak_mib": peak_mib(),
        "write_calls": after["calls"].get("SetAvailable", 0) - before["calls"].get("SetAvailable", 0),
        "numbers_written": after["writes"] - before["writes"],
        "still_due": left.head["still_due"],
        "throttled": after["throttled"],
        "leaks": after["leaks"],
        "calls": after["calls"],
    }


@asynccontextmanager
async def store(shop: Shop, folder: Path) -> AsyncIterator[Assembly]:
    file = folder / "bench.toml"
    own = "".join(f"{name} = {json.dumps(value)}\n" for name, value in shop.settings.items())
    file.touch(mode=0o600)
    file.write_text(CONFIG.format(folder=folder) + own)
    registry, clock = Registry.installed(), SystemClock()
    config = load(file, registry, environ={})
    configure(clock=clock, redactor=Redactor(config.secrets), style="console", level="warning")
    async with assembled(config, registry, clock=clock, source=random.Random(1), inline=True) as assembly:
        yield assembly


def peak_mib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


@contextmanager
def profiled(file: Path | None) -> Iterator[None]:
    profile = cProfile.Profile()
    if file is not None:
        profile.enable()
    yield
    if file is not None:
        profile.disable()
        profile.dump_stats(file)


if __name__ == "__main__":
    main()
