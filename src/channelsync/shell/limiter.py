"""A channel's rate budget: calls wait here before they leave, for the room that the shop has (`shell.rooms`), re-synchronised from its answers.

Writes go before reads, and reads leave a reserve, because a late write is what oversells.
"""

from __future__ import annotations

import asyncio
from bisect import insort
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from channelsync.clock import Clock
from channelsync.contract.http import Guardrail
from channelsync.errors import RateLimited
from channelsync.shell.guard import Guard
from channelsync.shell.rooms import Bucket, Room, Sliding, Window
from channelsync.shell.within import within

WAITING_MAX = 1000
EPSILON_SECONDS = 1e-6  # below this a wait is a rounding error
PAUSE_MAX_SECONDS = 3600.0  # a shop that asks for more is asked again after an hour


class OverBudget(RateLimited):
    """We refused the call ourselves, before it left: it would have had to wait longer than its caller can."""


@dataclass(slots=True, order=True)
class _Ticket:
    read: bool
    serial: int
    cost: float = field(compare=False)
    turn: asyncio.Event = field(compare=False, default_factory=asyncio.Event)


class RateBudget:
    """The `Budget` of one channel. The defaults, a leaky bucket, hold until the shop's first answer that tells its own.

    reserve: the share of the bucket that only writes may use; of a window, the share of what is left of its time.
    """

    def __init__(self, clock: Clock, *, maximum: float = 40.0, per_second: float = 20.0, reserve: float = 0.2) -> None:
        self._clock = clock
        self._reserve = reserve
        self._room: Room = Bucket(maximum, per_second, maximum, clock.monotonic(), reserve)
        self._closed_until = clock.monotonic()
        self._refusals = 0
        self._in_flight = 0.0
        self._serial = 0
        self._queue: list[_Ticket] = []
        self.guarded = Guard(clock)

    def guard(self, rail: Guardrail) -> None:
        self.guarded.set(rail)

    def learn(self, *, remaining: float, maximum: float, per_second: float, resets_in: float | None = None, sliding: bool = False) -> None:
        """As the contract says. Calls still on their way may not be in the shop's number yet, so they are subtracted: too slow beats refused."""
        if maximum <= 0 or per_second <= 0:
            return
        now = self._clock.monotonic()
        level = min(remaining, maximum) - self._in_flight
        ends_in = None if resets_in is None else min(resets_in, PAUSE_MAX_SECONDS)
        if sliding:
            self._learn_sliding(remaining, maximum, per_second, ends_in, now)
        elif ends_in is not None:
            self._room = Window(maximum, per_second, level, now, self._reserve, ends_in)
        else:
            self._room = Bucket(maximum, per_second, level, now, self._reserve)
        self._refusals = 0
        self._wake_first()

    def _learn_sliding(self, remaining: float, maximum: float, per_second: float, resets_in: float | None, now: float) -> None:
        """What we have taken stays known: of it the shop tells nothing."""
        room = self._room
        if not isinstance(room, Sliding) or (room.maximum, room.per_second) != (maximum, per_second):
            self._room = room = Sliding(maximum, per_second)
        if resets_in is not None:
            room.told(remaining - self._in_flight, resets_in, now)

    def refused(self, retry_after: float | None) -> None:
        """The shop refused a call: nothing leaves for `retry_after` seconds, or for a doubling pause if the shop did not say."""
        self._refusals += 1
        pause = retry_after if retry_after is not None else min(60.0, 2.0 ** min(self._refusals - 1, 6))
        now = self._clock.monotonic()
        self._room.empty(now, self._in_flight)
        self._closed_until = max(self._closed_until, now + min(max(pause, 0.0), PAUSE_MAX_SECONDS))
        self._wake_first()

    def accepted(self) -> None:
        """The shop took a call: the next refusal without a Retry-After starts again with a short pause."""
        self._refusals = 0

    @property
    def level(self) -> float:
        return self._room.level(self._clock.monotonic(), self._in_flight)

    @property
    def maximum(self) -> float:
        return self._room.maximum

    @property
    def per_second(self) -> float:
        return self._room.per_second

    @contextmanager
    def on_its_way(self, cost: float) -> Iterator[None]:
        """Around the network part of a call, so that `learn` knows what other calls the shop may not have counted yet."""
        room = self._room
        self._in_flight += cost
        room.leaves(cost)
        try:
            yield
        finally:
            self._in_flight -= cost
            room.answered(cost, self._clock.monotonic())

    async def take(self, cost: float, *, write: bool, wait_max: float) -> None:
        """Wait for room, then take it. Raises OverBudget if that would last longer than `wait_max` seconds."""
        if len(self._queue) >= WAITING_MAX:
            raise OverBudget(f"{WAITING_MAX} calls already wait for the rate limit", retry_after=1.0)
        self._serial += 1
        ticket = _Ticket(not write, self._serial, cost)
        insort(self._queue, ticket)
        try:
            await self._wait_for_turn(ticket, self._clock.monotonic() + wait_max)
            self._room.take(min(cost, self._room.maximum), self._clock.monotonic(), self._in_flight)
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
        return self._room.until(ticket.cost, self._clock.monotonic(), self._in_flight, read=ticket.read)

    def _wake_first(self) -> None:
        if self._queue:
            self._queue[0].turn.set()
