"""The WooCommerce connector keeps every promise against its stand-in, by differences and by absolute numbers."""

from __future__ import annotations

import pytest

from channelsync.testing.conformance import ConnectorSuite, World, build_world
from channelsync.testing.standins.woocommerce import WooCommerceStandIn
from channelsync_woocommerce import connector


class TestWooCommerce(ConnectorSuite):
    @pytest.fixture(params=["delta", "absolute"])
    def world(self, request: pytest.FixtureRequest) -> World:
        world = build_world(
            connector,
            lambda clock, source, deliver: WooCommerceStandIn(clock, source, deliver=deliver, visibility_lag=20.0),
            wrong={"consumer_key": f"ck_{0:040x}", "consumer_secret": f"cs_{0:040x}", "webhook_secrets": ["nothing"]},
            extra={"stock_write": request.param},
        )
        shop = world.shop
        assert isinstance(shop, WooCommerceStandIn)
        state = shop.state

        def untrack(sku: str) -> None:
            next(product for product in state.products.values() if product.sku == sku).managed = False

        def delete(order: str) -> None:
            del state.orders[int(order)]

        def switch_off_hooks() -> None:
            for hook in state.webhooks.values():
                hook.status = "disabled"

        world.untrack, world.delete, world.switch_off_hooks = untrack, delete, switch_off_hooks
        return world
