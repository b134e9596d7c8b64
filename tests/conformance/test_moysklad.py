"""The Moysklad connector keeps every promise of a channel, reading alone and by correction documents, and those of a stock authority."""

from __future__ import annotations

import pytest

from channelsync.contract import Role
from channelsync.testing.conformance import AuthoritySuite, ConnectorSuite, World, build_world
from channelsync.testing.standins.moysklad import MoyskladStandIn
from channelsync_moysklad import connector


class TestMoyskladChannel(ConnectorSuite):
    @pytest.fixture(params=["none", "enter_loss"])
    def world(self, request: pytest.FixtureRequest) -> World:
        return build_world(
            connector,
            lambda clock, source, deliver: MoyskladStandIn(clock, source, deliver=deliver),
            wrong={"token": "nobody", "webhook_secrets": ["0123456789abcdef"]},
            extra={"corrections": request.param, "listings_per_page": 50, "visibility_lag_seconds": 1},
            signed=False,
        )


class TestMoyskladAuthority(AuthoritySuite):
    @pytest.fixture(params=[{}, {"reserve_in_changed": True, "trash_updates": True, "shipment_updates": False, "trashed_sync": "returns"}])
    def world(self, request: pytest.FixtureRequest) -> World:
        return build_world(
            connector,
            lambda clock, source, deliver: MoyskladStandIn(clock, source, deliver=deliver, **request.param),
            wrong={"token": "nobody", "webhook_secrets": ["0123456789abcdef"]},
            extra={"visibility_lag_seconds": 1},
            role=Role.AUTHORITY,
            signed=False,
        )
