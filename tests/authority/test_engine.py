"""The engine with a stock authority and a shop, in virtual time: the numbers are right at every step of a sale."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from authority.bench import SKU, Bench
from channelsync.ledger import channels, exports, findings, guard, guard_answer
from channelsync.ledger.channels import PauseKind
from channelsync.ledger.guard import Guarded, Limits
from channelsync.ledger.guard_answer import Resume
from channelsync.ledger.refusals import NotAllowed
from channelsync.testing.virtual_clock import VirtualClock
from support.planning import Kept

Scenario = Callable[[Bench], Awaitable[None]]
Play = Callable[..., None]


@pytest.fixture
def play(engine: Engine) -> Play:
    def run(scenario: Scenario, **opening: Any) -> None:
        clock = VirtualClock()

        async def main() -> None:
            await scenario(await Bench(engine, clock).open(**opening))

        clock.run(main())

    return run


@asynccontextmanager
async def running(bench: Bench) -> Any:
    """The first plan is applied and everything runs."""
    assert await bench.operator.look() == {}
    await bench.operator.apply()
    loops = asyncio.create_task(bench.loops.run())
    try:
        await bench.clock.sleep(30)
        yield
    finally:
        loops.cancel()
        await asyncio.gather(loops, return_exceptions=True)


def test_day_one_the_authority_says_what_lies_there(play: Play) -> None:
    async def scenario(bench: Bench) -> None:
        assert await bench.operator.look() == {}
        assert await bench.numbers() == (10, 0, 0, 0)
        sink = Kept()
        await bench.clock.sleep(100)
        await bench.operator.plan(sink)
        assert bench.store.work.counts_from(80, 30) == bench.clock.monotonic(), "whoever waits meanwhile is not stuck"
        assert sink.rows["balances"] == []
        assert [(write.shows, write.target) for write in sink.rows["writes"]] == [(7, 10)]

    play(scenario, shows=7)


def test_a_sale_from_the_shop_to_the_reading(play: Play) -> None:
    async def scenario(bench: Bench) -> None:
        async with running(bench):
            order = bench.shop.buy({SKU: 3})
            await bench.clock.sleep(30)
            assert await bench.numbers() == (10, 3, 0, 0)
            assert bench.house.ours(SKU) == 3
            bench.house.demand(f"shop/{order}", SKU, 3)
            await bench.clock.sleep(30)
            assert await bench.numbers() == (7, 0, 0, 0)
            bench.shop.ship(order)
            await bench.clock.sleep(30)
            assert await bench.numbers() == (7, 0, 0, 0)
            assert bench.shop.shows(SKU) == 7
            assert await bench.target() == 7

    play(scenario)


def test_foreign_reserves_and_stock_reach_the_shop(play: Play) -> None:
    async def scenario(bench: Bench) -> None:
        async with running(bench):
            bench.house.reserve(SKU, 4)
            await bench.clock.sleep(30)
            assert bench.shop.shows(SKU) == 6
            bench.house.receive(SKU, 5)
            await bench.clock.sleep(30)
            assert bench.shop.shows(SKU) == 11

    play(scenario)


def test_a_lost_answer_is_asked_again_and_makes_one_document(play: Play) -> None:
    async def scenario(bench: Bench) -> None:
        async with running(bench):
            bench.house.lose_answers(1)
            bench.shop.buy({SKU: 3})
            await bench.clock.sleep(120)
            assert bench.house.exports_seen == 2
            assert await bench.numbers() == (10, 3, 0, 0)
            assert len(bench.house.documents) == 1

    play(scenario)


def test_a_cancelled_order_holds_nothing_there(play: Play) -> None:
    async def scenario(bench: Bench) -> None:
        async with running(bench):
            order = bench.shop.buy({SKU: 3})
            await bench.clock.sleep(30)
            bench.shop.cancel(order)
            await bench.clock.sleep(60)
            assert bench.house.ours(SKU) == 0
            assert await bench.numbers() == (10, 0, 0, 0)

    play(scenario)


def test_a_row_that_is_recalculated_is_asked_for_by_name(play: Play) -> None:
    async def scenario(bench: Bench) -> None:
        async with running(bench):
            bench.house.recalculate(SKU, 90)
            bench.house.receive(SKU, 2)
            await bench.clock.sleep(60)
            assert (await bench.level()).on_hand == 10
            await bench.clock.sleep(120)
            assert (await bench.level()).on_hand == 12

    play(scenario)


def test_late_documents_keep_the_hold(play: Play) -> None:
    async def scenario(bench: Bench) -> None:
        async with running(bench):
            bench.house.dials = type(bench.house.dials)(late_documents=60.0)
            order = bench.shop.buy({SKU: 3})
            await bench.clock.sleep(30)
            bench.house.demand(f"shop/{order}", SKU, 3)
            await bench.clock.sleep(30)
            level = await bench.level()
            assert (level.on_hand, level.hard, level.available) == (7, 3, 4)
            await bench.clock.sleep(90)
            assert await bench.numbers() == (7, 0, 0, 0)

    play(scenario)


def test_a_reading_that_comes_back_empty_stops_the_authority(play: Play) -> None:
    async def scenario(bench: Bench) -> None:
        async with running(bench):
            there = bench.house.places.copy(), bench.house.items.copy()
            bench.house.places.clear()
            bench.house.items.clear()
            await bench.clock.sleep(400)
            state = await bench.ledger.read(channels.state_of, bench.authority.id)
            assert state.paused_kind is PauseKind.GUARD
            assert (await bench.level()).on_hand == 10
            assert len(await bench.ledger.read(findings.listed, kind="guard")) == 1
            assert isinstance(await answered(bench), NotAllowed)
            bench.house.places.update(there[0])
            bench.house.items.update(there[1])
            await bench.clock.sleep(120)
            assert await answered(bench) is True, "it was read again and is right, so nothing needs to be accepted"

    async def answered(bench: Bench) -> object:
        try:
            return await bench.ledger.run(guard_answer.resume, Resume(bench.authority.id))
        except NotAllowed as refusal:
            return refusal

    async def guarded(bench: Bench) -> None:
        await bench.ledger.run(guard.configure, Guarded(bench.authority.id, Limits()))
        await scenario(bench)

    play(guarded, full_every=timedelta(minutes=5))


def test_nothing_is_exported_before_the_first_plan_is_applied(play: Play) -> None:
    async def scenario(bench: Bench) -> None:
        bench.shop.buy({SKU: 2})
        assert await bench.operator.look() == {}
        assert await bench.loops.authorities[bench.authority.id].export() == 0
        assert bench.house.documents == {}
        assert await bench.ledger.read(exports.waiting, bench.authority.id) == 1

    play(scenario)
