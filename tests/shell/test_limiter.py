from __future__ import annotations

import asyncio

import pytest

from channelsync.errors import RateLimited
from channelsync.shell.limiter import WAITING_MAX, OverBudget, RateBudget
from channelsync.testing.virtual_clock import VirtualClock


async def _take(budget: RateBudget, cost: float = 1.0, *, write: bool = True, wait_max: float = 600.0) -> None:
    await budget.take(cost, write=write, wait_max=wait_max)


def test_a_full_bucket_costs_no_time_and_an_empty_one_its_refill() -> None:
    clock = VirtualClock()

    async def main() -> None:
        budget = RateBudget(clock, maximum=10, per_second=2)
        for _ in range(10):
            await _take(budget)
        assert clock.monotonic() == 0
        for _ in range(4):
            await _take(budget)
        assert clock.monotonic() == pytest.approx(2.0, abs=1e-3)

    clock.run(main())


def test_reads_leave_the_reserve_to_writes() -> None:
    clock = VirtualClock()

    async def main() -> None:
        budget = RateBudget(clock, maximum=10, per_second=1, reserve=0.2)
        for _ in range(8):
            await _take(budget, write=False)
        assert clock.monotonic() == 0
        await _take(budget)
        await _take(budget)
        assert clock.monotonic() == 0, "the reserve is there for writes"
        await _take(budget, write=False)
        assert clock.monotonic() == pytest.approx(3.0, abs=1e-3), "a read waits until the reserve is full again"

    clock.run(main())


def test_a_write_overtakes_reads_that_wait() -> None:
    clock = VirtualClock()
    order: list[str] = []

    async def main() -> None:
        budget = RateBudget(clock, maximum=1, per_second=1, reserve=0)
        await _take(budget)

        async def go(name: str, write: bool) -> None:
            await _take(budget, write=write)
            order.append(name)

        reads = [asyncio.create_task(go(f"read{n}", False)) for n in range(2)]
        await clock.sleep(0.5)
        write = asyncio.create_task(go("write", True))
        await asyncio.gather(write, *reads)

    clock.run(main())
    assert order == ["write", "read0", "read1"]


def test_the_shops_answer_replaces_our_guess_in_both_directions() -> None:
    clock = VirtualClock()

    async def main() -> None:
        budget = RateBudget(clock, maximum=10, per_second=1)
        budget.learn(remaining=0, maximum=2000, per_second=100)
        await _take(budget, 50)
        assert clock.monotonic() == pytest.approx(0.5, abs=1e-3)
        budget.learn(remaining=1900, maximum=2000, per_second=100)
        await _take(budget, 1900)
        assert clock.monotonic() == pytest.approx(0.5, abs=1e-3)

    clock.run(main())


def test_an_answer_wakes_who_waits() -> None:
    clock = VirtualClock()

    async def main() -> None:
        budget = RateBudget(clock, maximum=10, per_second=0.01)
        await _take(budget, 10)
        waiting = asyncio.create_task(_take(budget, 5))
        await clock.sleep(1)
        budget.learn(remaining=10, maximum=10, per_second=1)
        await waiting
        assert clock.monotonic() == 1

    clock.run(main())


def test_calls_on_their_way_are_subtracted_from_the_answer() -> None:
    clock = VirtualClock()
    budget = RateBudget(clock, maximum=10, per_second=1)
    with budget.on_its_way(4):
        budget.learn(remaining=10, maximum=10, per_second=1)
        assert budget.level == 6
    budget.learn(remaining=10, maximum=10, per_second=1)
    assert budget.level == 10


def test_a_senseless_answer_is_ignored() -> None:
    clock = VirtualClock()
    budget = RateBudget(clock, maximum=10, per_second=1)
    budget.learn(remaining=5, maximum=0, per_second=0)
    assert budget.level == 10


def test_a_refusal_closes_for_as_long_as_the_shop_says() -> None:
    clock = VirtualClock()

    async def main() -> None:
        budget = RateBudget(clock, maximum=10, per_second=10)
        budget.refused(7.0)
        await _take(budget)
        assert clock.monotonic() == pytest.approx(7.0, abs=1e-3)

    clock.run(main())


def test_refusals_without_a_word_double_the_pause_until_a_call_is_accepted() -> None:
    clock = VirtualClock()

    async def main() -> None:
        budget = RateBudget(clock, maximum=10, per_second=100)
        waits: list[float] = []
        for _ in range(3):
            budget.refused(None)
            before = clock.monotonic()
            await _take(budget)
            waits.append(clock.monotonic() - before)
        budget.accepted()
        budget.refused(None)
        before = clock.monotonic()
        await _take(budget)
        waits.append(clock.monotonic() - before)
        assert waits == pytest.approx([1, 2, 4, 1], abs=1e-3)

    clock.run(main())


def test_who_would_wait_too_long_is_told_at_once_and_takes_nothing() -> None:
    clock = VirtualClock()

    async def main() -> None:
        budget = RateBudget(clock, maximum=10, per_second=1)
        budget.refused(100.0)
        with pytest.raises(OverBudget) as refusal:
            await _take(budget, wait_max=5)
        assert isinstance(refusal.value, RateLimited)
        assert refusal.value.retry_after == pytest.approx(100.0)
        assert clock.monotonic() == 0
        await _take(budget, wait_max=200)

    clock.run(main())


