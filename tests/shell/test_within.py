from __future__ import annotations

import asyncio

import pytest

from channelsync.shell.within import within
from channelsync.testing.virtual_clock import VirtualClock


def test_work_in_time_returns_and_leaves_nothing_behind() -> None:
    clock = VirtualClock()

    async def main() -> None:
        async def work() -> int:
            await clock.sleep(9)
            return 7

        assert await within(clock, 10, work()) == 7
        assert clock.monotonic() == 9
        assert len(asyncio.all_tasks()) == 1

    clock.run(main())


def test_late_work_is_cancelled() -> None:
    clock = VirtualClock()
    ended: list[str] = []

    async def work() -> None:
        try:
            await clock.sleep(60)
        finally:
            ended.append("cancelled")

    async def main() -> None:
        with pytest.raises(TimeoutError):
            await within(clock, 10, work())
        assert (clock.monotonic(), ended) == (10, ["cancelled"])

    clock.run(main())


def test_errors_of_the_work_pass_through() -> None:
    clock = VirtualClock()

    async def work() -> None:
        raise KeyError("x")

    async def main() -> None:
        with pytest.raises(KeyError):
            await within(clock, 10, work())

    clock.run(main())


def test_cancelling_the_caller_cancels_the_work() -> None:
    clock = VirtualClock()
    ended: list[str] = []

    async def work() -> None:
        try:
            await clock.sleep(60)
        finally:
            ended.append("cancelled")

    async def main() -> None:
        caller = asyncio.create_task(within(clock, 100, work()))
        await clock.sleep(1)
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller

    clock.run(main())
    assert ended == ["cancelled"]
