"""Shops on loopback that sell the same goods and take writes in different ways; and the list of all deliveries that were answered 2xx.

Three memory shops, or stand-ins of real platforms with their own dialects.
"""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from channelsync.clock import Clock
from channelsync.testing.standins.base import Item, StandIn
from channelsync.testing.standins.memory import MemoryStandIn
from channelsync.testing.standins.serving import Courier, shop_open
from channelsync.testing.standins.shopify import ShopifyStandIn
from channelsync.testing.standins.woocommerce import WooCommerceStandIn

KINDS: Mapping[str, Mapping[str, Any]] = {
    "east": {"carrier": "compare_and_set"},
    "west": {"carrier": "adjust"},
    "north": {"carrier": "adjust", "key_memory": None},
}
"""By name: keys and a comparison; keys only; neither, so that an answer that was lost is resolved by readings alone."""

PLATFORMS: Mapping[str, Callable[..., StandIn]] = {
    "shopify": partial(ShopifyStandIn, visibility_lag=1.0, hang_seconds=3.0, bucket_size=20_000, restore_rate=1_000),
    "woocommerce": partial(WooCommerceStandIn, visibility_lag=1.0),
}
"""What a channel may be instead. Shopify with the budget of a large plan: who is throttled waits, and that is shown elsewhere."""

PLATFORM_PROMISES = {"visibility_lag_seconds": 1, "write_drains_seconds": 5, "overlap_seconds": 5}
PING = b"webhook_id="
"""How WooCommerce tries out a new subscription: answered, and nothing to keep."""

SKUS = 16
PROMISES = {"write_drains_seconds": 5.0, "overlap_seconds": 2.0}
PROMPT = {"poll_seconds": 1.0, "sweep_seconds": 5.0, "timeout_seconds": 2.0, "allow_private_hosts": True}

Delivered = tuple[str, str]
"""Channel and SHA-256 of the body: what arrived, independently of how the connector names it."""


def digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


@dataclass(slots=True)
class Register:
    """acknowledged: answered 2xx. refused: by status, 0 where nobody answered. since_refused: 2xx since the last other answer.

    doors: whom deliveries go to by turns, as a proxy before several nodes would have it; None: the address that the shop knows.
    """

    courier: Courier
    acknowledged: Counter[Delivered] = field(default_factory=Counter)
    refused: Counter[int] = field(default_factory=Counter)
    since_refused: int = 0
    doors: tuple[str | None, ...] = (None,)
    _turn: int = field(default=0, init=False)

    async def deliver(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        self._turn += 1
        door = self.doors[self._turn % len(self.doors)]
        url = url if door is None else urlsplit(url)._replace(netloc=door).geturl()
        try:
            status = await self.courier.deliver(url, headers, body)
        except OSError:
            self._note_refused(0)
            raise
        if 200 <= status < 300 and body.startswith(PING):
            return status
        if 200 <= status < 300:
            self.acknowledged[urlsplit(url).path.split("/")[2], digest(body)] += 1
            self.since_refused += 1
        else:
            self._note_refused(status)
        return status

    def _note_refused(self, status: int) -> None:
        self.refused[status] += 1
        self.since_refused = 0


@dataclass(frozen=True, slots=True)
class Town:
    """units: of each SKU, at the start. tables: the shops' part of the config."""

    units: int
    shops: Mapping[str, StandIn]
    register: Register
    tables: Mapping[str, Mapping[str, Any]]

    @property
    def skus(self) -> list[str]:
        return [item.sku for item in goods(self.units)]

    @property
    def orders(self) -> int:
        return sum(len(shop.orders) for shop in self.shops.values())

    def be_patient(self) -> None:
        """No memory shop gives up on a webhook that failed too often: what we want to see is what the daemon makes of it. The platforms do what
        they do, and the daemon subscribes again.
        """
        for shop in self.shops.values():
            if isinstance(shop, MemoryStandIn):
                for hook in shop.hooks.hooks.values():
                    hook.active, hook.failures = True, 0


def goods(units: int) -> list[Item]:
    return [Item(f"SKU-{number:02}", units) for number in range(1, SKUS + 1)]


@asynccontextmanager
async def town(clock: Clock, source: random.Random, *, units: int, platforms: Sequence[str] = (), **keys: Any) -> AsyncIterator[Town]:
    """The shops, open. platforms: which of both kinds, by name, instead of the three memory shops. keys: of every channel's table, instead of the usual ones."""
    async with AsyncExitStack() as stack:
        courier = Courier()
        stack.push_async_callback(courier.close)
        register = Register(courier)
        shops, tables = {}, {}
        for name in platforms or KINDS:
            random_of_its_own = random.Random(source.getrandbits(64))
            shop = _shop(name, clock, random_of_its_own, register)
            shop.stock(goods(units))
            url = await stack.enter_async_context(shop_open(shop))
            shops[name] = shop
            table = {key: value for key, value in shop.settings(url).items() if value is not None}
            tables[name] = {**table, **(PLATFORM_PROMISES if name in PLATFORMS else PROMISES), **PROMPT, **keys}
        yield Town(units, shops, register, tables)


def _shop(name: str, clock: Clock, source: random.Random, register: Register) -> StandIn:
    if name in PLATFORMS:
        return PLATFORMS[name](clock, source, deliver=register.deliver, name=name)
    return MemoryStandIn(clock, source, deliver=register.deliver, name=name, **KINDS[name])