def test_while_calls_are_on_their_way_their_answers_are_waited_for() -> None:
    clock = VirtualClock()

    async def main() -> None:
        budget = RateBudget(clock, maximum=10, per_second=0.1)
        await _take(budget, 10)
        with budget.on_its_way(10):
            waiting = asyncio.create_task(_take(budget, 5, wait_max=5))
            await clock.sleep(1)
        budget.learn(remaining=1900, maximum=2000, per_second=100)
        await waiting
        assert clock.monotonic() == 1
        with budget.on_its_way(2000), pytest.raises(OverBudget):
            budget.learn(remaining=0, maximum=2000, per_second=100)
            await _take(budget, 5, wait_max=5)
        assert clock.monotonic() == pytest.approx(6.0)

    clock.run(main())


def test_an_absurd_retry_after_is_bounded() -> None:
    clock = VirtualClock()

    async def main() -> None:
        budget = RateBudget(clock)
        budget.refused(1e9)
        await _take(budget, wait_max=1e9)
        assert clock.monotonic() == pytest.approx(3600, abs=1e-3)

    clock.run(main())


def test_a_cost_above_the_bucket_waits_for_a_full_one() -> None:
    clock = VirtualClock()

    async def main() -> None:
        budget = RateBudget(clock, maximum=10, per_second=1)
        await _take(budget, 4)
        await _take(budget, 100)
        assert clock.monotonic() == pytest.approx(4.0, abs=1e-3)
        await _take(budget, 100)
        assert clock.monotonic() == pytest.approx(14.0, abs=1e-3), "and costs no more than a full one"

    clock.run(main())


def test_a_cancelled_waiter_frees_its_place() -> None:
    clock = VirtualClock()

    async def main() -> None:
        budget = RateBudget(clock, maximum=1, per_second=1)
        await _take(budget)
        first = asyncio.create_task(_take(budget, write=True))
        second = asyncio.create_task(_take(budget, write=True))
        await clock.sleep(0.1)
        first.cancel()
        await second
        assert clock.monotonic() == pytest.approx(1.0, abs=1e-2)

    clock.run(main())


def test_the_queue_is_bounded() -> None:
    clock = VirtualClock()

    async def main() -> None:
        budget = RateBudget(clock, maximum=1, per_second=1)
        budget.refused(3000.0)
        waiting = [asyncio.create_task(_take(budget, wait_max=1e6)) for _ in range(WAITING_MAX)]
        await clock.sleep(0)
        with pytest.raises(OverBudget, match="already wait"):
            await _take(budget)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    clock.run(main())


def test_in_a_window_nothing_comes_back_before_its_end_and_all_of_it_then() -> None:
    clock = VirtualClock()

    async def main() -> None:
        budget = RateBudget(clock)
        budget.learn(remaining=2, maximum=30, per_second=10, resets_in=2.0)
        for _ in range(2):
            await _take(budget)
        assert clock.monotonic() == 0
        for _ in range(30):
            await _take(budget)
        assert clock.monotonic() == pytest.approx(2.0, abs=0.05)
        await _take(budget)
        assert clock.monotonic() == pytest.approx(5.0, abs=0.05), "and the next window is as long, unless the shop says otherwise"

    clock.run(main())


def test_reads_may_use_what_writes_have_left_over_as_a_window_runs_out() -> None:
    clock = VirtualClock()

    async def main() -> None:
        budget = RateBudget(clock, reserve=0.2)
        budget.learn(remaining=30, maximum=30, per_second=10, resets_in=3.0)
        for _ in range(24):
            await _take(budget, write=False)
        assert clock.monotonic() == pytest.approx(0, abs=0.05)
        await _take(budget, write=False)
        assert clock.monotonic() == pytest.approx(0.5, abs=0.05), "a sixth of the time has gone, and with it a sixth of the reserve"
        await _take(budget)
        assert clock.monotonic() == pytest.approx(0.5, abs=0.05), "a write need not wait"
        for _ in range(3):
            await _take(budget, write=False)
        assert clock.monotonic() < 3.0, "one call is left at the end"
        await _take(budget, write=False)
        assert clock.monotonic() == pytest.approx(3.0, abs=0.05)

    clock.run(main())


def test_calls_that_left_before_a_windows_end_may_count_into_the_next() -> None:
    clock = VirtualClock()

    async def main() -> None:
        budget = RateBudget(clock)
        budget.learn(remaining=4, maximum=30, per_second=10, resets_in=1.0)
        with budget.on_its_way(4):
            await clock.sleep(1.5)
            assert budget.level == 26
            await _take(budget)
            assert budget.level == 25, "and still count when some of it is taken"

    clock.run(main())


def test_a_window_ends_no_later_than_it_is_long() -> None:
    clock = VirtualClock()

    async def main() -> None:
        budget = RateBudget(clock)
        budget.learn(remaining=0, maximum=30, per_second=10, resets_in=1e9)
        await _take(budget)
        assert clock.monotonic() == pytest.approx(3.0, abs=0.05)

    clock.run(main())
