"""Two shops, one ledger and the engine's parts without their loops: a scenario moves each of them by hand, in virtual time."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, select, update

import channelsync_memory
from channelsync.contract import Context, OrderSnapshot
from channelsync.engine.catalogue import Catalogue
from channelsync.engine.channel import Channel, Settings
from channelsync.engine.dispatch import Dispatcher
from channelsync.engine.poll import Pullers
from channelsync.engine.reconcile import Reconciler
from channelsync.engine.store import Store
from channelsync.errors import ChannelError
from channelsync.ledger import channels, locations, openings, orders, stock
from channelsync.ledger.brackets import EditPolicy, OnEdit
from channelsync.ledger.channels import ChannelSpec
from channelsync.ledger.locations import LocationSpec
from channelsync.ledger.openings import Opening
from channelsync.ledger.orders import Sighting
from channelsync.ledger.schema import attempts, shelves, skus, stock_levels
from channelsync.ledger.schema import channels as channel_table
from channelsync.testing.conformance.door import WatchedHttp, open_http
from channelsync.testing.simulation.clocks import SkewedClock
from channelsync.testing.standins.base import Item
from channelsync.testing.standins.memory import MemoryStandIn
from channelsync.testing.virtual_clock import VirtualClock
from support.slip import SlippingLedger

T = TypeVar("T")

SKU = "X"
LAG = 60.0
DRAIN = 30.0

CARRIERS: dict[str, dict[str, Any]] = {
    "cas": {"carrier": "compare_and_set", "key_memory": 86_400.0},
    "adjust-keyed": {"carrier": "adjust", "key_memory": 86_400.0},
    "adjust": {"carrier": "adjust", "key_memory": None},
    "rmw": {"carrier": "adjust", "key_memory": None, "race_seconds": 0.0},
    "set": {"carrier": "set", "key_memory": None},
}


@dataclass
class Node:
    """Another process's part in one channel."""

    dispatcher: Dispatcher
    reconciler: Reconciler


@dataclass
class Shop:
    """One shop and everything the engine holds for it."""

    bench: Bench
    standin: MemoryStandIn
    http: WatchedHttp
    channel: Channel
    dispatcher: Dispatcher = field(init=False)
    reconciler: Reconciler = field(init=False)

    def __post_init__(self) -> None:
        self.rebuild()

    def rebuild(self) -> None:
        """A restarted daemon: same rows, no memory."""
        bench = self.bench
        self.channel.lease = None
        self.dispatcher = Dispatcher(bench.store, self.channel, bench.pullers)
        self.reconciler = Reconciler(bench.store, self.channel, bench.pullers[self.channel])

    @property
    def shows(self) -> int:
        return self.standin.shows(SKU)

    async def push(self) -> None:
        """One dispatch round; errors of the shop are what the round is about, not failures of the test."""
        with suppress(ChannelError):
            await self.dispatcher.run_once()

    async def pull(self) -> None:
        await self.bench.pullers[self.channel].look()

    async def bracket(self) -> int:
        return await self.reconciler.close_brackets()

    async def sweep(self) -> None:
        """Read every shelf, due or not."""
        await self.bench.clock.sleep(self.channel.settings.sweep.total_seconds() + 1)
        await self.reconciler.sweep()

    async def look(self) -> None:
        """Read what it shows, out of turn."""
        await self.reconciler.look_at({self.standin.shelves.products[SKU].ref: None})

    async def webhook(self, order: str) -> None:
        """The order arrives by itself, long before the order list shows it."""
        snapshot = await self.channel.connector.order(order)
        assert isinstance(snapshot, OrderSnapshot)
        await self.bench.ledger.run(orders.apply, Sighting(self.channel.id, snapshot, 0))

    async def settle(self, rounds: int = 6) -> None:
        """Time passes and nothing else happens."""
        for _ in range(rounds):
            await self.bench.clock.sleep(LAG + DRAIN + 1)
            for shop in (self.bench.a, self.bench.b):
                await shop.pull()
                await shop.push()
                await shop.bracket()
                await shop.push()

    def state(self) -> dict[str, Any]:
        def read(conn: Connection) -> dict[str, Any]:
            return dict(conn.execute(select(shelves).where(shelves.c.channel_id == self.channel.id)).mappings().one())

        return self.bench.read(read)

    def sent(self) -> list[dict[str, Any]]:
        def read(conn: Connection) -> list[dict[str, Any]]:
            query = select(attempts).join(shelves, shelves.c.id == attempts.c.shelf_id).where(shelves.c.channel_id == self.channel.id)
            return [dict(row) for row in conn.execute(query.order_by(attempts.c.created_at, attempts.c.id)).mappings()]

        return self.bench.read(read)


