"""The demo in order: shops open, daemon up, first plan applied, shoppers come, everything settles, the count is made."""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import structlog

from channelsync.clock import Clock
from channelsync.config import Config, parse
from channelsync.contract import Connector, Context, Delivery, OrderHint, OrderSnapshot, ReceivesWebhooks
from channelsync.errors import ChannelError
from channelsync.ledger.audit import audit
from channelsync.ledger.door import Door
from channelsync.registry import Registry
from channelsync.shell.control import ControlError, ask
from channelsync.shell.daemon import Running, daemon
from channelsync.shell.http import shop_http
from channelsync.shell.lock import beside
from channelsync.testing.demo import measure
from channelsync.testing.demo.measure import SeenOrder
from channelsync.testing.demo.naive import push_blindly
from channelsync.testing.demo.options import (
    READING_SECONDS,
    SETTLE_SECONDS,
    TIMEOUT_SECONDS,
    VISIBILITY_SECONDS,
    Options,
    Summary,
)
from channelsync.testing.demo.shoppers import Crowd, Truth
from channelsync.testing.demo.tables import tables
from channelsync.testing.simulation.events import Event, Looked
from channelsync.testing.simulation.goods import Goods
from channelsync.testing.simulation.judge import Judge, ShopFacts
from channelsync.testing.simulation.recorder import Recorder, RecordingDoor
from channelsync.testing.standins.base import Faults, Item, StandIn
from channelsync.testing.standins.bigcommerce import BigCommerceStandIn
from channelsync.testing.standins.moysklad import MoyskladStandIn
from channelsync.testing.standins.serving import Courier, shop_open
from channelsync.testing.standins.shopify import ShopifyStandIn
from channelsync.testing.standins.woocommerce import WooCommerceStandIn

log = structlog.get_logger(__name__)

STEP_SECONDS = 0.25
BIGCOMMERCE_APPLIES = 0.3
"""Seconds from an accepted adjustment to the number that moves."""

BIGCOMMERCE_QUOTA, BIGCOMMERCE_WINDOW = 300, 3.0
"""Requests per window, as on a large plan: the smallest one's 150 in 30 s are less than this many orders ask for. The window is a tenth of the
real one, like everything here that somebody would have to wait for: who is refused waits until it ends.
"""
OPENING_TRIES = 20
DIFFERENCES_SHOWN = 5


@dataclass(frozen=True, slots=True)
class View:
    """What a live table shows. rows: SKU -> (ledger's available, number in each shop)."""

    phase: str
    rows: Mapping[str, tuple[int, Mapping[str, int]]]
    truth: Truth
    seconds_left: float


Show = Callable[[View], None]


async def play(options: Options, clock: Clock, *, show: Show | None = None) -> Summary:
    """Run the demo once; `show` is called a few times a second."""
    async with AsyncExitStack() as stack:
        stage = await _Stage.build(stack, options, clock)
        return await stage.play(show)


