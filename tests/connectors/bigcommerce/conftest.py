"""A store in virtual time, for tests that run the connector against it."""

from __future__ import annotations

import pytest

from channelsync.testing.standins.base import Item
from channelsync.testing.standins.bigcommerce import BigCommerceStandIn
from channelsync.testing.virtual_clock import VirtualClock
from support.bigcommerce import store


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def standin(clock: VirtualClock) -> BigCommerceStandIn:
    made = store(clock, apply_seconds=2.0)
    made.stock([Item("MUG", 10), Item("CUP", 5, at=(("SHOP", 3),))])
    return made
