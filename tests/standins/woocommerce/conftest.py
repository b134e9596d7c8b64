"""A small shop whose time stands still, and its API."""

from __future__ import annotations

import pytest

from channelsync.testing.standins.base import Item
from channelsync.testing.standins.woocommerce import WooCommerceStandIn
from support.clock import ManualClock
from support.woocommerce import shop
from support.woocommerce_api import Api


@pytest.fixture
def standin(clock: ManualClock) -> WooCommerceStandIn:
    made = shop(clock, delta_race_seconds=0.0, cron_seconds=60.0)
    made.stock([Item("MUG", 10), Item("CUP", 5)])
    return made


@pytest.fixture
def api(standin: WooCommerceStandIn) -> Api:
    return Api(standin)
