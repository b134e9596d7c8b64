"""The kiosk's connector keeps every promise. This is the whole test file that a connector needs."""

from __future__ import annotations

import pytest
from channelsync_kiosk import connector
from kiosk_standin import KioskStandIn

from channelsync.testing.conformance import ConnectorSuite, World, build_world


class TestKiosk(ConnectorSuite):
    @pytest.fixture
    def world(self) -> World:
        world = build_world(connector, lambda clock, source, _deliver: KioskStandIn(clock, source), wrong={"token": "nobody"})
        assert isinstance(world.shop, KioskStandIn)
        world.untrack, world.delete = world.shop.untrack, world.shop.delete
        return world
