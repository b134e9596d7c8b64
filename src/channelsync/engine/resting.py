"""A shop that is away: what waits for its answers waits together, and one question at a time finds out whether it is back."""

from __future__ import annotations

import asyncio

from channelsync.clock import Clock
from channelsync.errors import ChannelError, NotReached, RateLimited, Unauthorized, Unavailable

REST_FIRST = 15.0
REST_MOST = 300.0
"""So late at most is what waited, once the shop is back. The poll has read its orders by then."""


def is_away(error: ChannelError, *, in_trouble: bool) -> bool:
    """The error says nothing of what was asked for. in_trouble: nothing of the shop has gone well since its last error.

    An answer without a word (5xx, a time-out) of a shop that is well otherwise may be about this one order.
    """
    return isinstance(error, NotReached | RateLimited | Unauthorized) or (isinstance(error, Unavailable) and in_trouble)


class Rest:
    """One channel's. question: held while a shop that was away is asked. why: the error that began it. begun: it has not answered since."""

    def __init__(self, clock: Clock, admitted: asyncio.Event) -> None:
        self._clock, self._admitted = clock, admitted
        self._until, self._pause, self._refused = 0.0, REST_FIRST, False
        self.question = asyncio.Lock()
        self.why = ""
        self.begun = False

    @property
    def left(self) -> float:
        """Seconds in which it is asked nothing; 0: none. One that refused our credentials is asked as soon as it takes them again."""
        if not self.begun or (self._refused and self._admitted.is_set()):
            return 0.0
        return max(0.0, self._until - self._clock.monotonic())

    def begin(self, error: ChannelError) -> None:
        """Twice as long each time, never shorter than the shop asks for. Of questions that were under way together the first counts."""
        now, asked = self._clock.monotonic(), getattr(error, "retry_after", None) or 0.0
        if self.left:
            self._until = max(self._until, now + asked)
            return
        self._until = now + max(self._pause, asked)
        self._pause = min(self._pause * 2, REST_MOST)
        self.begun, self.why, self._refused = True, str(error), isinstance(error, Unauthorized)

    def end(self) -> None:
        self._pause, self.begun = REST_FIRST, False
