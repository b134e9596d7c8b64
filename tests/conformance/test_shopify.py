"""The Shopify connector keeps every promise against its stand-in."""

from __future__ import annotations

from typing import Any

import pytest

from channelsync.testing.conformance import ConnectorSuite, World, build_world
from channelsync.testing.standins.shopify import ShopifyStandIn
from channelsync_shopify import connector

WRONG: dict[str, dict[str, Any]] = {
    "token": {"access_token": "shpat_nobody", "webhook_secrets": ["nothing"]},
    "client_credentials": {"client_secret": "nothing"},
}


class TestShopify(ConnectorSuite):
    @pytest.fixture(params=list(WRONG))
    def world(self, request: pytest.FixtureRequest) -> World:
        return build_world(
            connector,
            lambda clock, source, deliver: ShopifyStandIn(clock, source, deliver=deliver, visibility_lag=20.0, login=request.param),
            wrong=WRONG[request.param],
            extra={"destinations": request.param == "token"},
        )


class TestShopifyAtSeveralLocations(ConnectorSuite):
    @pytest.fixture
    def world(self) -> World:
        return build_world(
            connector,
            lambda clock, source, deliver: ShopifyStandIn(clock, source, deliver=deliver, locations=("Warehouse", "Window")),
            wrong=WRONG["token"],
        )
