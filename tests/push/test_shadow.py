"""Shadow mode beside the tool that everybody has: nothing is written, and every unit that the other tool put back on sale is named."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine as Database
from sqlalchemy import func, select

from channelsync.contract import Call, Connector, Context, Effect, ShelfRef, Write
from channelsync.engine.channel import Channel, Settings
from channelsync.engine.loops import Engine
from channelsync.engine.operator import Operator
from channelsync.engine.store import Store
from channelsync.ledger import channels, locations, shadow
from channelsync.ledger.channels import ChannelSpec
from channelsync.ledger.door import InlineLedger
from channelsync.ledger.locations import LocationSpec
from channelsync.ledger.schema import attempts
from channelsync.ledger.shadow import Look, foreign_writes
from channelsync.testing.conformance.door import open_http
from channelsync.testing.standins.base import Item, SoldOut
from channelsync.testing.standins.woocommerce import WooCommerceStandIn
from channelsync.testing.virtual_clock import VirtualClock
from channelsync_woocommerce import connector

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
SKUS = ("MUG", "TEE")
STOCK = 12
TRADE_SECONDS = 240.0


class Naive:
    """Polls orders now and then, computes what must be left, and writes that number, whatever the shop has sold meanwhile."""

    def __init__(self, shop: WooCommerceStandIn, clock: VirtualClock, woo: Connector) -> None:
        self._shop, self._clock, self._woo = shop, clock, woo
        self._left = dict.fromkeys(SKUS, STOCK)

    async def poll(self) -> None:
        while True:
            await self._clock.sleep(25.0)
            sold = Counter[str]()
            for order in self._shop.orders.values():
                for line in order.lines:
                    sold[line.sku] += line.quantity - line.cancelled - line.returned
            self._left = {sku: STOCK - sold[sku] for sku in SKUS}

    async def push(self) -> None:
        serial = 0
        while True:
            await self._clock.sleep(7.0)
            for product in list(self._shop.state.products.values()):
                serial += 1
                shelf, number = ShelfRef(str(product.id)), self._left[product.sku]
                await self._woo.push(Call(f"naive-{serial}", (Write(f"w{serial}", shelf, number, number, 0),)))


def woo(shop: WooCommerceStandIn, clock: VirtualClock, **extra: Any) -> Connector:
    table = {name: value for name, value in shop.settings("https://woo.test").items() if name != "connector"} | extra
    return connector.connect(connector.settings.model_validate(table), Context("woo", open_http(shop.app, clock), clock))


def truly_resurrected(shop: WooCommerceStandIn) -> dict[tuple[str, datetime], int]:
    """(SKU, when) -> units that a write put on sale although they were sold: the shop's own memory tells."""
    left = dict.fromkeys(SKUS, STOCK)
    found: dict[tuple[str, datetime], int] = {}
    for change in shop.changes:
        if change.cause in ("sale", "restore"):
            left[change.sku] += change.after - change.before
        elif (units := min(change.after - change.before, change.after - max(0, left[change.sku]))) > 0:
            found[change.sku, change.at] = units
    return found


async def _trade(shop: WooCommerceStandIn, clock: VirtualClock, source: random.Random) -> None:
    orders: list[str] = []
    until = clock.monotonic() + TRADE_SECONDS
    while clock.monotonic() < until:
        await clock.sleep(source.uniform(2.0, 14.0))
        try:
            orders.append(shop.buy({source.choice(SKUS): source.choice((1, 1, 2))}))
        except SoldOut:
            continue
        if source.random() < 0.2:
            shop.cancel(orders.pop(source.randrange(len(orders))))


def test_every_unit_that_another_tool_resurrects_is_named_and_nothing_is_written(engine: Database) -> None:
    clock, source = VirtualClock(), random.Random(4)
    shop = WooCommerceStandIn(clock, random.Random(5), visibility_lag=1.0)
    shop.stock(Item(sku, STOCK) for sku in SKUS)
    ledger = InlineLedger(engine, clock)

    async def story() -> shadow.Report:
        store = Store(ledger, clock, source, "node-1")
        place = await ledger.run(locations.ensure, LocationSpec("main"))
        channel_id = await ledger.run(channels.register, ChannelSpec("woo", "woocommerce", place))
        settings = Settings("woo", "woocommerce", place, live=False, poll=timedelta(seconds=2), sweep=timedelta(seconds=1))
        store.channels[channel_id] = Channel(channel_id, settings, woo(shop, clock, visibility_lag_seconds=1.0))
        daemon = Engine(store, forgiving=False, makes_skus=channel_id)
        operator = Operator(daemon, opening=channel_id, running=False)
        assert await operator.look() == {}
        await operator.apply()
        running = [asyncio.ensure_future(daemon.run())]
        naive = Naive(shop, clock, woo(shop, clock, stock_write="absolute"))
        others = [asyncio.ensure_future(work) for work in (shop.run(), naive.poll(), naive.push())]
        await _trade(shop, clock, random.Random(6))
        for task in others[1:]:
            task.cancel()
        await clock.sleep(30.0)
        for task in (*running, *others):
            task.cancel()
        return await ledger.read(shadow.report, "woo")

    found = clock.run(story())
    truth = truly_resurrected(shop)
    named = [write for write in found.writes if write.resurrected]
    assert len(truth) > 5, "the naive pusher must do harm, or nothing is shown"
    assert Counter((sku, units) for (sku, _), units in truth.items()) == Counter((write.sku, write.resurrected) for write in named)
    margin = timedelta(seconds=2)  # looks are a second apart, and the shop cuts its times
    for (sku, at), units in truth.items():
        mine = [write for write in named if write.sku == sku and write.after - margin <= at <= write.before + margin]
        assert units in [write.resurrected for write in mine], (sku, at, units, named)
    assert found.looked == len(SKUS)
    with engine.connect() as conn:
        assert conn.scalar(select(func.count()).select_from(attempts)) == 0
    ours = {change.write for change in shop.changes if change.cause == "write"}
    assert all(str(write).startswith("naive-") for write in ours)


def _at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def test_a_sale_explains_a_lower_number() -> None:
    looks = [Look(_at(0), 5), Look(_at(10), 4)]
    assert list(foreign_writes(looks, [Effect(1, _at(5))])) == []


def test_a_number_that_stays_although_a_unit_was_sold_was_written() -> None:
    looks = [Look(_at(0), 5), Look(_at(10), 5)]
    assert [change for _, _, change in foreign_writes(looks, [Effect(1, _at(5))])] == [1]


def test_an_effect_within_the_second_of_a_look_accuses_nobody() -> None:
    """The shop cut its time to the second: the sale was before the look or after it."""
    looks = [Look(_at(0), 5), Look(_at(4.5), 4), Look(_at(4.7), 4), Look(_at(9), 4)]
    assert list(foreign_writes(looks, [Effect(1, _at(4.999))])) == []
    assert list(foreign_writes([Look(_at(0), 5), Look(_at(4.5), 5), Look(_at(9), 4)], [Effect(1, _at(4.999))])) == []


def test_two_writes_are_told_apart_and_a_lowering_one_resurrects_nothing() -> None:
    looks = [Look(_at(0), 5), Look(_at(10), 7), Look(_at(20), 3)]
    assert [change for _, _, change in foreign_writes(looks, [])] == [2, -4]
