"""One stream of virtual time, many wall clocks: every machine and every shop has its own opinion of the date, and may change it."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from channelsync.testing.virtual_clock import VirtualClock


class SkewedClock:
    """A `Clock` whose wall time is `skew` seconds off. Monotonic time and sleeping are everybody's. `jump` is NTP or a person at work."""

    def __init__(self, base: VirtualClock, skew: float = 0.0) -> None:
        self._base, self._skew = base, timedelta(seconds=skew)

    def now(self) -> datetime:
        return self._base.now() + self._skew

    def monotonic(self) -> float:
        return self._base.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))

    def jump(self, seconds: float) -> None:
        self._skew += timedelta(seconds=seconds)
