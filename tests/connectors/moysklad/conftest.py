"""An account in virtual time, for tests that run the connector against it."""

from __future__ import annotations

import pytest

from channelsync.testing.standins.base import Item
from channelsync.testing.standins.moysklad import MoyskladStandIn
from channelsync.testing.virtual_clock import VirtualClock
from support.moysklad import account


@pytest.fixture
def virtual() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def shop(virtual: VirtualClock) -> MoyskladStandIn:
    made = account(virtual)
    made.stock([Item("MUG", 10), Item("CUP", 5)])
    return made
