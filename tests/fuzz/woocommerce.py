"""WooCommerce's parsers."""

from __future__ import annotations

import base64
import hmac
from dataclasses import replace
from typing import Any

from channelsync.contract import Delivery
from channelsync.testing.fuzz import Target
from channelsync.testing.standins.woocommerce import WooCommerceStandIn
from channelsync.testing.virtual_clock import VirtualClock
from channelsync_woocommerce import connector
from fuzz import lives, verbs
from fuzz.scene import Facts, Scene
from fuzz.usual import usual

STAMP = {"date_created_gmt": "2025-12-01T09:00:00", "date_modified_gmt": "2025-12-02T09:00:00"}
FAMILY: list[dict[str, Any]] = [
    {"id": 30, "name": "Shirt", "type": "variable", "sku": "SHIRT", "manage_stock": False, **STAMP},
    {"id": 31, "name": "S", "type": "variation", "sku": "SHIRT-S", "parent_id": 30, "manage_stock": True, "stock_quantity": 4, **STAMP},
    {"id": 40, "name": "Scarf", "type": "variable", "sku": "SCARF", "manage_stock": True, "stock_quantity": 9, **STAMP},
    {"id": 41, "name": "Red", "type": "variation", "sku": "SCARF-RED", "parent_id": 40, "manage_stock": "parent", **STAMP},
]


async def opened(shop: Any, clock: VirtualClock) -> None:
    shop.load(FAMILY)
    await lives.opened(shop, clock)


async def traded(shop: Any, clock: VirtualClock) -> None:
    shop.buy({"SHIRT-S": 1, "SCARF-RED": 2})
    gone = shop.buy({"CUP": 1})
    await lives.traded(shop, clock)
    shop.delete(gone)


def signed(facts: Facts, delivery: Delivery) -> Delivery:
    signature = base64.b64encode(hmac.digest(facts.shop.webhook_secret.encode(), delivery.body, "sha256"))
    return replace(delivery, headers={**delivery.headers, "x-wc-webhook-signature": signature.decode()})


def targets() -> list[Target]:
    scene = Scene("woocommerce", connector, WooCommerceStandIn, opened, lives.few)
    orders = Scene("woocommerce", connector, WooCommerceStandIn, opened, traded)
    absolute = Scene("woocommerce_absolute", connector, WooCommerceStandIn, opened, traded, {"stock_write": "absolute"})
    return [*usual(scene, orders, signed), scene.target("turn", verbs.turn), absolute.target("push", verbs.push)]
