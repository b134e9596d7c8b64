"""The budget of a shop that counts any stretch of some seconds: full use after a rest, none of it twice, and room for a write."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channelsync.shell.limiter import RateBudget
from channelsync.testing.virtual_clock import VirtualClock

CALLS, SECONDS = 10, 3.0


def sliding(clock: VirtualClock) -> RateBudget:
    budget = RateBudget(clock)
    budget.learn(remaining=CALLS, maximum=CALLS, per_second=CALLS / SECONDS, sliding=True)
    return budget


async def call(budget: RateBudget, clock: VirtualClock, took: float = 0.0, *, write: bool = False, cost: float = 1) -> None:
    await budget.take(cost, write=write, wait_max=1e6)
    with budget.on_its_way(cost):
        await clock.sleep(took)


def test_after_a_rest_half_of_it_goes_at_once_and_then_reads_come_evenly() -> None:
    clock = VirtualClock()

    async def main() -> None:
        budget = sliding(clock)
        for _ in range(CALLS // 2):
            await call(budget, clock)
        assert clock.monotonic() == 0
        await call(budget, clock)
        assert clock.monotonic() == pytest.approx(SECONDS / CALLS)

    clock.run(main())


def test_writes_may_take_all_of_it_at_once_and_then_wait_for_what_went_first() -> None:
    clock = VirtualClock()

    async def main() -> None:
        budget = sliding(clock)
        for _ in range(CALLS):
            await call(budget, clock, write=True)
        assert clock.monotonic() == 0
        await call(budget, clock, write=True)
        assert clock.monotonic() == pytest.approx(SECONDS)

    clock.run(main())


@asynccontextmanager
async def reads_that_never_rest(budget: RateBudget, clock: VirtualClock, latency: float) -> AsyncIterator[Counter[str]]:
    """Counts those that were answered."""
    count = Counter[str]()

    async def reads() -> None:
        while True:
            await call(budget, clock, latency)
            count["answered"] += 1

    readers = [asyncio.create_task(reads()) for _ in range(4)]
    yield count
    for reader in readers:
        reader.cancel()
    await asyncio.gather(*readers, return_exceptions=True)


@pytest.mark.parametrize("latency", [0.01, 0.2, 0.4])
@pytest.mark.parametrize("after", [tenths / 10 for tenths in range(1, 60, 4)] + [20.0])
def test_before_reads_that_never_rest_a_write_waits_for_one_interval(latency: float, after: float) -> None:
    clock = VirtualClock()

    async def main() -> None:
        budget = sliding(clock)
        async with reads_that_never_rest(budget, clock, latency):
            await clock.sleep(after)
            began = clock.monotonic()
            await budget.take(1, write=True, wait_max=1e6)
            assert clock.monotonic() - began <= SECONDS / CALLS + latency + 0.001

    clock.run(main())


def test_reads_that_never_rest_use_all_of_it() -> None:
    clock = VirtualClock()

    async def main() -> None:
        async with reads_that_never_rest(sliding(clock), clock, 0.01) as count:
            await clock.sleep(SECONDS)
            before = count["answered"]
            await clock.sleep(20 * SECONDS)
            assert count["answered"] - before >= 0.97 * 20 * CALLS

    clock.run(main())


def test_what_others_take_is_gone_until_the_shop_says() -> None:
    clock = VirtualClock()

    async def main() -> None:
        budget = sliding(clock)
        budget.learn(remaining=2, maximum=CALLS, per_second=CALLS / SECONDS, resets_in=1.0, sliding=True)
        for _ in range(3):
            await call(budget, clock, write=True)
        assert clock.monotonic() == pytest.approx(1.0)
        assert budget.level == CALLS - 3, "and what we took ourselves is still known"

    clock.run(main())


def test_a_call_counts_until_long_after_its_answer() -> None:
    clock = VirtualClock()

    async def main() -> None:
        budget = sliding(clock)
        slow = asyncio.create_task(call(budget, clock, 10.0))
        await clock.sleep(9.0)
        assert budget.level == CALLS - 1
        await slow
        await clock.sleep(SECONDS - 0.1)
        assert budget.level == CALLS - 1
        await clock.sleep(0.2)
        assert budget.level == CALLS

    clock.run(main())


@given(st.integers(0, 2**32), st.integers(1, 4))
def test_no_stretch_ever_holds_more_wherever_the_shop_counts_a_call(seed: int, cost: int) -> None:
    dice, clock, counted = random.Random(seed), VirtualClock(), list[float]()

    async def caller(budget: RateBudget) -> None:
        for _ in range(15):
            await clock.sleep(dice.choice([0.0, 0.0, dice.random(), 4 * dice.random()]))
            await budget.take(cost, write=dice.random() < 0.5, wait_max=1e6)
            await clock.sleep(dice.choice([0.0, dice.random()]))  # for a slot
            with budget.on_its_way(cost):
                there, back = dice.choice([0.0, dice.random(), 5 * dice.random()]), dice.choice([0.0, dice.random()])
                await clock.sleep(there)
                counted.append(clock.monotonic())
                await clock.sleep(back)

    async def main() -> None:
        budget = sliding(clock)
        await asyncio.gather(*(caller(budget) for _ in range(5)))

    clock.run(main())
    for start in counted:
        assert sum(cost for at in counted if start <= at < start + SECONDS) <= CALLS
