"""A clock and an event loop in which waiting costs nothing: whenever every task waits, time jumps to the next timer.

For code without sockets and threads (stand-ins reached in process). Deterministic: the same coroutine makes the same steps at the same times.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

T = TypeVar("T")

START = datetime(2026, 1, 1, tzinfo=UTC)


class VirtualClock:
    """A `Clock` for coroutines started by its own `run`. `wall_offset` moves only the wall time, as NTP or a person would."""

    def __init__(self, start: datetime = START) -> None:
        self.start = start
        self.wall_offset = timedelta(0)
        self._elapsed = 0.0

    def now(self) -> datetime:
        return self.start + timedelta(seconds=self._elapsed) + self.wall_offset

    def monotonic(self) -> float:
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def jump(self, seconds: float) -> None:
        self._elapsed += seconds

    def run(self, main: Coroutine[Any, Any, T]) -> T:
        """Run to the end in virtual time. Raises RuntimeError if every task waits for something that no timer will bring."""
        with asyncio.Runner(loop_factory=lambda: _VirtualLoop(self)) as runner:
            return runner.run(main)


class _VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        super().__init__(_JumpingSelector(clock))

    def time(self) -> float:
        return self.clock.monotonic()


class _JumpingSelector(selectors.SelectSelector):
    """asyncio calls `select` with the time until the next timer when nothing is ready: exactly the moment to jump there."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__()
        self.clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """The system is asked only where nothing else is left to wait for: a world sleeps twenty thousand times, and has no socket to hear from."""
        if timeout is None:
            if ready := super().select(0):
                return ready
            raise RuntimeError("virtual time stands still: every task waits and no timer is set")
        if timeout > 0:
            self.clock.jump(timeout)
        return []
