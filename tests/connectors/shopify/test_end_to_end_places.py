"""Orders at several locations, against the stand-in's own truth: what each place's number lost, and what is still owed from there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from channelsync.contract import Cursor, OrderSnapshot, ShelfRef
from channelsync.errors import Unauthorized
from channelsync.testing.standins.base import Item
from channelsync.testing.standins.shopify import ShopifyStandIn
from channelsync.testing.standins.shopify.shop import SCOPES
from channelsync.testing.virtual_clock import VirtualClock
from channelsync_shopify.connector import Shopify
from support.shopify import all_orders, connected, run, stand_in

Deed = Callable[[ShopifyStandIn, str], None]


def two_places(clock: VirtualClock, **dials: Any) -> ShopifyStandIn:
    """MUG: 4 in the warehouse, 6 in the window."""
    return stand_in(clock, Item("MUG", 4, at=(("Window", 6),)), Item("CUP", 5), locations=("Warehouse", "Window"), **dials)


def home(shop: ShopifyStandIn) -> str:
    return shop.places()[0]


def window(shop: ShopifyStandIn) -> str:
    return shop.places()[1]


async def tells_the_truth(shop: ShopifyStandIn, connector: Shopify, ref: str) -> OrderSnapshot:
    found = await connector.order(ref)
    assert isinstance(found, OrderSnapshot)
    for place in shop.places():
        for sku in ("MUG", "CUP"):
            lines = [line for line in found.lines if line.sku == sku and line.location == place]
            true = [line for line in shop.orders[ref].lines if line.sku == sku and line.location == place]
            changes = [change for change in shop.changes if (change.order, change.sku, change.location) == (ref, sku, place)]
            assert all(line.adds_up() for line in lines)
            assert sum(line.channel_took for line in lines) == sum(change.before - change.after for change in changes), (sku, place)
            held = 0 if found.state == "cancelled" else sum(line.outstanding for line in lines)
            assert held == sum(line.open for line in true), (sku, place)
            assert sum(line.shipped for line in lines) == sum(line.shipped for line in true), (sku, place)
    return found


LIVES: dict[str, tuple[Deed, ...]] = {
    "shipped place by place": (lambda s, r: s.ship(r, location=window(s)), lambda s, r: s.ship(r)),
    "shipped in part": (lambda s, r: s.ship(r, units={"MUG": 1}), lambda s, r: s.ship(r, units={"MUG": 2, "CUP": 1})),
    "moved": (lambda s, r: s.move(r, window(s)), lambda s, r: s.ship(r)),
    "moved there and back": (lambda s, r: s.move(r, window(s)), lambda s, r: s.move(r, home(s)), lambda s, r: s.cancel(r)),
    "shipped in part, then moved": (lambda s, r: s.ship(r, units={"MUG": 1}), lambda s, r: s.move(r, home(s))),
    "held": (lambda s, r: s.desk.hold(r), lambda s, r: s.ship(r)),
    "parts replaced": (lambda s, r: s.desk.replace_parts(r), lambda s, r: s.cancel(r)),
    "cancelled": (lambda s, r: s.cancel(r),),
    "cancelled without restock": (lambda s, r: s.cancel(r, restock=False),),
    "moved, then cancelled without restock": (lambda s, r: s.move(r, home(s)), lambda s, r: s.cancel(r, restock=False)),
    "partly refunded": (lambda s, r: s.refund(r, "MUG", 2), lambda s, r: s.ship(r), lambda s, r: s.refund(r, "MUG", 3)),
    "edited": (lambda s, r: s.edit_order(r, "MUG", 2), lambda s, r: s.edit_order(r, "CUP", -1), lambda s, r: s.edit_order(r, "MUG", -4)),
    "returned elsewhere": (lambda s, r: s.ship(r), lambda s, r: s.refund(r, "CUP", 1, location=window(s))),
    "taken in": (lambda s, r: s.ship(r), lambda s, r: s.desk.take_in(r, "MUG", 3), lambda s, r: s.desk.refund_return(r)),
    "taken in, not to be sold": (lambda s, r: s.ship(r), lambda s, r: s.desk.take_in(r, "MUG", 1, restock=False)),
    "place closed": (lambda s, r: s.deactivate(window(s)), lambda s, r: s.ship(r)),
}


@pytest.mark.parametrize("deeds", LIVES.values(), ids=LIVES)
def test_every_life_of_an_order_is_told_place_by_place(deeds: tuple[Deed, ...]) -> None:
    clock = VirtualClock()
    shop = two_places(clock)

    async def main() -> None:
        async with connected(shop, clock) as connector:
            ref = shop.buy({"MUG": 7, "CUP": 2})
            found = await tells_the_truth(shop, connector, ref)
            assert {line.location: line.quantity for line in found.lines if line.sku == "MUG"} == {home(shop): 4, window(shop): 3}
            for deed in deeds:
                await clock.sleep(30.0)
                deed(shop, ref)
                await tells_the_truth(shop, connector, ref)

    run(main(), clock)


def test_a_till_sale_lowers_the_number_of_its_own_place() -> None:
    clock = VirtualClock()
    shop = two_places(clock)

    async def main() -> None:
        async with connected(shop, clock) as connector:
            ref = shop.desk.sell_at_till({"MUG": 2}, shop.locations[window(shop)])
            (line,) = (await tells_the_truth(shop, connector, ref)).lines
            assert (line.location, line.shipped, line.outstanding) == (window(shop), 2, 0)

    run(main(), clock)


def test_the_list_tells_places_as_one_order_does() -> None:
    clock = VirtualClock()
    shop = two_places(clock)

    async def main() -> None:
        async with connected(shop, clock) as connector:
            for _ in range(8):
                shop.edit("MUG", 4, location=home(shop))
                shop.edit("MUG", 6, location=window(shop))
                shop.buy({"MUG": 5})
            found, _ = await all_orders(connector)
            assert len(found) == 8
            for item in found:
                assert item == await connector.order(item.ref)

    run(main(), clock)


def test_an_archived_order_that_is_not_shipped_is_seen_on_the_first_run() -> None:
    clock = VirtualClock()
    shop = two_places(clock)

    async def main() -> None:
        async with connected(shop, clock) as connector:
            ref, done = shop.buy({"CUP": 1}), shop.buy({"CUP": 1})
            shop.ship(done)
            shop.record(ref).closed_at = shop.seconds()
            shop.index.changed(shop.record(ref))
            await clock.sleep(5.0)
            found, _ = await all_orders(connector)
            assert [item.ref for item in found] == [ref]

    run(main(), clock)


def test_listings_and_readings_are_by_place() -> None:
    clock = VirtualClock()
    shop = two_places(clock)
    shop.level("CUP", shop.locations[window(shop)]).is_active = False

    async def main() -> None:
        async with connected(shop, clock) as connector:
            listings = {each.sku: each async for page in connector.listings(Cursor()) for each in page.items}
            assert listings["MUG"].locations == shop.places()
            assert listings["CUP"].locations == (home(shop),)
            shelves = [ShelfRef(listings["MUG"].ref, place) for place in shop.places()]
            assert [reading.shows for reading in await connector.stock(shelves)] == [4, 6]
            shop.deactivate(window(shop))
            places = {place.name: place.active for place in await connector.locations()}
            assert places == {"Warehouse": True, "Window": False}

    run(main(), clock)


def test_several_places_need_a_scope_and_its_lack_is_named() -> None:
    clock = VirtualClock()
    shop = two_places(clock, scopes=[scope for scope in SCOPES if "fulfillment_orders" not in scope])

    async def main() -> None:
        async with connected(shop, clock) as connector:
            with pytest.raises(Unauthorized, match="read_merchant_managed_fulfillment_orders"):
                await connector.check()
            ref = shop.buy({"MUG": 1})
            with pytest.raises(Unauthorized, match="read_merchant_managed_fulfillment_orders"):
                await connector.order(ref)

    run(main(), clock)


def test_returns_are_left_out_where_the_app_may_not_read_them() -> None:
    clock = VirtualClock()
    shop = two_places(clock, scopes=[scope for scope in SCOPES if scope != "read_returns"])

    async def main() -> None:
        async with connected(shop, clock) as connector:
            ref = shop.buy({"MUG": 1})
            shop.ship(ref)
            shop.desk.take_in(ref, "MUG", 1)
            found = await connector.order(ref)
            assert isinstance(found, OrderSnapshot)
            assert sum(line.restocked for line in found.lines) == 0

    run(main(), clock)
