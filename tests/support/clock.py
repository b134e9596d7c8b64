"""A clock that moves only when a test says so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class ManualClock:
    """Wall and monotonic time advance together; `jump` moves the wall clock alone, as NTP or an administrator would."""

    def __init__(self, start: datetime = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)) -> None:
        self._now = start
        self._monotonic = 1000.0

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    async def sleep(self, seconds: float) -> None:
        self.advance(seconds)

    def advance(self, seconds: float) -> datetime:
        self._monotonic += seconds
        self._now += timedelta(seconds=seconds)
        return self._now

    def jump(self, seconds: float) -> datetime:
        self._now += timedelta(seconds=seconds)
        return self._now
