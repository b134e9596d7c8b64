"""A stand-in shop as a process of its own, so that who serves does not slow down who asks; and what it counted meanwhile.

`python -m benchmarks.standin '{"kind": "shopify", "listings": 10, "dials": {}}'`: the first line it prints is the channel's config, and each line on
its standard input is answered by one with its counts. It ends with its input.
"""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
from collections.abc import Mapping
from typing import Any, Self

from channelsync.cli.loop import run_loop
from channelsync.clock import SystemClock
from channelsync.testing.standins.base import AsgiApp, Item, Receive, Scope, Send, StandIn
from channelsync.testing.standins.bigcommerce import BigCommerceStandIn
from channelsync.testing.standins.moysklad import MoyskladStandIn
from channelsync.testing.standins.serving import shop_open
from channelsync.testing.standins.shopify import ShopifyStandIn
from channelsync.testing.standins.woocommerce import WooCommerceStandIn

KINDS: Mapping[str, Any] = {
    "shopify": ShopifyStandIn,
    "woocommerce": WooCommerceStandIn,
    "bigcommerce": BigCommerceStandIn,
    "moysklad": MoyskladStandIn,
}
UNITS = 1_000
"""What each listing shows at the start."""


def sku(number: int) -> str:
    return f"SKU-{number:06}"


class HostLimit:
    """What many hosts put in front of a shop that has no limit of its own: so many requests at once, so many more per second. Else 429."""

    def __init__(self, app: AsgiApp, shop: WooCommerceStandIn, burst: float, per_second: float) -> None:
        self._app, self._shop, self._burst, self._per_second = app, shop, burst, per_second
        self._level, self._at = burst, shop.clock.monotonic()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        now = self._shop.clock.monotonic()
        self._level, self._at = min(self._burst, self._level + (now - self._at) * self._per_second), now
        if self._level >= 1:
            self._level -= 1
            await self._app(scope, receive, send)
            return
        self._shop.mishaps["throttled"] += 1
        status, headers, body = self._shop.rest.throttled()
        raw = [(name.encode(), value.encode()) for name, value in {**headers, "content-length": str(len(body))}.items()]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        await send({"type": "http.response.body", "body": body})


class Counted:
    """An app that counts what it is asked."""

    def __init__(self, app: AsgiApp) -> None:
        self._app = app
        self.requests = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.requests += scope["type"] == "http"
        await self._app(scope, receive, send)


async def serve(kind: str, listings: int, dials: Mapping[str, Any], host: Mapping[str, float]) -> None:
    shop: StandIn = KINDS[kind](SystemClock(), random.Random(1), **dials)
    shop.stock(Item(sku(number), UNITS) for number in range(listings))
    if host:
        assert isinstance(shop, WooCommerceStandIn)
        shop.app = HostLimit(shop.app, shop, **host)
    shop.app = counted = Counted(shop.app)
    async with shop_open(shop) as url:
        _say({**shop.settings(url), "allow_private_hosts": True})
        while line := await asyncio.to_thread(sys.stdin.readline):
            _say(_levels(shop) if line.strip() == "levels" else _counts(shop, counted.requests, listings))


def _counts(shop: StandIn, requests: int, listings: int) -> dict[str, int]:
    """refused: requests that were too many. writes: numbers that an API client changed. shown: the sum of all."""
    refused, writes = shop.mishaps["throttled"], sum(change.cause == "write" for change in shop.changes)
    calls = shop.admin.calls["SetAvailable"] if isinstance(shop, ShopifyStandIn) else 0
    shown = sum(shop.shows(sku(number)) for number in range(listings))
    return {"served": requests - refused, "refused": refused, "write_calls": calls, "writes": writes, "shown": shown}


def _levels(shop: StandIn) -> dict[str, str]:
    """Of a Shopify shop: the inventory item of each SKU."""
    assert isinstance(shop, ShopifyStandIn)
    return {name: variant.inventory_item.id for name, variant in shop.variants.items()}


def _say(value: Any) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


class Shop:
    """The process, as a context. settings: its `[channels.<name>]` table."""

    def __init__(
        self, kind: str, listings: int, *, dials: Mapping[str, Any] | None = None, host: Mapping[str, float] | None = None
    ) -> None:
        self._what = {"kind": kind, "listings": listings, "dials": dials or {}, "host": host or {}}

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "benchmarks.standin", json.dumps(self._what)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603 - ourselves
        self.settings: dict[str, Any] = self._line()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.communicate()

    def counts(self) -> dict[str, int]:
        return self._ask("counts")

    def items(self) -> dict[str, str]:
        return self._ask("levels")

    def _ask(self, what: str) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{what}\n")
        self._process.stdin.flush()
        return self._line()

    def _line(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        told: dict[str, Any] = json.loads(self._process.stdout.readline())
        return told


if __name__ == "__main__":
    run_loop(serve(**json.loads(sys.argv[1])))
