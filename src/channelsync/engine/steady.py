"""Whether the clock can be trusted: durations are monotonic, expiry is wall time, and the two may part (NTP, a paused machine, a wrong date)."""

from __future__ import annotations

from channelsync.clock import Clock

JUMP_SECONDS = 60.0


class Steadiness:
    """False from the moment wall and monotonic time part by more than 60 s until the new offset has held for 60 s. Nothing expires or is raised meanwhile."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._offset = self._offset_now()
        self._jumped_at: float | None = None

    def steady(self) -> bool:
        offset, now = self._offset_now(), self._clock.monotonic()
        if abs(offset - self._offset) > JUMP_SECONDS:
            self._offset, self._jumped_at = offset, now
        if self._jumped_at is not None and now - self._jumped_at >= JUMP_SECONDS:
            self._jumped_at = None
        return self._jumped_at is None

    def _offset_now(self) -> float:
        return self._clock.now().timestamp() - self._clock.monotonic()
