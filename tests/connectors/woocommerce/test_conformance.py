"""The WooCommerce connector keeps every promise in shops east and west of Greenwich, late ones and dirty ones."""

from __future__ import annotations

from typing import Any

import pytest

from channelsync.testing.conformance import ConnectorSuite, World, build_world
from channelsync.testing.standins.woocommerce import WooCommerceStandIn
from channelsync_woocommerce import connector

WRONG = {"consumer_key": "ck_other", "webhook_secrets": ["other"]}
SHOPS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "far east, late lists, keys in the query": ({"visibility_lag": 8.0, "timezone": "Asia/Kolkata"}, {"auth": "query", "batch_size": 7}),
    "far west, noisy, absolute": ({"php_noise": 0.5, "timezone": "America/New_York"}, {"stock_write": "absolute"}),
}


class TestWooCommerce(ConnectorSuite):
    @pytest.fixture(params=list(SHOPS))
    def world(self, request: pytest.FixtureRequest) -> World:
        dials, settings = SHOPS[request.param]
        return build_world(
            connector,
            lambda clock, source, deliver: WooCommerceStandIn(clock, source, deliver=deliver, **dials),
            wrong=WRONG,
            extra=settings,
        )
