"""Who is in the shops, whatever the daemon does: shoppers who buy, staff who cancel, ship and refund."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from channelsync.clock import Clock
from channelsync.testing.siege.town import Town
from channelsync.testing.standins.base import SoldOut, StandIn

PATIENCE_SECONDS = 0.2
BUYS, SHIPS, CANCELS = 0.6, 0.8, 0.9
"""Of all that happens; the rest are refunds of one unit."""


class Shoppers:
    """rate: how much happens per second, over all shops."""

    def __init__(self, clock: Clock, source: random.Random, town: Town, rate: float) -> None:
        self._clock, self._random, self._town, self._rate = clock, source, town, rate
        self._unshipped: list[tuple[StandIn, str]] = []

    @asynccontextmanager
    async def shopping(self) -> AsyncIterator[None]:
        """They come as long as the block runs."""
        tasks = [asyncio.create_task(self._come(), name="shoppers"), asyncio.create_task(self._be_patient(), name="patience")]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            for result in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(result, Exception):
                    raise result

    async def _come(self) -> None:
        due = self._clock.monotonic()
        while True:
            due += self._random.uniform(0.2, 1.8) / self._rate
            await self._clock.sleep(max(0.0, due - self._clock.monotonic()))
            self.act()

    async def _be_patient(self) -> None:
        while True:
            self._town.be_patient()
            await self._clock.sleep(PATIENCE_SECONDS)

    def act(self) -> None:
        """One thing happens in one shop."""
        draw = self._random.random()
        if draw < BUYS or not self._unshipped:
            self._buy()
            return
        shop, ref = self._unshipped.pop(self._random.randrange(len(self._unshipped)))
        if draw < SHIPS:
            shop.ship(ref)
        elif draw < CANCELS:
            shop.cancel(ref)
        else:
            shop.refund(ref, shop.orders[ref].lines[0].sku, 1)

    def _buy(self) -> None:
        shop = self._town.shops[self._random.choice(sorted(self._town.shops))]
        basket = {sku: self._random.randint(1, 2) for sku in self._random.sample(self._town.skus, self._random.choice((1, 1, 2)))}
        try:
            self._unshipped.append((shop, shop.buy(basket)))
        except SoldOut:
            return
