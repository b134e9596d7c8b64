"""The probe measures what the stand-in's dials say, and what it found makes the engine more careful, never less."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine as Database

import channelsync_memory
from channelsync.contract import Carrier, Context, ShelfRef, Traits
from channelsync.engine.probe import Findings, Probe, ProbeFailed
from channelsync.ledger import channels, locations, measuring
from channelsync.ledger.channels import ChannelSpec
from channelsync.ledger.door import InlineLedger
from channelsync.ledger.locations import LocationSpec
from channelsync.ledger.measuring import Measured, laid_over
from channelsync.testing.conformance.door import open_http
from channelsync.testing.standins.base import Item
from channelsync.testing.standins.memory import MemoryStandIn
from channelsync.testing.virtual_clock import VirtualClock


class Shop:
    """A shop with a test product, and somebody who does as the probe asks."""

    def __init__(self, **dials: Any) -> None:
        self.clock = VirtualClock()
        self.standin = MemoryStandIn(self.clock, random.Random(1), **dials)
        self.standin.stock([Item("TEST-1", 5)])
        table = {name: value for name, value in self.standin.settings("https://shop.test").items() if name != "connector"}
        kind = channelsync_memory.connector
        http = open_http(self.standin.app, self.clock)
        self.connector = kind.connect(kind.settings.model_validate(table), Context("shop", http, self.clock))
        self.order = ""

    async def obey(self, what: str) -> bool:
        if what.startswith("place"):
            self.order = self.standin.buy({"TEST-1": 1})
        else:
            self.standin.cancel(self.order)
        return True

    def probe(self, ask: Any = None, *, keys: Callable[[], UUID] = uuid4) -> Findings:
        async def heard(_since: datetime) -> bool:
            return self.clock.monotonic() > 30.0

        probing = Probe(self.connector, self.clock, keys, ask or self.obey, names={"item-1", "variant-1"}, heard=heard, patience=60.0)
        return self.clock.run(probing.run(ShelfRef("item-1")))


def test_a_plain_shop() -> None:
    shop = Shop(visibility_lag=0.0)
    found = shop.probe()
    assert (found.write_applies, found.lowers_on, found.restores_on_cancel) == (True, "placed", True)
    assert found.write_visible_after == pytest.approx(0.0)
    assert found.visibility_lag == pytest.approx(0.0)
    assert found.webhook_after is not None
    assert found.webhook_after > 20.0
    assert shop.standin.shows("TEST-1") == 5, "nothing is left behind"


def test_a_list_that_lags_and_writes_that_come_later() -> None:
    found = Shop(visibility_lag=12.0, carrier="adjust", write_visible_after=4.0).probe()
    assert found.write_visible_after == pytest.approx(4.0, abs=1.1)
    assert found.visibility_lag == pytest.approx(12.0, abs=1.1)


def test_a_shop_that_gives_nothing_back_and_one_that_lowers_on_shipping() -> None:
    assert Shop(restores_on_cancel="no").probe().restores_on_cancel is False
    found = Shop(lowers_stock_on="shipped").probe()
    assert (found.lowers_on, found.restores_on_cancel) == (None, None)
    assert "did not lower" in found.notes[-1]


def test_what_nobody_does_is_not_concluded() -> None:
    async def no(_what: str) -> bool:
        return False

    found = Shop().probe(no)
    assert (found.visibility_lag, found.lowers_on, found.restores_on_cancel) == (None, None, None)
    assert found.write_applies is True


def test_a_number_that_the_shop_does_not_count() -> None:
    shop = Shop()
    shop.standin.untrack("TEST-1")
    with pytest.raises(ProbeFailed, match="switch tracking on"):
        shop.probe()


def test_a_write_that_is_not_accepted_says_why() -> None:
    shop = Shop()
    push = shop.connector.push

    async def refused(call: Any) -> Any:
        shop.standin.shelves.products["TEST-1"].tracked = False
        answer = await push(call)
        shop.standin.shelves.products["TEST-1"].tracked = True
        return answer

    shop.connector.push = refused  # type: ignore[method-assign]
    found = shop.probe()
    assert found.write_applies is False
    assert "not tracked" in found.notes[0]


def test_a_measurement_makes_us_more_careful_never_less(engine: Database) -> None:
    ledger = InlineLedger(engine, clock := VirtualClock())

    async def story() -> dict[str, float]:
        place = await ledger.run(locations.ensure, LocationSpec("main"))
        channel_id = await ledger.run(channels.register, ChannelSpec("shop", "memory", place))
        await ledger.run(measuring.keep, Measured(channel_id, {"visibility_lag": 90.0, "write_visible_after": 1.0}))
        await ledger.run(measuring.keep, Measured(channel_id, {"visibility_lag": 100.0}))
        return await ledger.read(measuring.of_channel, channel_id)

    measured = clock.run(story())
    assert measured == {"visibility_lag": 100.0, "write_visible_after": 1.0}
    declared = Traits(Carrier.ADJUST, visibility_lag=timedelta(seconds=60))
    assert laid_over(declared, measured).visibility_lag == timedelta(seconds=150)
    assert laid_over(declared, measured).write_visible_after == timedelta(0)
    assert laid_over(declared, {"visibility_lag": 1.0}).visibility_lag == timedelta(seconds=60)
    assert laid_over(declared, {"write_visible_after": 8.0}).write_visible_after == timedelta(seconds=12)
