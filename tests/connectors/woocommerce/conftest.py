"""A shop in virtual time, for tests that run the connector against it."""

from __future__ import annotations

import pytest

from channelsync.testing.standins.base import Item
from channelsync.testing.standins.woocommerce import WooCommerceStandIn
from channelsync.testing.virtual_clock import VirtualClock
from support.woocommerce import shop


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def standin(clock: VirtualClock) -> WooCommerceStandIn:
    made = shop(clock)
    made.stock([Item("MUG", 10), Item("CUP", 5)])
    return made
