"""Both shops that have a backorder switch, through their own APIs and beside the engine's loops: a policy, a limit, and staff who turn it by hand."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine as Database

from channelsync.contract import Context
from channelsync.engine.channel import Channel, Settings
from channelsync.engine.loops import Engine
from channelsync.engine.operator import Operator
from channelsync.engine.store import Store
from channelsync.ledger import channels, locations, policies
from channelsync.ledger.channels import ChannelSpec
from channelsync.ledger.door import InlineLedger
from channelsync.ledger.locations import LocationSpec
from channelsync.ledger.policies import SetPolicy
from channelsync.ledger.skus import Backorder
from channelsync.registry import Registry
from channelsync.testing.conformance.door import open_http
from channelsync.testing.standins.base import Item, SoldOut
from channelsync.testing.standins.shopify import ShopifyStandIn
from channelsync.testing.standins.woocommerce import WooCommerceStandIn
from channelsync.testing.virtual_clock import VirtualClock

SHOPS: dict[str, Callable[[VirtualClock], Any]] = {
    "shopify": lambda clock: ShopifyStandIn(clock, random.Random(5), visibility_lag=1.0),
    "woocommerce": lambda clock: WooCommerceStandIn(clock, random.Random(5), visibility_lag=1.0),
}
CATALOGUE = timedelta(minutes=5)


@pytest.mark.parametrize("kind", list(SHOPS))
@pytest.mark.parametrize("turns", [True, False])
def test_a_shop_sells_on_as_long_as_the_policy_lets_it(engine: Database, kind: str, turns: bool) -> None:
    clock = VirtualClock()
    shop = SHOPS[kind](clock)
    shop.stock([Item("MUG", 2), Item("CUP", 2)])
    shop.set_sells_on("CUP", on=True)
    ledger = InlineLedger(engine, clock)

    async def story() -> None:
        store = Store(ledger, clock, random.Random(4), "node-1")
        place = await ledger.run(locations.ensure, LocationSpec("main"))
        channel_id = await ledger.run(channels.register, ChannelSpec("shop", kind, place))
        settings = Settings("shop", kind, place, poll=timedelta(seconds=5), catalogue=CATALOGUE, turns_switches=turns)
        store.channels[channel_id] = Channel(channel_id, settings, _connector(shop, kind, clock))
        daemon = Engine(store, forgiving=False, makes_skus=channel_id)
        operator = Operator(daemon, opening=channel_id, running=False)
        assert await operator.look() == {}
        await operator.apply()
        await ledger.run(policies.set_policy, SetPolicy("MUG", Backorder.ALLOW, 3))
        tasks = [asyncio.ensure_future(work) for work in (daemon.run(), shop.run())]
        await (_asked_for(shop, clock) if turns else _not_asked_for(shop, clock))
        for task in tasks:
            task.cancel()

    clock.run(story())


async def _asked_for(shop: Any, clock: VirtualClock) -> None:
    await clock.sleep(40)
    assert (shop.sells_on("MUG"), shop.sells_on("CUP")) == (True, False)
    assert [change for change in shop.changes if change.cause == "write"] == []
    shop.buy({"MUG": 5})
    await clock.sleep(60)
    assert (shop.shows("MUG"), shop.sells_on("MUG")) == (-3, False), "the limit is reached"
    with pytest.raises(SoldOut):
        shop.buy({"MUG": 1})
    shop.set_sells_on("MUG", on=True)
    await clock.sleep(CATALOGUE.total_seconds() + 60)
    assert not shop.sells_on("MUG"), "what staff turned is put back once the catalogue has told of it"


async def _not_asked_for(shop: Any, clock: VirtualClock) -> None:
    await clock.sleep(CATALOGUE.total_seconds() + 60)
    assert (shop.sells_on("MUG"), shop.sells_on("CUP")) == (False, True)


def _connector(shop: Any, kind: str, clock: VirtualClock) -> Any:
    made = Registry.installed().connector(kind)
    table = {name: value for name, value in shop.settings("https://shop.test").items() if name != "connector"}
    return made.connect(made.settings.model_validate(table), Context("shop", open_http(shop.app, clock), clock))
