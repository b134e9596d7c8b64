"""Where a test stops a write on its way: hold it, let go of it later, or make it vanish. Without orders everything passes."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import Literal

Stage = Literal["before", "between", "after"]
"""before: nothing has happened. between: the base was read, the sum is not written (non-atomic adjustments only). after: applied, not answered."""


class Vanished(Exception):
    """The request or its answer is lost; the client hears nothing."""


@dataclass(slots=True)
class Held:
    """One write that the gate stops at `stage`. `key` is the request's own, known once it has arrived."""

    stage: Stage
    key: str = ""
    vanishes: bool = False
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    released: asyncio.Event = field(default_factory=asyncio.Event)

    def release(self, *, vanish: bool = False) -> None:
        """Let it go on. vanish: at "before" it never takes effect, later its answer never leaves."""
        self.vanishes = self.vanishes or vanish
        self.released.set()


class Gate:
    """Each order is for one write request, first come first served per stage."""

    def __init__(self) -> None:
        self._waiting: dict[Stage, deque[Held]] = {"before": deque(), "between": deque(), "after": deque()}

    def hold(self, stage: Stage) -> Held:
        """The next write that comes to `stage` waits there until `release`."""
        held = Held(stage)
        self._waiting[stage].append(held)
        return held

    def drop(self, stage: Stage) -> Held:
        """The next write that comes to `stage` vanishes there."""
        held = self.hold(stage)
        held.release(vanish=True)
        return held

    async def passing(self, stage: Stage, key: str) -> None:
        """The shop calls this at each stage of each write. Raises Vanished."""
        if not self._waiting[stage]:
            return
        held = self._waiting[stage].popleft()
        held.key = key
        held.arrived.set()
        await held.released.wait()
        if held.vanishes:
            raise Vanished(stage)