class Bench:
    """a is the shop under test, b the other. on_hand 2, both show 2, both books are 2."""

    a: Shop
    b: Shop
    carrier: str
    goods: list[tuple[float, int]]
    """(monotonic time, units): what came in and what was taken off, the stock at the start included."""

    def __init__(self, engine: Engine, clock: VirtualClock, *, seed: int = 1) -> None:
        self.engine, self.clock = engine, clock
        self.ledger = SlippingLedger(engine, clock)
        self.random = random.Random(seed)
        self.store = Store(self.ledger, clock, self.random, "node-1")
        self.pullers = Pullers(self.store)

    async def open(
        self, carrier: str, *, on_edit: OnEdit | None = None, stock_at_start: int = 2, drain: float = DRAIN, lag: float = LAG, **dials: Any
    ) -> Bench:
        await self.ledger.start()
        self.carrier, self.goods = carrier, [(self.clock.monotonic(), stock_at_start)]
        [self.location] = [await self.ledger.run(locations.ensure, LocationSpec("main", "Main", "warehouse"))]
        self.a = await self._shop("a", on_edit, stock_at_start, drain, visibility_lag=lag, **{**CARRIERS[carrier], **dials})
        self.b = await self._shop("b", on_edit, stock_at_start, drain, **CARRIERS["cas"])
        for shop in (self.a, self.b):
            await Catalogue(self.store, shop.channel, makes_skus=shop is self.a).refresh()
            await shop.pull()
            assert await shop.bracket() == 1
        await self.ledger.run(openings.open_channels, Opening(tuple(self.store.channels), self.a.channel.id))
        return self

    async def _shop(self, name: str, on_edit: OnEdit | None, shows: int, drain: float, **dials: Any) -> Shop:
        standin = MemoryStandIn(self.clock, random.Random(7), name=name, **dials)
        standin.stock([Item(SKU, shows)])
        http = open_http(standin.app, self.clock)
        table = {k: v for k, v in standin.settings("https://shop.test").items() if k != "connector"} | {"write_drains_seconds": drain}
        kind = channelsync_memory.connector
        connector = kind.connect(kind.settings.model_validate(table), Context(name, http, self.clock))
        channel_id = await self.ledger.run(channels.register, ChannelSpec(name, "memory", self.location))
        settings = Settings(
            name,
            "memory",
            self.location,
            on_edit=on_edit or OnEdit(),
            timeout=timedelta(seconds=5),
            sweep=timedelta(minutes=15),
            lease=timedelta(seconds=60),
        )
        self.store.channels[channel_id] = Channel(channel_id, settings, connector)
        return Shop(self, standin, http, self.store.channels[channel_id])

    # -- what people do ------------------------------------------------------------------------------------------------------------------

    async def receive(self, units: int = 1) -> None:
        self.goods.append((self.clock.monotonic(), units))
        await self.ledger.run(stock.receive, stock.Change(SKU, "main", units))

    async def take_off(self, units: int = 1) -> None:
        self.goods.append((self.clock.monotonic(), -units))
        await self.ledger.run(stock.adjust, stock.Change(SKU, "main", -units, reason="damaged"))

    async def crash(self) -> None:
        """The daemon dies and starts again on the same database."""
        self.pullers = Pullers(self.store)
        for shop in (self.a, self.b):
            shop.rebuild()

    async def crash_into(self, error: timedelta) -> None:
        """The daemon dies and starts again on a machine whose date is wrong; the shops' clocks are right."""
        ours = SkewedClock(self.clock, error.total_seconds())
        self.ledger = SlippingLedger(self.engine, ours)
        self.store = Store(self.ledger, ours, self.random, "node-1", channels=self.store.channels)
        for channel in self.store.channels.values():
            channel.heard = None
        await self.crash()

    async def lose_lease(self) -> None:
        """What the database looks like when the holder of a's lease slept for longer than it lasts, and another node has come."""
        ended = self.clock.now() - timedelta(seconds=1)
        with self.engine.begin() as conn:
            conn.execute(update(channel_table).where(channel_table.c.id == self.a.channel.id).values(lease_until=ended))
        assert await self.ledger.run(channels.take_lease, channels.LeaseRequest(self.a.channel.id, "node-2", 60.0))

    def second_node(self) -> Node:
        """Another process that wants to push to a."""
        store = Store(self.ledger, self.clock, random.Random(99), "node-2", channels=self.store.channels)
        channel = Channel(self.a.channel.id, self.a.channel.settings, self.a.channel.connector)
        pullers = Pullers(store)
        return Node(Dispatcher(store, channel, pullers), Reconciler(store, channel, pullers[channel]))

    # -- what is true --------------------------------------------------------------------------------------------------------------------

    def read(self, query: Callable[[Connection], T]) -> T:
        with self.engine.connect() as conn:
            return query(conn)

    def level(self) -> dict[str, int]:
        def read(conn: Connection) -> dict[str, int]:
            query = select(stock_levels).join(skus, skus.c.id == stock_levels.c.sku_id).where(skus.c.sku == SKU)
            return dict(conn.execute(query).mappings().one())

        return self.read(read)

    @property
    def on_hand(self) -> int:
        return self.level()["on_hand"]

    @property
    def hard(self) -> int:
        return self.level()["hard"]

    def assert_at_rest(self) -> None:
        """Both shops show what they should, and nothing is open anywhere."""
        for shop in (self.a, self.b):
            state = shop.state()
            assert shop.shows == state["book"] == state["target"], (shop.channel.name, shop.shows, state)
            assert (state["gap"], state["verify"], state["due"]) == (0, False, False), state
            assert not [row for row in shop.sent() if row["state"] in ("armed", "sent", "unknown")]


Scenario = Callable[[Bench], Awaitable[None]]

ADOPT = OnEdit(EditPolicy.ADOPT, EditPolicy.ADOPT)
OVERWRITE = OnEdit(EditPolicy.OVERWRITE, EditPolicy.OVERWRITE)
