"""What passes with time alone: holds that end, and rows that are past their retention."""

from __future__ import annotations

from datetime import timedelta

from channelsync.engine.store import Store
from channelsync.ledger import expiry
from channelsync.ledger.expiry import Sweep

JUMP_MAX = 60.0
"""Seconds by which wall and monotonic time may part before time-driven work waits for the new offset to hold."""


class Housekeeping:
    """Expiry follows the wall clock, durations the monotonic one. When the two part, nothing expires until the new offset has held for a while."""

    def __init__(self, store: Store, *, delivery_days: int = 14) -> None:
        self._store, self._delivery_days = store, delivery_days
        self._offset = self._now_offset()
        self._moved_at: float | None = None

    async def run_once(self) -> None:
        if not self._time_is_steady():
            return
        sweep = Sweep(limit=256, delivery_age=timedelta(days=self._delivery_days))
        if await self._store.ledger.run(expiry.sweep, sweep):
            self._store.wake()

    def _now_offset(self) -> float:
        return self._store.clock.now().timestamp() - self._store.clock.monotonic()

    def _time_is_steady(self) -> bool:
        offset, now = self._now_offset(), self._store.clock.monotonic()
        if abs(offset - self._offset) > JUMP_MAX:
            self._offset, self._moved_at = offset, now
        if self._moved_at is not None and now - self._moved_at >= JUMP_MAX:
            self._moved_at = None
        return self._moved_at is None
