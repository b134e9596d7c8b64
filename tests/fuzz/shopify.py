"""Shopify's parsers: one place and several, page by page and by file."""

from __future__ import annotations

import base64
import hmac
from dataclasses import replace
from typing import Any

from channelsync.contract import Delivery
from channelsync.testing.fuzz import Target
from channelsync.testing.standins.base import Item
from channelsync.testing.standins.shopify import ShopifyStandIn
from channelsync.testing.virtual_clock import VirtualClock
from channelsync_shopify import connector
from fuzz import lives, verbs
from fuzz.scene import Facts, Scene
from fuzz.usual import usual


def shop(*args: Any, **dials: Any) -> ShopifyStandIn:
    return ShopifyStandIn(*args, visibility_lag=0.0, **dials)


def two_places(*args: Any, **dials: Any) -> ShopifyStandIn:
    return shop(*args, locations=("Warehouse", "Window"), **dials)


async def opened_twice(shop: Any, clock: VirtualClock) -> None:
    shop.stock([Item("MUG", 4, "Mug", at=(("Window", 90),)), Item("CUP", 50, "Cup"), Item("TEE", 60, "Tee")])
    shop.buy({"MUG": 2, "CUP": 1})


async def moved(shop: Any, clock: VirtualClock) -> None:
    """Besides the usual: orders from two places, moved, edited, shipped in part, taken in without a refund."""
    split, wandered, changed, back = (shop.buy({"MUG": 7, "CUP": 2}) for _ in range(4))
    window = shop.places()[1]
    await clock.sleep(5)
    shop.ship(split, units={"MUG": 1})
    shop.move(wandered, window)
    shop.edit_order(changed, "MUG", -2)
    shop.edit_order(changed, "CUP", 1)
    shop.ship(back)
    shop.desk.take_in(back, "MUG", 3)
    await clock.sleep(5)
    shop.refund(split, "MUG", 1, location=window)
    shop.cancel(wandered)
    shop.desk.sell_at_till({"MUG": 2}, shop.locations[window])
    await lives.traded(shop, clock)


async def moved_a_little(shop: Any, clock: VirtualClock) -> None:
    split, back = shop.buy({"MUG": 7}), shop.buy({"CUP": 2})
    await clock.sleep(5)
    shop.ship(split, units={"MUG": 1})
    shop.move(split, shop.places()[1])
    shop.ship(back)
    shop.desk.take_in(back, "CUP", 1)
    await clock.sleep(120)


def renewed(*args: Any, **dials: Any) -> ShopifyStandIn:
    return shop(*args, login="client_credentials", **dials)


def signed(facts: Facts, delivery: Delivery) -> Delivery:
    signature = hmac.digest(facts.shop.tokens.client_secret.encode(), delivery.body, "sha256")
    return replace(delivery, headers={**delivery.headers, "x-shopify-hmac-sha256": base64.b64encode(signature).decode()})


def targets() -> list[Target]:
    one = Scene("shopify", connector, shop, lives.opened, lives.few)
    orders = Scene("shopify", connector, shop, lives.opened, lives.traded)
    login = Scene("shopify_login", connector, renewed, lives.opened, lives.few)
    two = Scene("shopify_places", connector, two_places, opened_twice, moved_a_little)
    many = Scene("shopify_places", connector, two_places, opened_twice, moved)
    files = Scene("shopify_files", connector, two_places, opened_twice, lives.few, {"bulk_from": 1})
    return [
        *usual(one, orders, signed),
        two.target("changed_orders", verbs.changed_orders),
        many.target("order", verbs.order, lambda facts: facts.orders),
        two.target("listings", verbs.all_listings),
        two.target("locations", verbs.locations),
        two.target("stock", verbs.stock),
        one.target("turn", verbs.turn),
        login.target("check", verbs.check),
        files.target("listings", verbs.all_listings),
        files.target("stock", verbs.stock),
    ]
