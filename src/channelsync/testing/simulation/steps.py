"""Where a daemon can die: each entry into and return from its ledger, each request that leaves and each answer that arrives is one step."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from datetime import datetime
from typing import Any

from channelsync.clock import Clock
from channelsync.ledger.door import Door
from channelsync.testing.simulation.points import ERRORS, Kind, Place, Points

WAIT_SHARE, WAIT_SECONDS = 0.3, 0.02
"""How often a transaction waits for others, and how long at most."""


class Crash(BaseException):
    """The process is gone. Not an Exception: nothing in it may catch this and go on."""


class Steps:
    """Counts the steps of one daemon. At step number `at` the daemon is dead: `died` is called, and no task of it ever passes a step again.

    points: numbers these and finer places, and has one of them fail.
    """

    def __init__(self, at: int | None, died: Callable[[], None], points: Points | None = None) -> None:
        self._at, self._died, self._points = at, died, points
        self.count = 0
        self.dead = False

    def step(self, place: Place) -> None:
        """Raises Crash if this is the step, or if it was before."""
        if self.dead:
            raise Crash
        self.count += 1
        if self._at is not None and self.count >= self._at:
            self.kill()
            raise Crash
        self.reach(place)

    def reach(self, place: Place) -> None:
        """A place that is no step of its own."""
        if self._points is None or self.dead or not self._points.fails(place):
            return
        if self._points.kind is Kind.ERROR:
            error = ERRORS[place]
            raise error()
        self.kill()
        raise Crash

    def kill(self) -> None:
        if not self.dead:
            self.dead = True
            self._died()


class SteppingDoor:
    """A ledger's door with a step on either side of every transaction, and now and then a wait before it, so that others come in between.

    Until `thawed` is set the daemon is paused: it stops before its next transaction.
    """

    def __init__(self, inner: Door, steps: Steps, clock: Clock, source: random.Random) -> None:
        self._inner, self._steps, self._clock, self._random = inner, steps, clock, source
        self.thawed = asyncio.Event()
        self.thawed.set()

    async def start(self) -> None:
        await self._inner.start()

    async def close(self) -> None:
        await self._inner.close()

    async def run(self, verb: Any, item: Any) -> Any:
        await self._enter()
        result = await self._inner.run(verb, item)
        self._steps.step(Place.STORED)
        return result

    async def read(self, query: Any, *args: Any, **kwargs: Any) -> Any:
        await self._enter()
        result = await self._inner.read(query, *args, **kwargs)
        self._steps.step(Place.READ)
        return result

    async def _enter(self) -> None:
        """A pause may fall before any transaction, but not between a release and its request: that one is an assumption (A-LEASE)."""
        self._steps.step(Place.CALL)
        if self._random.random() < WAIT_SHARE:
            await self._clock.sleep(self._random.random() * WAIT_SECONDS)
        await self.thawed.wait()
        if self._steps.dead:
            raise Crash


class FailingLedger:
    """A ledger's door behind which the database fails where `points` says, and the daemon dies of it if that is meant."""

    def __init__(self, inner: Door, steps: Steps, points: Points) -> None:
        self._inner, self._steps, self._points = inner, steps, points

    async def start(self) -> None:
        await self._inner.start()

    async def close(self) -> None:
        await self._inner.close()

    async def run(self, verb: Any, item: Any) -> Any:
        """To the dead nobody answers: what the transaction had written is rolled back, as the database does when its client is gone."""
        with self._points.using(Place.STATEMENT):
            try:
                return await self._inner.run(verb, item)
            except Exception:
                if self._points.kind is not Kind.DEATH or not self._points.gone:
                    raise
        self._steps.kill()
        raise Crash

    async def read(self, query: Any, *args: Any, **kwargs: Any) -> Any:
        with self._points.using(Place.READING):
            return await self._inner.read(query, *args, **kwargs)


class SteppingClock:
    """A clock on which the daemon can die whenever it goes to sleep."""

    def __init__(self, inner: Clock, steps: Steps) -> None:
        self._inner, self._steps = inner, steps

    def now(self) -> datetime:
        return self._inner.now()

    def monotonic(self) -> float:
        return self._inner.monotonic()

    async def sleep(self, seconds: float) -> None:
        self._steps.reach(Place.SLEEP)
        await self._inner.sleep(seconds)
