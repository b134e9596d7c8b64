"""`audit` against a system that owns on hand: a number that no reading brought is told, with its cause, and comes right by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text, update

from authority.bench import SKU, Bench
from channelsync.engine.auditing import Auditing
from channelsync.engine.shop_difference import ShopAudit, ShopDifference
from channelsync.ledger.schema import stock_levels
from channelsync.testing.standins.base import Item
from channelsync.testing.virtual_clock import VirtualClock

Scenario = Callable[[Bench], Awaitable[None]]
Play = Callable[..., None]


@pytest.fixture
def play(engine: Engine) -> Play:
    """The first plan is applied; nothing runs by itself but what the scenario starts."""

    def run(scenario: Scenario, **opening: Any) -> None:
        clock = VirtualClock()

        async def main() -> None:
            bench = await Bench(engine, clock).open(**opening)
            assert await bench.operator.look() == {}
            await bench.operator.apply()
            await scenario(bench)

        clock.run(main())

    return run


async def audit(bench: Bench) -> ShopAudit:
    answer = await Auditing(bench.loops).run()
    assert answer.troubles == {}
    return answer


async def found(bench: Bench) -> list[ShopDifference]:
    return [each for each in (await audit(bench)).differences if each.kind == "physical"]


def unheard(bench: Bench, units: int) -> None:
    """Its number changes, and its list of changes does not tell. 0: it is only too old for the next run."""
    place = bench.house.place(SKU)
    place.units += units
    place.changed_at -= timedelta(days=1)


async def some_rounds(bench: Bench, seconds: float = 300) -> None:
    loops = asyncio.create_task(bench.loops.run())
    await bench.clock.sleep(seconds)
    loops.cancel()
    await asyncio.gather(loops, return_exceptions=True)


def test_what_fits_is_counted(play: Play) -> None:
    async def scenario(bench: Bench) -> None:
        answer = await audit(bench)
        assert answer.differences == ()
        assert [(each.channel, each.numbers, each.busy, each.owns) for each in answer.compared if each.owns] == [("house", 1, 0, True)]

    play(scenario)


def test_a_sale_and_a_shipment_under_way_are_no_difference(play: Play) -> None:
    async def scenario(bench: Bench) -> None:
        order = bench.shop.buy({SKU: 3})
        await some_rounds(bench, 60)
        bench.house.demand(f"shop/{order}", SKU, 3)
        assert await found(bench) == [], "shipped there since the last round"
        bench.house.receive(SKU, 5)
        assert await found(bench) == []
        bench.house.dials = type(bench.house.dials)(late_documents=600.0)
        order = bench.shop.buy({SKU: 2})
        await some_rounds(bench, 60)
        bench.house.demand(f"shop/{order}", SKU, 2)
        assert await found(bench) == [], "the units have left, the document comes later"

    play(scenario)


@pytest.mark.parametrize("units", [4, -4])
def test_a_change_that_no_run_brought_is_told_and_then_asked_for(play: Play, units: int) -> None:
    async def scenario(bench: Bench) -> None:
        unheard(bench, units)
        await some_rounds(bench)
        assert (await bench.level()).on_hand == 10, "or there is nothing to find"
        [only] = await found(bench)
        assert (only.channel, only.what, only.ledger, only.shop) == ("house", f"{SKU}, location main", "10", str(10 + units))
        assert only.cause == "it changed there, and no run of ours has brought it"
        assert "asked for by name" in only.remedy
        await some_rounds(bench)
        assert (await bench.level()).on_hand == 10 + units
        assert await found(bench) == []

    play(scenario, full_every=timedelta(days=30))


def test_a_number_that_is_being_recalculated_proves_nothing(play: Play) -> None:
    async def scenario(bench: Bench) -> None:
        unheard(bench, 4)
        bench.house.recalculate(SKU, 600)
        answer = await audit(bench)
        assert answer.differences == ()
        assert [(each.numbers, each.busy) for each in answer.compared if each.owns] == [(0, 1)]

    play(scenario, full_every=timedelta(days=30))


def test_a_number_that_is_listed_no_more(play: Play) -> None:
    async def scenario(bench: Bench) -> None:
        bench.house.hide(SKU)
        [only] = await found(bench)
        assert (only.ledger, only.shop) == ("10", "not listed")
        assert "the last one stands" in only.cause

    play(scenario, full_every=timedelta(days=30))


def test_a_level_that_was_changed_past_its_readings_comes_right(play: Play, engine: Engine) -> None:
    async def scenario(bench: Bench) -> None:
        unheard(bench, 0)
        with engine.begin() as conn:
            conn.execute(update(stock_levels).values(on_hand=17))
        [only] = await found(bench)
        assert (only.ledger, only.shop, only.cause) == ("17", "10", "the level was changed past its readings")
        await some_rounds(bench)
        assert (await bench.level()).on_hand == 10

    play(scenario, full_every=timedelta(days=30))


def test_a_level_without_any_number_of_its(play: Play, engine: Engine) -> None:
    async def scenario(bench: Bench) -> None:
        unheard(bench, 0)
        with engine.begin() as conn:
            conn.execute(text("DELETE FROM authority_rows"))
        causes = {each.what: each.cause for each in await found(bench)}
        assert "it has told no number of this" in causes[f"{SKU}, location main"]
        assert causes[f"{SKU}, good-1@store"] == "no run of ours has brought its first number"

    play(scenario, full_every=timedelta(days=30))


def test_a_new_item_that_is_not_linked_yet_is_no_difference(play: Play) -> None:
    async def scenario(bench: Bench) -> None:
        bench.house.stock([Item("NEW", 5)])
        assert await found(bench) == []

    play(scenario, full_every=timedelta(days=30))
