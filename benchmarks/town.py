"""Four shops of the four platforms in one process, none of which makes anybody wait by its own rules: what is left is the way there and back.

`python -m benchmarks.town LISTINGS`: the first line it prints is their config tables. Then each line on its standard input is a request in JSON,
answered by one line: {"sell": shop, "sku": number} or {"rush": orders per second, "seconds": s} with the sales, {"shown": 0} with what each shop
shows in all. It ends with its input.
"""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from typing import Any, Final, Self

from benchmarks.standin import KINDS, sku
from channelsync.cli.loop import run_loop
from channelsync.clock import SystemClock
from channelsync.testing.standins.base import Item, StandIn
from channelsync.testing.standins.serving import Courier, shop_open

UNITS: Final = 10_000
"""What each listing shows at the start."""

PLENTY: Final = 1_000_000
DIALS: Final[Mapping[str, Mapping[str, Any]]] = {
    "shopify": {"visibility_lag": 0.0, "webhook_delay": 0.0, "bucket_size": PLENTY, "restore_rate": PLENTY},
    "woocommerce": {"cron_seconds": 0.001, "delta_race_seconds": 0.0},
    "bigcommerce": {"webhook_seconds": 0.0, "apply_seconds": 0.0, "quota": PLENTY, "any_destination": True},
    "moysklad": {"units": PLENTY, "stock_hook_seconds": 60.0},
}
TABLES: Final[Mapping[str, Mapping[str, Any]]] = {
    "shopify": {"visibility_lag_seconds": 0},
    "woocommerce": {},
    "bigcommerce": {"write_visible_seconds": 0.01},
    "moysklad": {"corrections": "enter_loss", "units_per_window": 1_000},
}


@dataclass(frozen=True, slots=True)
class Sale:
    """One unit. at: seconds since the epoch, just before the shop took it."""

    shop: str
    ref: str
    sku: str
    at: float


async def serve(listings: int) -> None:
    async with AsyncExitStack() as stack:
        courier = Courier()
        stack.push_async_callback(courier.close)
        shops: dict[str, StandIn] = {}
        tables = {}
        for kind, make in KINDS.items():
            shops[kind] = shop = make(SystemClock(), random.Random(kind), deliver=courier.deliver, name=kind, **DIALS[kind])
            shop.stock(Item(sku(number), UNITS) for number in range(listings))
            url = await stack.enter_async_context(shop_open(shop))
            tables[kind] = {**shop.settings(url), **TABLES[kind], "allow_private_hosts": True}
        _say(tables)
        while line := await asyncio.to_thread(sys.stdin.readline):
            _say(await _answer(json.loads(line), shops, listings))


async def _answer(asked: Mapping[str, Any], shops: Mapping[str, StandIn], listings: int) -> Any:
    if "sell" in asked:
        return [asdict(_sell(asked["sell"], shops[asked["sell"]], asked["sku"]))]
    if "rush" in asked:
        return [asdict(sale) for sale in await _rush(shops, listings, asked["rush"], asked["seconds"])]
    return {name: sum(shop.shows(sku(number)) for number in range(listings)) for name, shop in shops.items()}


def _sell(name: str, shop: StandIn, number: int) -> Sale:
    at = time.time()
    return Sale(name, shop.buy({sku(number): 1}), sku(number), at)


async def _rush(shops: Mapping[str, StandIn], listings: int, rate: float, seconds: float) -> list[Sale]:
    """Evenly spaced, by a clock: where the machine is late, what was missed is made up for."""
    dice, began, sales = random.Random(1), time.monotonic(), list[Sale]()
    while len(sales) < rate * seconds:
        await asyncio.sleep(max(0.0, began + len(sales) / rate - time.monotonic()))
        name = dice.choice(list(shops))
        sales.append(_sell(name, shops[name], dice.randrange(listings)))
    return sales


def _say(value: Any) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


class Town:
    """The process, as a context. tables: the `[channels.<name>]` tables of its shops."""

    def __init__(self, listings: int) -> None:
        self._listings = listings

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "benchmarks.town", str(self._listings)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603 - ourselves
        self.tables: dict[str, dict[str, Any]] = self._line()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.communicate()

    async def sell(self, shop: str, number: int) -> Sale:
        [sale] = await self._ask({"sell": shop, "sku": number})
        return Sale(**sale)

    async def rush(self, rate: float, seconds: float) -> list[Sale]:
        return [Sale(**sale) for sale in await self._ask({"rush": rate, "seconds": seconds})]

    async def shown(self) -> dict[str, int]:
        told: dict[str, int] = await self._ask({"shown": 0})
        return told

    async def _ask(self, what: Mapping[str, Any]) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()
        return await asyncio.to_thread(self._line)

    def _line(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())


if __name__ == "__main__":
    run_loop(serve(int(sys.argv[1])))
