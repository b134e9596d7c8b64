"""Three shops on loopback that sell the same goods and take writes in different ways; and the list of all deliveries that were answered 2xx."""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from channelsync.clock import Clock
from channelsync.testing.standins.base import Item
from channelsync.testing.standins.memory import MemoryStandIn
from channelsync.testing.standins.serving import Courier, shop_open

KINDS: Mapping[str, Mapping[str, Any]] = {
    "east": {"carrier": "compare_and_set"},
    "west": {"carrier": "adjust"},
    "north": {"carrier": "adjust", "key_memory": None},
}
"""By name: keys and a comparison; keys only; neither, so that an answer that was lost is resolved by readings alone."""

SKUS = 16
PROMISES = {"write_drains_seconds": 5.0, "overlap_seconds": 2.0}
PROMPT = {"poll_seconds": 1.0, "sweep_seconds": 5.0, "timeout_seconds": 2.0, "allow_private_hosts": True}

Delivered = tuple[str, str]
"""Channel and SHA-256 of the body: what arrived, independently of how the connector names it."""


def digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


@dataclass(slots=True)
class Register:
    """acknowledged: answered 2xx. refused: by status, 0 where nobody answered. since_refused: 2xx since the last other answer."""

    courier: Courier
    acknowledged: Counter[Delivered] = field(default_factory=Counter)
    refused: Counter[int] = field(default_factory=Counter)
    since_refused: int = 0

    async def deliver(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        try:
            status = await self.courier.deliver(url, headers, body)
        except OSError:
            self._note_refused(0)
            raise
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
    shops: Mapping[str, MemoryStandIn]
    register: Register
    tables: Mapping[str, Mapping[str, Any]]

    @property
    def skus(self) -> list[str]:
        return [item.sku for item in goods(self.units)]

    @property
    def orders(self) -> int:
        return sum(len(shop.orders) for shop in self.shops.values())

    def be_patient(self) -> None:
        """No shop gives up on a webhook that failed too often: what we want to see is what the daemon makes of it."""
        for shop in self.shops.values():
            for hook in shop.hooks.hooks.values():
                hook.active, hook.failures = True, 0


def goods(units: int) -> list[Item]:
    return [Item(f"SKU-{number:02}", units) for number in range(1, SKUS + 1)]


@asynccontextmanager
async def town(clock: Clock, source: random.Random, *, units: int, **keys: Any) -> AsyncIterator[Town]:
    """The shops, open. keys: of every channel's table, instead of the usual ones."""
    async with AsyncExitStack() as stack:
        courier = Courier()
        stack.push_async_callback(courier.close)
        register = Register(courier)
        shops, tables = {}, {}
        for name, dials in KINDS.items():
            shop = MemoryStandIn(clock, random.Random(source.getrandbits(64)), deliver=register.deliver, name=name, **dials)
            shop.stock(goods(units))
            url = await stack.enter_async_context(shop_open(shop))
            shops[name] = shop
            table = {key: value for key, value in shop.settings(url).items() if value is not None}
            tables[name] = {**table, **PROMISES, **PROMPT, **keys}
        yield Town(units, shops, register, tables)
