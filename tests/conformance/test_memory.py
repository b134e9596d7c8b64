"""The memory connector keeps every promise, whatever the habits of its shop."""

from __future__ import annotations

import pytest

from channelsync.testing.conformance import ConnectorSuite, World
from conformance.memory_shops import SHOPS, memory_world


class TestMemory(ConnectorSuite):
    @pytest.fixture(params=list(SHOPS))
    def world(self, request: pytest.FixtureRequest) -> World:
        return memory_world(request.param)
