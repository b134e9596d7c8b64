"""Whether the clock can be trusted: durations are monotonic, expiry is wall time, and the two may part (NTP, a paused machine, a wrong date)."""

from __future__ import annotations

from channelsync.clock import Clock

JUMP_SECONDS = 60.0


class Steadiness:
    """Whether wall and monotonic time have run together for a while. Nothing expires, is raised or is judged by a bracket until they have."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._offset = self._offset_now()
        self._jumped_at: float | None = None

    def steady(self, held: float = JUMP_SECONDS) -> bool:
        """False from the moment the two part by more than 60 s until the new offset has held for `held` seconds."""
        offset, now = self._offset_now(), self._clock.monotonic()
        if abs(offset - self._offset) > JUMP_SECONDS:
            self._offset, self._jumped_at = offset, now
        return self._jumped_at is None or now - self._jumped_at >= held

    def _offset_now(self) -> float:
        return self._clock.now().timestamp() - self._clock.monotonic()
