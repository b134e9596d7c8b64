"""The BigCommerce connector keeps every promise against its stand-in, whichever way the store counts and whatever the documents leave open."""

from __future__ import annotations

from typing import Any

import pytest

from channelsync.testing.conformance import ConnectorSuite, World, build_world
from channelsync.testing.standins.bigcommerce import BigCommerceStandIn
from channelsync_bigcommerce import connector

MANY = 260  # a page of orders or products holds 250

STORES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "placed": ({"visibility_lag": 20.0}, {}),
    "shipped": ({"update_stock_behavior": "order_completed_or_shipped", "visibility_lag": 20.0}, {}),
    "unpaid orders are not placed": (
        {"placed_statuses": (2, 3, 8, 9, 10, 11, 13, 14), "inclusive": False, "refunds_bump": True, "rows_for_all": True},
        {"placed_statuses": [2, 3, 8, 9, 10, 11, 13, 14]},
    ),
    "refused lists are applied in part": ({"partial_on_422": True, "apply_seconds": 2.0, "refund_order_stock_adjustment": False}, {}),
}


class TestBigCommerce(ConnectorSuite):
    @pytest.fixture(params=STORES)
    def world(self, request: pytest.FixtureRequest) -> World:
        dials, table = STORES[request.param]
        return build_world(
            connector,
            lambda clock, source, deliver: BigCommerceStandIn(clock, source, deliver=deliver, **dials),
            wrong={"access_token": "nobody", "webhook_secrets": ["nothing-of-ours"], "client_secret": "nothing-of-theirs"},
            extra={"batch_size": 20, **table},
            many=MANY,
        )
