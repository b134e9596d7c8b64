"""BigCommerce's parsers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from channelsync.contract import Delivery
from channelsync.testing.fuzz import Target
from channelsync.testing.standins.bigcommerce import BigCommerceStandIn
from channelsync.testing.standins.bigcommerce.courier import signature
from channelsync.testing.virtual_clock import VirtualClock
from channelsync_bigcommerce import connector
from fuzz import lives, verbs
from fuzz.scene import Facts, Scene
from fuzz.usual import usual


def shop(*args: Any, **dials: Any) -> BigCommerceStandIn:
    return BigCommerceStandIn(*args, apply_seconds=0.0, **dials)


async def opened(shop: Any, clock: VirtualClock) -> None:
    shop.add_product("SHIRT", tracking="variant", title="Shirt", options=("S", "M"))
    await lives.opened(shop, clock)


async def traded(shop: Any, clock: VirtualClock) -> None:
    split, gone = shop.buy({"TEE": 3, "CUP": 1}), shop.buy({"CUP": 1})
    await clock.sleep(2)
    shop.ship_some(split, "TEE", 2)
    shop.set_status(gone, 4)
    await lives.traded(shop, clock)


def signed(facts: Facts, delivery: Delivery) -> Delivery:
    """With the vendor's own signature besides our secret."""
    secret = facts.settings.client_secret.get_secret_value()
    return replace(delivery, headers={**delivery.headers, **signature(secret, "msg_1", int(facts.now.timestamp()), delivery.body)})


def targets() -> list[Target]:
    scene = Scene("bigcommerce", connector, shop, opened, lives.few)
    orders = Scene("bigcommerce", connector, shop, opened, traded)
    return [*usual(scene, orders, signed), scene.target("locations", verbs.locations)]
