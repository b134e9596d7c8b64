"""The one retry layer: around a single read of a shop. Writes are never repeated here; the engine knows how to resolve them."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from tenacity import AsyncRetrying, RetryCallState

from channelsync.clock import Clock
from channelsync.errors import Misunderstood, RateLimited, Unavailable
from channelsync.shell.circuit import CircuitOpen
from channelsync.shell.guard import HeldBack
from channelsync.shell.limiter import OverBudget
from channelsync.shell.reach import OutOfReach

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RetryRules:
    """tries: calls that may fail; unreadable: of these, answers that made no sense; refusals: 429s that may come on top; seconds: for all of it,
    pauses included.
    """

    tries: int = 4
    unreadable: int = 2
    refusals: int = 10
    seconds: float = 120.0
    pause: float = 0.5
    pause_max: float = 20.0


class ReadRetry:
    """Repeats a call while it raises Unavailable, with exponential pauses of full jitter; a longer Retry-After of the shop wins.

    An answer that is cut off, or a page that something between us and the shop put in its place, is seldom so twice: it is asked for once more.
    """

    def __init__(self, clock: Clock, source: random.Random, rules: RetryRules | None = None) -> None:
        self._clock = clock
        self._source = source
        self._rules = rules or RetryRules()

    async def run(self, call: Callable[[], Awaitable[T]]) -> T:
        """The call's result, or the last error it raised."""
        plan = _Plan(self._rules, self._clock, self._source, self._clock.monotonic())
        retrying = AsyncRetrying(sleep=self._clock.sleep, retry=plan.again, wait=plan.pause, stop=plan.enough, reraise=True)

        async def once() -> T:
            return await call()

        return await retrying(once)


@dataclass(slots=True)
class _Plan:
    """The count of one call's tries. tenacity asks, in this order: again? how long? enough?"""

    rules: RetryRules
    clock: Clock
    source: random.Random
    started: float
    tries: int = 0
    unreadable: int = 0
    refusals: int = 0

    def again(self, state: RetryCallState) -> bool:
        error = _error(state)
        if isinstance(error, RateLimited):
            self.refusals += 1
        else:
            self.tries += 1
            self.unreadable += isinstance(error, Misunderstood)
        return isinstance(error, (Unavailable, Misunderstood)) and not isinstance(error, (CircuitOpen, OverBudget, HeldBack, OutOfReach))

    def pause(self, state: RetryCallState) -> float:
        error = _error(state)
        if isinstance(error, RateLimited):
            return 0.0  # the budget is closed by now; the next call waits there, and in its turn
        asked = error.retry_after if isinstance(error, Unavailable) else None
        ceiling = min(self.rules.pause_max, self.rules.pause * 2.0 ** (self.tries - 1))
        return max(self.source.uniform(0.0, ceiling), asked or 0.0)

    def enough(self, state: RetryCallState) -> bool:
        spent = self.clock.monotonic() - self.started + state.upcoming_sleep
        used_up = self.tries >= self.rules.tries or self.unreadable >= self.rules.unreadable or self.refusals > self.rules.refusals
        return used_up or spent > self.rules.seconds


def _error(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None
