"""A small store whose time stands still until a test moves it."""

from __future__ import annotations

import pytest

from channelsync.testing.standins.base import Item
from channelsync.testing.standins.bigcommerce import BigCommerceStandIn
from support.bigcommerce import store
from support.clock import ManualClock


@pytest.fixture
def standin(clock: ManualClock) -> BigCommerceStandIn:
    made = store(clock, apply_seconds=2.0)
    made.stock([Item("MUG", 10), Item("CUP", 5)])
    return made
