from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from channelsync.testing.virtual_clock import START, VirtualClock


def test_an_hour_passes_at_once_and_in_order() -> None:
    clock = VirtualClock()
    seen: list[tuple[str, float]] = []

    async def nap(name: str, seconds: float) -> None:
        await clock.sleep(seconds)
        seen.append((name, clock.monotonic()))

    async def main() -> None:
        await asyncio.gather(nap("late", 3600), nap("early", 10), nap("now", 0))

    clock.run(main())
    assert seen == [("now", 0.0), ("early", 10.0), ("late", 3600.0)]
    assert clock.now() == START + timedelta(hours=1)


def test_wall_time_can_be_moved_alone() -> None:
    clock = VirtualClock()
    clock.wall_offset = timedelta(hours=-1)
    assert clock.now() == START - timedelta(hours=1)
    assert clock.monotonic() == 0.0


def test_a_deadlock_is_an_error_not_a_hang() -> None:
    clock = VirtualClock()

    async def main() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(RuntimeError, match="stands still"):
        clock.run(main())
