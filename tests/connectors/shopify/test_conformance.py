"""Every promise of the contract, kept against the stand-in."""

from __future__ import annotations

import pytest

from channelsync.testing.conformance import ConnectorSuite, World, build_world
from channelsync.testing.standins.shopify import ShopifyStandIn
from channelsync_shopify import connector


class TestShopify(ConnectorSuite):
    @pytest.fixture
    def world(self) -> World:
        return build_world(
            connector,
            lambda clock, source, deliver: ShopifyStandIn(clock, source, deliver=deliver),
            wrong={"access_token": "shpat_wrong", "webhook_secrets": ["wrong"]},
        )


class TestShopifyByClientCredentials(ConnectorSuite):
    @pytest.fixture
    def world(self) -> World:
        return build_world(
            connector,
            lambda clock, source, deliver: ShopifyStandIn(clock, source, deliver=deliver, login="client_credentials", token_seconds=3600),
            wrong={"client_secret": "wrong"},
        )
