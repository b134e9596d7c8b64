"""How much of what a shop allows is used when more is asked than it allows: the daemon's own door and connector before each platform's stand-in.

Not a single call may be refused: a limiter that asks too often is not fast, it is banned.
"""

from __future__ import annotations

import asyncio
import math
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import scene
from benchmarks.side_by_side import Comparison, Figure
from benchmarks.standin import Shop
from channelsync.cli.loop import run_loop
from channelsync.contract import Connector, ShelfRef

Call = Callable[[], Awaitable[object]]

CALLERS = 16
LISTINGS = 10


@dataclass(frozen=True, slots=True)
class Limit:
    """per_second: calls that the shop allows in the long run. settle: seconds after which what was saved up is spent; then it is measured, for whole
    periods where the shop counts in windows of that length. dials, host: of the stand-in.
    """

    kind: str
    per_second: float
    what: str
    settle: float = 2.0
    period: float = 1.0
    dials: Mapping[str, Any] = field(default_factory=dict)
    host: Mapping[str, float] = field(default_factory=dict)


LIMITS: Sequence[Limit] = (
    Limit("shopify", 100 / 3, "points: 200 at once, 100 per second, 3 for each call", dials={"bucket_size": 200.0}),
    Limit("woocommerce", 20, "a host that allows 40 calls at once, 20 per second", host={"burst": 40, "per_second": 20}),
    Limit("bigcommerce", 50, "150 calls in each window of 3 s", period=3.0, dials={"window_seconds": 3.0, "quota": 150}),
    Limit("moysklad", 11 / 3, "45 units in each window of 3 s, 4 for each call", settle=4.0, period=3.0, dials={"credential": "draft"}),
)


def comparisons(seconds: float) -> Iterator[Comparison]:
    for limit in LIMITS:
        yield Comparison(
            f"limits-{limit.kind}",
            f"{limit.kind}, {CALLERS} callers that never rest",
            limit.what,
            "calls/s",
            0.95,
            partial(at_saturation, limit, seconds),
            partial(Figure, limit.per_second),
        )


def at_saturation(limit: Limit, seconds: float) -> Figure:
    with Shop(limit.kind, LISTINGS, dials=limit.dials, host=limit.host) as shop, tempfile.TemporaryDirectory() as folder:
        return run_loop(_saturated(limit, shop, Path(folder), seconds))


async def _saturated(limit: Limit, shop: Shop, folder: Path, seconds: float) -> Figure:
    """Calls served per second, by the stand-in's own count. Raises if it has refused one."""
    async with scene.store(folder, f"sqlite:///{folder}/bench.db", shop.settings, inline=True) as assembly:
        [channel] = assembly.store.channels.values()
        call = _call(limit.kind, channel.connector, shop)
        callers = [asyncio.create_task(_ask(call)) for _ in range(CALLERS)]
        try:
            await asyncio.sleep(limit.settle)
            before, began = await asyncio.to_thread(shop.counts), time.perf_counter()
            await asyncio.sleep(math.ceil(seconds / limit.period) * limit.period)
            after, lasted = await asyncio.to_thread(shop.counts), time.perf_counter() - began
            for caller in callers:
                if caller.done():
                    caller.result()
        finally:
            for caller in callers:
                caller.cancel()
            await asyncio.gather(*callers, return_exceptions=True)
        refused = (await asyncio.to_thread(shop.counts))["refused"]
    if refused or after["served"] <= before["served"]:
        raise AssertionError(f"{limit.kind} has refused {refused} calls and served {after['served'] - before['served']}")
    return Figure((after["served"] - before["served"]) / lasted)


async def _ask(call: Call) -> None:
    while True:
        await call()


def _call(kind: str, connector: Connector, shop: Shop) -> Call:
    """The cheapest call of the connector's own; the limit counts its requests, or what they cost."""
    if kind != "shopify":
        return connector.check
    item = next(iter(shop.items().values()))
    return lambda: connector.stock([ShelfRef(item, "")])
