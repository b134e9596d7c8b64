"""Time and randomness come in through here, so that the simulator can own both. Nothing else in the project asks the system for the time."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Wall time for people and documents, monotonic time for durations: the two may disagree (NTP, DST, a sleeping laptop)."""

    def now(self) -> datetime:
        """The current instant, always timezone-aware UTC."""

    def monotonic(self) -> float:
        """Seconds that never go back; only differences mean anything."""

    async def sleep(self, seconds: float) -> None:
        """Wait without blocking the event loop. Never returns early."""


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
