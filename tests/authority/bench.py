"""A store in virtual time: a warehouse that owns on hand, a shop that sells from it, and the engine with all its loops."""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select

import channelsync_memory
from channelsync.contract import Context, Role
from channelsync.engine.channel import Channel, Settings
from channelsync.engine.loops import Engine as Loops
from channelsync.engine.operator import Operator
from channelsync.engine.store import Store
from channelsync.ledger import authorities, channels, levels, locations, skus
from channelsync.ledger.authorities import Ownership
from channelsync.ledger.channels import ChannelSpec
from channelsync.ledger.door import InlineLedger
from channelsync.ledger.levels import Level
from channelsync.ledger.locations import LocationSpec
from channelsync.ledger.schema import shelves
from channelsync.testing.conformance.door import open_http
from channelsync.testing.standins.base import Item
from channelsync.testing.standins.memory import MemoryStandIn, MemoryWarehouse
from channelsync.testing.virtual_clock import VirtualClock

SKU = "X"
HERE = Path(__file__)


class Bench:
    """`house` owns main, where `shop` sells from; both know 10 of X. poll: how often everybody is asked."""

    def __init__(self, engine: Engine, clock: VirtualClock) -> None:
        self.engine, self.clock = engine, clock
        self.ledger = InlineLedger(engine, clock)
        self.store = Store(self.ledger, clock, random.Random(1), "node-1")
        self.house = MemoryWarehouse(clock, random.Random(2), name="house")
        self.shop = MemoryStandIn(clock, random.Random(3), name="shop")

    async def open(self, *, units: int = 10, shows: int = 10, poll: float = 10.0, **more: Any) -> Bench:
        [self.location] = [await self.ledger.run(locations.ensure, LocationSpec("main"))]
        self.house.stock([Item(SKU, units)])
        self.shop.stock([Item(SKU, shows)])
        self.authority = await self._channel(self.house, Role.AUTHORITY, poll, places={"store": (self.location,)}, **more)
        await self.ledger.run(authorities.enrol, Ownership(self.location, self.authority.id))
        self.channel = await self._channel(self.shop, Role.CHANNEL, poll)
        self.loops = Loops(self.store, forgiving=False, makes_skus=self.authority.id)
        self.operator = Operator(self.loops, opening=self.authority.id, running=False)
        return self

    async def _channel(self, standin: Any, role: Role, poll: float, **more: Any) -> Channel:
        kind = channelsync_memory.connector
        table = {key: value for key, value in standin.settings("https://shop.test").items() if key not in {"connector", "role"}}
        context = Context(standin.name, open_http(standin.app, self.clock), self.clock, role)
        connector = kind.connect(kind.settings.model_validate(table), context)
        channel_id = await self.ledger.run(channels.register, ChannelSpec(standin.name, "memory", self.location, role))
        assert isinstance(channel_id, int)
        settings = Settings(standin.name, "memory", self.location, poll=timedelta(seconds=poll), role=role, **more)
        self.store.channels[channel_id] = Channel(channel_id, settings, connector, introduced=False)
        return self.store.channels[channel_id]

    async def level(self) -> Level:
        found = await self.ledger.read(skus.find, [SKU])
        key = found[SKU].id, self.location
        return (await self.ledger.read(levels.read, [key]))[key]

    async def numbers(self) -> tuple[int, int, int, int]:
        """on hand, hard, pending_debit, held_elsewhere"""
        level = await self.level()
        return level.on_hand, level.hard, level.pending_debit, level.held_elsewhere

    async def target(self) -> int | None:
        def read(conn: Any) -> int | None:
            return conn.scalar(select(shelves.c.target).where(shelves.c.channel_id == self.channel.id))  # type: ignore[no-any-return]

        return await self.ledger.read(read)
