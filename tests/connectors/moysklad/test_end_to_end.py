"""Moysklad owns the stock, a shop sells from it, and the whole engine runs between them: one sale, counted once at every step."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

import channelsync_memory
import channelsync_moysklad
from authority.bench import SKU, Bench
from channelsync.contract import Context, Role
from channelsync.engine.channel import Channel, Settings
from channelsync.engine.loops import Engine as Loops
from channelsync.engine.operator import Operator
from channelsync.ledger import authorities, channels, locations
from channelsync.ledger.authorities import Ownership
from channelsync.ledger.channels import ChannelSpec
from channelsync.ledger.locations import LocationSpec
from channelsync.testing.conformance.door import open_http
from channelsync.testing.standins.base import Item
from channelsync.testing.standins.memory import MemoryStandIn
from channelsync.testing.standins.moysklad import MoyskladStandIn, books
from channelsync.testing.virtual_clock import VirtualClock

TURN = 60.0


class Account(Bench):
    """As the bench of every authority, with a Moysklad account for a warehouse."""

    def __init__(self, engine: Engine, clock: VirtualClock) -> None:
        super().__init__(engine, clock)
        self.account = MoyskladStandIn(clock, random.Random(2))

    async def begin(self) -> None:
        [self.location] = [await self.ledger.run(locations.ensure, LocationSpec("main"))]
        self.account.stock([Item(SKU, 10)])
        self.shop.stock([Item(SKU, 10)])
        places: dict[str, tuple[int, ...]] = {self.account.state.main_store: (self.location,)}
        self.authority = await self._joined(channelsync_moysklad.connector, self.account, Role.AUTHORITY, places)
        await self.ledger.run(authorities.enrol, Ownership(self.location, self.authority.id))
        self.channel = await self._joined(channelsync_memory.connector, self.shop, Role.CHANNEL, {})
        self.loops = Loops(self.store, forgiving=False, makes_skus=self.authority.id)
        self.operator = Operator(self.loops, opening=self.authority.id, running=False)

    async def _joined(self, kind: Any, shop: MemoryStandIn | MoyskladStandIn, role: Role, places: dict[str, tuple[int, ...]]) -> Channel:
        table = {name: value for name, value in shop.settings("https://shop.test").items() if name != "connector"}
        context = Context(shop.name, open_http(shop.app, self.clock), self.clock, role)
        connector = kind.connect(kind.settings.model_validate(table), context)
        number = await self.ledger.run(channels.register, ChannelSpec(shop.name, kind.name, self.location, role))
        assert isinstance(number, int)
        settings = Settings(shop.name, kind.name, self.location, poll=timedelta(seconds=10), role=role, places=places)
        self.store.channels[number] = Channel(number, settings, connector, introduced=False)
        return self.store.channels[number]

    def held_there(self) -> float:
        return books.number(self.account.state, "reserve", self.account.good(SKU).id, self.account.state.main_store)

    def exported(self) -> list[str]:
        return [found.id for found in self.account.state.documents.values() if found.external.startswith("cs:")]


@asynccontextmanager
async def running(bench: Account) -> AsyncIterator[None]:
    await bench.begin()
    assert await bench.operator.look() == {}
    await bench.operator.apply()
    loops = asyncio.create_task(bench.loops.run())
    try:
        await bench.clock.sleep(TURN)
        yield
    finally:
        loops.cancel()
        await asyncio.gather(loops, return_exceptions=True)


@pytest.mark.slow
def test_one_sale_is_counted_once_at_every_step(engine: Engine) -> None:
    clock = VirtualClock()
    bench = Account(engine, clock)

    async def story() -> None:
        async with running(bench):
            order = bench.shop.buy({SKU: 3})
            await clock.sleep(TURN)
            assert (await bench.numbers(), bench.held_there()) == ((10, 3, 0, 0), 3)
            (document,) = bench.exported()
            bench.account.demand(document, {SKU: 3})
            await clock.sleep(TURN)
            assert (await bench.numbers(), bench.held_there()) == ((7, 0, 0, 0), 0)
            bench.shop.ship(order)
            await clock.sleep(TURN)
            assert await bench.numbers() == (7, 0, 0, 0)
            assert bench.shop.shows(SKU) == 7
            bench.account.foreign_reserve(SKU, 2)
            await clock.sleep(5 * TURN)
            assert (await bench.numbers(), bench.shop.shows(SKU)) == ((7, 0, 0, 2), 5)

    clock.run(story())
    assert bench.account.switched_off == 0
