"""The shop itself against the stand-in: who it is, its keys, its webhooks, and a captured one."""

from __future__ import annotations

from typing import Any

import pytest

from channelsync.contract import Cursor, Delivery, Gone, OrderHint, OrderSnapshot, ShelfRef
from channelsync.errors import Unauthorized
from channelsync.testing.standins.base import Item
from channelsync.testing.standins.woocommerce import WooCommerceStandIn, captured_objects
from channelsync.testing.virtual_clock import VirtualClock
from channelsync_woocommerce import WooCommerceConnector
from support.woocommerce import shared, shop
from support.woocommerce_live import tell


def test_check_tells_who_the_shop_is(clock: VirtualClock, standin: WooCommerceStandIn) -> None:
    async def story(woo: WooCommerceConnector) -> None:
        found = await woo.check()
        assert (found.shop, found.facts["version"], found.facts["manage_stock"]) == ("woocommerce.example", "10.0.2", "yes")

    tell(clock, standin, story)


def test_wrong_keys_are_unauthorized(clock: VirtualClock, standin: WooCommerceStandIn) -> None:
    async def story(woo: WooCommerceConnector) -> None:
        with pytest.raises(Unauthorized, match='auth = "query"'):
            await woo.check()

    tell(clock, standin, story, consumer_key="ck_other")


def test_keys_in_the_query_work_too(clock: VirtualClock, standin: WooCommerceStandIn) -> None:
    async def story(woo: WooCommerceConnector) -> None:
        assert (await woo.check()).shop

    tell(clock, standin, story, auth="query")


def test_webhooks_are_created_once_armed_again_and_their_deliveries_verify(clock: VirtualClock) -> None:
    arrived: list[Delivery] = []

    async def receive(url: str, headers: Any, body: bytes) -> int:
        arrived.append(Delivery("woo", headers, body, clock.now()))
        return 200

    standin = shop(clock, deliver=receive)
    standin.stock([Item("MUG", 10)])

    async def story(woo: WooCommerceConnector) -> None:
        url = "https://sync.test/webhooks/woo"
        first = await woo.subscribe(url)
        await standin.work()  # the pings
        standin.state.webhooks[int(first[1].ref)].status = "disabled"
        assert [found.active for found in await woo.subscriptions()].count(False) == 1
        assert await woo.subscribe(url) == first
        assert len(await woo.subscriptions()) == 8
        made = standin.buy({"MUG": 1})
        await clock.sleep(1)
        await standin.work()
        hints = [hint for delivery in arrived if woo.verify(delivery) for hint in woo.parse(delivery)]
        assert OrderHint(made) in hints
        keys = [woo.verify(delivery) for delivery in arrived]
        told = [key for key in keys if key != "ping"]  # pings are unsigned and one delivery, however many come
        assert len(keys) - len(told) == len(first)
        assert len(set(told)) == len(told)

    tell(clock, standin, story)


# -- a captured shop -----------------------------------------------------------------------------------------------------------------------------


def test_a_captured_shop_is_read_as_its_deliveries_say(clock: VirtualClock) -> None:
    """Replays captured deliveries: each hint is followed by the re-read that a daemon would make."""
    folder = shared("channels/samples/woocommerce")
    standin = shop(clock)
    standin.load(captured_objects(folder))

    async def story(woo: WooCommerceConnector) -> None:
        sold = await woo.order("40")
        assert isinstance(sold, OrderSnapshot)
        assert [(line.listing, line.sku, line.shipped, line.channel_took) for line in sold.lines] == [
            ("12", "MUG-01", 3, 3),
            ("32:33", "TEE-S", 2, 2),
        ]
        refunded = await woo.order("409")
        assert isinstance(refunded, OrderSnapshot)
        assert (refunded.lines[0].shipped, refunded.lines[0].restocked) == (2, 1)
        assert await woo.order("389") == Gone("389")
        readings = await woo.stock([ShelfRef("12"), ShelfRef("32:33"), ShelfRef("36:37"), ShelfRef("39"), ShelfRef("405")])
        assert {reading.shelf.listing: reading.shows for reading in readings} == {"12": 47, "32:33": 28, "36:37": 6, "39": None}
        found = {item.ref: item async for page in woo.listings(Cursor()) for item in page.items}
        assert (found["32:33"].sku, found["36:37"].stock_ref, found["39"].tracked) == ("TEE-S", "36", False)

    tell(clock, standin, story)


def test_it_tells_whether_the_shop_goes_on_selling_at_zero(clock: VirtualClock, standin: WooCommerceStandIn) -> None:
    standin.stock([Item("ON", 1), Item("OFF", 1)])
    product = next(each for each in standin.state.products.values() if each.sku == "ON")
    product.backorders = "notify"

    async def story(woo: WooCommerceConnector) -> None:
        listings = {each.sku: each.sells_below_zero async for found in woo.listings(Cursor()) for each in found.items}
        assert (listings["ON"], listings["OFF"]) == (True, False)

    tell(clock, standin, story)