class _Stage:
    """Everything that stands while the demo runs."""

    def __init__(self, options: Options, clock: Clock, courier: Courier) -> None:
        self.options, self.clock, self.courier = options, clock, courier
        self.random = random.Random(options.seed)
        self.heard: dict[tuple[str, str], datetime] = {}
        self.polls = 0
        self.shops: dict[str, StandIn] = {
            "shopify": ShopifyStandIn(
                clock,
                self._source(),
                deliver=self._deliver,
                visibility_lag=VISIBILITY_SECONDS,
                hang_seconds=TIMEOUT_SECONDS * 1.5,
                bucket_size=20_000,
                restore_rate=1_000,
            ),
            "woocommerce": WooCommerceStandIn(clock, self._source(), deliver=self._deliver, visibility_lag=float(VISIBILITY_SECONDS)),
            "bigcommerce": BigCommerceStandIn(
                clock,
                self._source(),
                deliver=self._deliver,
                visibility_lag=float(VISIBILITY_SECONDS),
                hang_seconds=TIMEOUT_SECONDS * 1.5,
                quota=BIGCOMMERCE_QUOTA,
                window_seconds=BIGCOMMERCE_WINDOW,
                apply_seconds=BIGCOMMERCE_APPLIES,
            ),
        }
        self.account = MoyskladStandIn(
            clock, self._source(), deliver=self._deliver, credential="solution", hang_seconds=TIMEOUT_SECONDS * 1.5
        )
        self.everybody: dict[str, StandIn] = {**self.shops, "moysklad": self.account}
        self.items = [Item(f"SKU-{number:02}", options.units, f"Article {number}") for number in range(1, options.skus + 1)]
        facts = {name: ShopFacts(VISIBILITY_SECONDS, exclusive=name != "woocommerce") for name in self.shops}
        goods = Goods(offers=lambda _shop, item, left: left(item) - options.safety_stock)
        self.judge = Judge(facts, goods, reading_within=READING_SECONDS)
        self.recorder = Recorder(clock, self.shops, self._hear)
        self.config: Config
        self.running: Running
        self.crowd: Crowd

    def _source(self) -> random.Random:
        return random.Random(self.random.getrandbits(64))

    @classmethod
    async def build(cls, stack: AsyncExitStack, options: Options, clock: Clock) -> _Stage:
        courier = Courier()
        stack.push_async_callback(courier.close)
        stage = cls(options, clock, courier)
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="channelsync-demo-")))
        for shop in stage.everybody.values():
            shop.stock(stage.items)
        for item in stage.items:
            stage.recorder.supplied(item.sku, item.shows)
        urls = {name: await stack.enter_async_context(shop_open(shop)) for name, shop in stage.everybody.items()}
        registry = Registry.installed()
        stage.config = parse(tables(stage.everybody, urls, safety_stock=options.safety_stock), registry, file=home / "demo.toml")
        stage.running = await stack.enter_async_context(
            daemon(stage.config, registry, clock=clock, source=stage._source(), watch=stage.watched)
        )
        stage.crowd = Crowd(clock, stage._source(), stage.shops, stage.account, stage.items, stage.moved)
        if options.naive:
            connector = await stage.blind(stack, registry, urls["woocommerce"])
            blind = asyncio.create_task(push_blindly(clock, stage._source(), stage.ledger, connector, "woocommerce"))
            stack.callback(blind.cancel)
        return stage

    @property
    def ledger(self) -> Door:
        return self.running.assembly.ledger

    def watched(self, ledger: Door) -> Door:
        return RecordingDoor(ledger, self.recorder)

    async def blind(self, stack: AsyncExitStack, registry: Registry, url: str) -> Connector:
        kind = registry.connector("woocommerce")
        opening = shop_http("blind", clock=self.clock, source=self._source(), timeout=TIMEOUT_SECONDS, private_hosts=True)
        door = await stack.enter_async_context(opening)
        table = {name: value for name, value in self.shops["woocommerce"].settings(url).items() if name != "connector"}
        return kind.connect(kind.settings.model_validate({**table, "stock_write": "absolute"}), Context("blind", door, self.clock))

    # -- what is heard -------------------------------------------------------------------------------------------------------------------------

    def _hear(self, event: Event) -> None:
        self.judge.feed([event])
        if isinstance(event, Looked):
            self.polls += 1

    async def _deliver(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        status = await self.courier.deliver(url, headers, body)
        if 200 <= status < 300:
            self._note(urlsplit(url).path.split("/")[2], headers, body)
        return status

    def _note(self, name: str, headers: Mapping[str, str], body: bytes) -> None:
        """Which orders our 2xx was about, read as the daemon reads it."""
        now = self.clock.now()
        connector = self.running.assembly.store.named(name).connector
        assert isinstance(connector, ReceivesWebhooks)
        try:
            parsed = connector.parse(Delivery(name, {key.lower(): value for key, value in headers.items()}, body, now))
        except ChannelError:
            return
        for fact in parsed:
            if isinstance(fact, (OrderHint, OrderSnapshot)):
                self.heard.setdefault((name, fact.ref), now)

    def heard_at(self, order: SeenOrder) -> datetime:
        return min(self.heard.get((order.channel, order.ref), order.first_seen_at), order.first_seen_at)

    def moved(self, sku: str, units: int) -> None:
        """What came or went at Moysklad: the ledger reads it there."""
        self.recorder.supplied(sku, units, told=False)

    # -- the play ------------------------------------------------------------------------------------------------------------------------------

    async def play(self, show: Show | None) -> Summary:
        await self.open_ledger()
        self.set_faults(self.options.faults)
        buying = asyncio.create_task(self.crowd.run(self.options.rate, self.options.seconds, edits=self.options.has_faults))
        await self.watch(buying, "shoppers buy", self.options.seconds, show)
        await self.watch(asyncio.create_task(self.crowd.finish()), "shops and warehouse finish what they began", 0.0, show)
        self.set_faults(Faults())
        began = self.clock.monotonic()
        settling = asyncio.create_task(self.settle())
        await self.watch(settling, "settling", SETTLE_SECONDS, show)
        return await self.summary(converged=settling.result(), seconds=self.clock.monotonic() - began)

    async def open_ledger(self) -> None:
        """Apply the first plan through the same door as a person would."""
        socket_path = beside(self.config, ".sock")
        for _ in range(OPENING_TRIES - 1):
            try:
                await ask(socket_path, "apply", {})
                return
            except ControlError as error:
                log.info("the first plan waits", reason=str(error))
                await self.clock.sleep(STEP_SECONDS)
        await ask(socket_path, "apply", {})

    def set_faults(self, faults: Faults) -> None:
        for shop in self.everybody.values():
            shop.faults = faults

    async def watch(self, work: asyncio.Task[Any], phase: str, seconds: float, show: Show | None) -> None:
        until = self.clock.monotonic() + seconds
        while not work.done():
            if show is not None:
                free = await self.ledger.read(measure.available)
                rows = {sku: (free[sku], {name: shop.shows(sku) for name, shop in self.shops.items()}) for sku in sorted(free)}
                show(View(phase, rows, self.crowd.truth, max(0.0, until - self.clock.monotonic())))
            await asyncio.wait([work], timeout=STEP_SECONDS)
        work.result()

    async def settle(self) -> bool:
        """Until every shelf shows its target and nothing is open; False if that takes too long."""
        until = self.clock.monotonic() + SETTLE_SECONDS
        while self.clock.monotonic() < until:
            if await self.at_rest():
                return True
            await self.clock.sleep(STEP_SECONDS)
        return False

    async def at_rest(self) -> bool:
        if measure.unsettled(await self.ledger.read(measure.shelves_now), self.shops):
            return False
        if await self.ledger.read(measure.unexported):
            return False
        return await self.ledger.read(measure.available) == self.crowd.truth.left

    # -- the count -----------------------------------------------------------------------------------------------------------------------------

    async def summary(self, *, converged: bool, seconds: float) -> Summary:
        self.recorder.catch_up()
        differences = await self.differences()
        deliveries, pushes = await self.ledger.read(measure.counts)
        seen = await self.ledger.read(measure.seen_orders)
        writes = await self.ledger.read(measure.written, self.shops, {"bigcommerce": timedelta(seconds=BIGCOMMERCE_APPLIES)})
        truth = self.crowd.truth
        return Summary(
            seed=self.options.seed,
            orders=truth.orders,
            deliveries=deliveries,
            polls=self.polls,
            pushes=pushes,
            units_sold=truth.units_sold,
            oversold_units=truth.oversold,
            resurrected_units=self.judge.resurrected_units,
            raced_units=self.judge.raced_units,
            violations=len(differences),
            converged=converged,
            intake_to_shelf_ms=measure.intake_to_shelf(seen, writes, self.heard_at),
            shop_delay_ms=measure.shop_delays(seen, self.shops, self.heard_at),
            settled_seconds=round(seconds, 1),
            differences=tuple(differences[:DIFFERENCES_SHOWN]),
        )

    async def differences(self) -> list[str]:
        """What the audit finds, where the ledger is not the truth, and harm that a better push would not have done."""
        found = [f"{d.check}: {d.where}: {d.found} instead of {d.expected}" for d in await self.ledger.read(audit)]
        free = await self.ledger.read(measure.available)
        found += [
            f"truth: {sku}: ledger {free.get(sku)}, really {left}" for sku, left in self.crowd.truth.left.items() if free.get(sku) != left
        ]
        return found + [str(harm) for harm in self.judge.violations]
