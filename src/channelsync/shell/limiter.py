"""A channel's rate budget: a leaky bucket or a window as the shop keeps it, re-synchronised from the shop's answers.

Calls wait here before they leave. Writes go before reads, and reads leave a reserve, because a late write is what oversells.
"""

from __future__ import annotations

import asyncio
import math
from bisect import insort
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from channelsync.clock import Clock
from channelsync.contract.http import Guardrail
from channelsync.errors import RateLimited
from channelsync.shell.guard import Guard
from channelsync.shell.within import within

WAITING_MAX = 1000
EPSILON_SECONDS = 1e-6  # below this a wait is a rounding error
WINDOW_MARGIN_SECONDS = 0.01  # shops tell whole milliseconds
PAUSE_MAX_SECONDS = 3600.0  # a shop that asks for more is asked again after an hour


class OverBudget(RateLimited):
    """We refused the call ourselves, before it left: it would have had to wait longer than its caller can."""


@dataclass(slots=True, order=True)
class _Ticket:
    read: bool
    serial: int
    cost: float = field(compare=False)
    turn: asyncio.Event = field(compare=False, default_factory=asyncio.Event)


class LeakyBudget:
    """The `Budget` of one channel. The defaults hold until the shop's first answer that tells its own bucket.

    reserve: the share of the bucket that only writes may use; of a window, the share of what is left of its time.
    """

    def __init__(self, clock: Clock, *, maximum: float = 40.0, per_second: float = 20.0, reserve: float = 0.2) -> None:
        self._clock = clock
        self._maximum = maximum
        self._per_second = per_second
        self._reserve = reserve
        self._level = maximum
        self._level_at = clock.monotonic()
        self._window_ends: float | None = None  # None: what was taken comes back steadily
        self._closed_until = self._level_at
        self._refusals = 0
        self._in_flight = 0.0
        self._serial = 0
        self._queue: list[_Ticket] = []
        self.guarded = Guard(clock)

    def guard(self, rail: Guardrail) -> None:
        self.guarded.set(rail)

    def learn(self, *, remaining: float, maximum: float, per_second: float, resets_in: float | None = None) -> None:
        """The shop told its bucket. Calls still on their way may not be in its number yet, so they are subtracted: too slow beats refused.

        resets_in: it counts in windows of `maximum / per_second` seconds, and the present one ends then. Nothing comes back before, and all of it then.
        """
        if maximum <= 0 or per_second <= 0:
            return
        self._maximum, self._per_second = maximum, per_second
        self._level = min(remaining, maximum) - self._in_flight
        self._level_at = self._clock.monotonic()
        self._window_ends = None
        if resets_in is not None:
            longest = min(maximum / per_second, PAUSE_MAX_SECONDS)
            self._window_ends = self._level_at + min(max(resets_in, 0.0), longest) + WINDOW_MARGIN_SECONDS
        self._refusals = 0
        self._wake_first()

    def refused(self, retry_after: float | None) -> None:
        """The shop refused a call: nothing leaves for `retry_after` seconds, or for a doubling pause if the shop did not say."""
        self._refusals += 1
        pause = retry_after if retry_after is not None else min(60.0, 2.0 ** min(self._refusals - 1, 6))
        now = self._clock.monotonic()
        self._level, self._level_at = min(self._refilled(), 0.0), now
        self._closed_until = max(self._closed_until, now + min(max(pause, 0.0), PAUSE_MAX_SECONDS))
        self._wake_first()

    def accepted(self) -> None:
        """The shop took a call: the next refusal without a Retry-After starts again with a short pause."""
        self._refusals = 0

    @property
    def level(self) -> float:
        return self._refilled()

    @property
    def maximum(self) -> float:
        return self._maximum

    @property
    def per_second(self) -> float:
        return self._per_second

    @contextmanager
    def on_its_way(self, cost: float) -> Iterator[None]:
        """Around the network part of a call, so that `learn` knows what other calls the shop may not have counted yet."""
        self._in_flight += cost
        try:
            yield
        finally:
            self._in_flight -= cost

    async def take(self, cost: float, *, write: bool, wait_max: float) -> None:
        """Wait for room, then take it. Raises OverBudget if that would last longer than `wait_max` seconds."""
        if len(self._queue) >= WAITING_MAX:
            raise OverBudget(f"{WAITING_MAX} calls already wait for the rate limit", retry_after=1.0)
        self._serial += 1
        ticket = _Ticket(not write, self._serial, cost)
        insort(self._queue, ticket)
        try:
            await self._wait_for_turn(ticket, self._clock.monotonic() + wait_max)
            self._spend(min(cost, self._maximum))
        finally:
            self._queue.remove(ticket)
            self._wake_first()

    async def _wait_for_turn(self, ticket: _Ticket, give_up_at: float) -> None:
        while True:
            first = self._queue[0] is ticket
            need = max(self._until_room(ticket), self._until_open())
            if first and need <= EPSILON_SECONDS:
                return
            patience = give_up_at - self._clock.monotonic()
            if patience <= EPSILON_SECONDS or (first and self._hopeless(ticket, patience)):
                raise OverBudget(f"the rate limit leaves no room for {need:.1f} s", retry_after=max(need, 0.0))
            ticket.turn.clear()
            try:
                await within(self._clock, min(need, patience) if first else patience, ticket.turn.wait())
            except TimeoutError:
                continue

    def _hopeless(self, ticket: _Ticket, patience: float) -> bool:
        """A shop's pause is certain. Our own level is a guess that the answer of any call on its way may correct upwards."""
        return self._until_open() > patience or (self._until_room(ticket) > patience and not self._in_flight)

    def _until_open(self) -> float:
        return self._closed_until - self._clock.monotonic()

    def _until_room(self, ticket: _Ticket) -> float:
        """A cost above what the bucket can ever offer waits for a full one: the shop, not we, decides whether it is too big."""
        left = self._window_left()
        floor = self._reserve * min(self._maximum, left * self._per_second) if ticket.read else 0.0
        missing = min(ticket.cost + floor, self._maximum) - self._refilled()
        if self._window_ends is None or left <= 0:  # or the window has ended, and calls that left before are still on their way
            return missing / self._per_second
        falling = self._reserve * self._per_second if ticket.read else 0.0  # what writes may still need, as the window runs out
        return min(left, missing / falling) if falling else left if missing > 0 else missing

    def _spend(self, cost: float) -> None:
        now = self._clock.monotonic()
        self._level, self._level_at = self._refilled() - cost, now
        if self._window_ends is not None and now >= self._window_ends:
            self._window_ends = now + self._maximum / self._per_second  # until the shop tells when the new one really ends

    def _window_left(self) -> float:
        return math.inf if self._window_ends is None else max(0.0, self._window_ends - self._clock.monotonic())

    def _refilled(self) -> float:
        if self._window_ends is not None:
            return self._level if self._window_left() else self._maximum - self._in_flight  # which may count into the new one
        elapsed = self._clock.monotonic() - self._level_at
        return min(self._maximum, self._level + elapsed * self._per_second)

    def _wake_first(self) -> None:
        if self._queue:
            self._queue[0].turn.set()
