"""An account in virtual time, and its API."""

from __future__ import annotations

import pytest

from channelsync.testing.standins.base import Item
from channelsync.testing.standins.moysklad import MoyskladStandIn
from channelsync.testing.virtual_clock import VirtualClock
from support.moysklad import Api, account


@pytest.fixture
def virtual() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def shop(virtual: VirtualClock) -> MoyskladStandIn:
    made = account(virtual)
    made.stock([Item("MUG", 10), Item("CUP", 5), Item("EMPTY", 0)])
    return made


@pytest.fixture
def api(shop: MoyskladStandIn) -> Api:
    return Api(shop)
