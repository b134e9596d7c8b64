from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo

import pytest
from structlog.testing import capture_logs

from channelsync.clock import Clock, SystemClock
from channelsync.shell.schedule import DRAIN_SECONDS, LoopTicker, SchedulerTicker, Ticker
from channelsync.testing.virtual_clock import VirtualClock

BOTH = pytest.mark.parametrize("make", [LoopTicker, SchedulerTicker])
Make = Callable[[Clock, random.Random], Ticker]


def test_virtual_ticks_come_on_the_dot() -> None:
    clock = VirtualClock()
    times: list[float] = []

    async def work() -> None:
        times.append(clock.monotonic())

    async def main() -> None:
        ticker = LoopTicker(clock, random.Random(1))
        ticker.every(60, work, name="poll")
        async with ticker:
            await clock.sleep(200)

    clock.run(main())
    assert times == [0, 60, 120, 180]


def test_jitter_spreads_and_repeats_by_seed() -> None:
    def ticks(seed: int) -> list[float]:
        clock = VirtualClock()
        times: list[float] = []

        async def work() -> None:
            times.append(clock.monotonic())

        async def main() -> None:
            async with LoopTicker(clock, random.Random(seed)) as ticker:
                ticker.every(60, work, name="poll", jitter=10)
                await clock.sleep(1000)

        clock.run(main())
        return times

    assert ticks(1) == ticks(1)
    assert ticks(1) != ticks(2)
    first, *rest = ticks(3)
    assert 0 <= first <= 10
    assert all(60 <= later - earlier <= 70 for earlier, later in zip([first, *rest], rest, strict=False))


def test_a_slow_tick_is_not_doubled_and_what_it_missed_is_left_out() -> None:
    clock = VirtualClock()
    times: list[float] = []

    async def work() -> None:
        times.append(clock.monotonic())
        await clock.sleep(25)

    async def main() -> None:
        async with LoopTicker(clock, random.Random(1)) as ticker:
            ticker.every(10, work, name="slow")
            await clock.sleep(100)

    clock.run(main())
    assert times == [0, 30, 60, 90]


def test_virtual_stop_lets_a_tick_finish_but_not_for_ever() -> None:
    clock = VirtualClock()
    ended: list[str] = []

    async def short() -> None:
        await clock.sleep(5)
        ended.append("short")

    async def hung() -> None:
        try:
            await clock.sleep(10_000)
        finally:
            ended.append("hung")

    async def main() -> None:
        async with LoopTicker(clock, random.Random(1)) as ticker:
            ticker.every(60, short, name="short")
            ticker.every(60, hung, name="hung")
            await clock.sleep(1)
        assert clock.monotonic() == 1 + DRAIN_SECONDS
        assert len(asyncio.all_tasks()) == 1

    clock.run(main())
    assert ended == ["short", "hung"]


@BOTH
def test_real_ticks_come_at_once_and_again(make: Make) -> None:
    times: list[float] = []

    async def work() -> None:
        times.append(asyncio.get_running_loop().time())

    async def main() -> None:
        ticker = make(SystemClock(), random.Random(1))
        ticker.every(0.1, work, name="before the start")
        async with ticker:
            ticker.every(0.1, work, name="after the start")
            await asyncio.sleep(0.35)
        count = len(times)
        await asyncio.sleep(0.2)
        assert len(times) == count, "no tick after the end"

    asyncio.run(main())
    assert 6 <= len(times) <= 8


@BOTH
def test_an_error_is_logged_and_the_next_tick_comes(make: Make) -> None:
    calls: list[int] = []

    async def work() -> None:
        calls.append(1)
        raise KeyError("bug")

    async def main() -> None:
        async with make(SystemClock(), random.Random(1)) as ticker:
            ticker.every(0.05, work, name="broken")
            await asyncio.sleep(0.2)

    with capture_logs() as lines:
        asyncio.run(main())
    assert len(calls) >= 3
    assert {(line["event"], line["job"], line["log_level"]) for line in lines} == {("tick failed", "broken", "error")}


@BOTH
def test_a_loop_that_was_blocked_ticks_once_not_never_and_not_often(make: Make) -> None:
    calls: list[int] = []

    async def work() -> None:
        calls.append(1)

    async def main() -> None:
        async with make(SystemClock(), random.Random(1)) as ticker:
            ticker.every(0.2, work, name="poll")
            await asyncio.sleep(0.05)
            time.sleep(1.1)  # noqa: ASYNC251 - blocking the loop is the point
            before = len(calls)
            await asyncio.sleep(0.1)
            assert len(calls) == before + 1

    asyncio.run(main())


@BOTH
def test_a_running_tick_finishes_at_the_stop(make: Make) -> None:
    ended: list[str] = []

    async def work() -> None:
        await asyncio.sleep(0.2)
        ended.append("finished")

    async def main() -> None:
        async with make(SystemClock(), random.Random(1)) as ticker:
            ticker.every(60, work, name="slow")
            await asyncio.sleep(0.05)
            began = asyncio.get_running_loop().time()
        assert asyncio.get_running_loop().time() - began < 1

    asyncio.run(main())
    assert ended == ["finished"]


def test_a_tick_left_out_is_logged_once_per_streak() -> None:
    async def work() -> None:
        await asyncio.sleep(0.3)

    async def main() -> None:
        async with SchedulerTicker(SystemClock(), random.Random(1)) as ticker:
            ticker.every(0.05, work, name="slow")
            await asyncio.sleep(0.28)

    with capture_logs() as lines:
        asyncio.run(main())
    assert [(line["event"], line["job"], line["why"]) for line in lines] == [("tick left out", "slow", "the last one still runs")]


def test_a_wall_clock_set_back_does_not_stop_the_ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    back = timedelta(0)
    monkeypatch.setattr("channelsync.shell.schedule.CLOCK_CHECK_SECONDS", 0.05)

    class Wall(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) - back

    class Jumping(SystemClock):
        def now(self) -> datetime:
            return datetime.now(UTC) - back

    monkeypatch.setattr("apscheduler.schedulers.base.datetime", Wall)
    calls: list[int] = []

    async def work() -> None:
        calls.append(1)

    async def main() -> None:
        nonlocal back
        async with SchedulerTicker(Jumping(), random.Random(1)) as ticker:
            ticker.every(0.1, work, name="poll")
            await asyncio.sleep(0.15)
            back = timedelta(hours=1)
            await asyncio.sleep(0.1)
            before = len(calls)
            await asyncio.sleep(0.35)
            assert len(calls) >= before + 2

    with capture_logs() as lines:
        asyncio.run(main())
    assert [line["seconds"] for line in lines] == [3600]
