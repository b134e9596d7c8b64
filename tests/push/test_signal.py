"""The wake-up of the engine's loops: at once, by a given time, and at the latest after what its waiter can bear."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from channelsync.engine.channel import Signal
from channelsync.testing.virtual_clock import VirtualClock


def played(story: Any) -> None:
    clock = VirtualClock()
    work: Coroutine[Any, Any, None] = story(clock, Signal())
    clock.run(work)


def test_a_wait_ends_by_the_earliest_of_the_times_that_were_given() -> None:
    async def story(clock: VirtualClock, signal: Signal) -> None:
        signal.set_at(3.0)
        signal.set_at(2.0)
        signal.set_at(9.0)
        assert await signal.wait(clock, 60.0)
        assert clock.monotonic() == 2.0
        assert await signal.wait(clock, 60.0)
        assert clock.monotonic() == 3.0, "and the others after it"
        assert await signal.wait(clock, 60.0)
        assert not await signal.wait(clock, 60.0), "each once"
        assert clock.monotonic() == 69.0

    played(story)


def test_a_wait_that_ends_before_leaves_the_time_to_the_next() -> None:
    async def story(clock: VirtualClock, signal: Signal) -> None:
        signal.set_at(3.0)
        signal.set()
        assert await signal.wait(clock, 60.0)
        assert clock.monotonic() == 0.0
        assert not await signal.wait(clock, 1.0)
        assert await signal.wait(clock, 60.0)
        assert clock.monotonic() == 3.0

    played(story)


def test_a_time_that_has_passed_is_now() -> None:
    async def story(clock: VirtualClock, signal: Signal) -> None:
        await clock.sleep(5.0)
        signal.set_at(3.0)
        assert await signal.wait(clock, 60.0)
        assert clock.monotonic() == 5.0

    played(story)
