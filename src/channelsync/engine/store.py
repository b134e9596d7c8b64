"""What every part of the engine shares: the ledger's door, the clock, the random source, the channels, and how they wake each other."""

from __future__ import annotations

import math
import random
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import structlog

from channelsync.clock import Clock
from channelsync.engine.channel import Channel
from channelsync.engine.steady import Steadiness
from channelsync.errors import ChannelError, NotReached, RateLimited, Unauthorized, Unavailable
from channelsync.ledger import channels
from channelsync.ledger.door import Door

log = structlog.get_logger(__name__)

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
"""No hold of any shop has ended by then."""

UNHEARD_SECONDS = 3600.0
"""A shop that has told no time for so long, and has no number left to be read, may never tell one."""


WORK_PAUSE_SECONDS = 30.0
"""Work that has not moved for so long is over, if nobody has said so."""

MISREAD_PAUSE_MAX = 60.0
"""A shop whose answers make no sense, one after the other, is asked this seldom."""


class LongWork:
    """Whether what keeps the ledger for minutes comes on: loops that wait meanwhile are not stuck. It may begin again, from its start."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began = self._moved = -math.inf
        self._over = True

    def move(self) -> None:
        now = self._clock.monotonic()
        if self._over or now - self._moved > WORK_PAUSE_SECONDS:
            self._began, self._over = now, False
        self._moved = now

    def end(self) -> None:
        """The next move is that of other work."""
        self._over = True

    def counts_from(self, since: float, limit: float) -> float:
        """From when the waiting counts of a loop that has not come on `since` then; what was late (`limit` seconds) before the work began is not
        excused by it.
        """
        return max(since, self._moved) if self._began - since <= limit else since


@dataclass(slots=True)
class Store:
    """One store: one ledger and its channels. `owner` names this process in leases.

    read: listings, numbers and orders that came from each channel since the start, for whoever waits for them. work: a long piece of it that
    keeps the ledger from everybody else.
    """

    ledger: Door
    clock: Clock
    random: random.Random
    owner: str
    channels: dict[int, Channel] = field(default_factory=dict)
    read: dict[int, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    time: Steadiness = field(init=False)
    work: LongWork = field(init=False)
    _began: float = field(init=False)

    def __post_init__(self) -> None:
        self.time = Steadiness(self.clock)
        self._began = self.clock.monotonic()
        self.work = LongWork(self.clock)

    def named(self, name: str) -> Channel:
        return next(channel for channel in self.channels.values() if channel.name == name)

    def new_key(self) -> str:
        """A fresh idempotency key, from the injected random source."""
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def shop_time(self, channel: Channel) -> datetime:
        """What the shop's clock says now: as last heard, carried on by our monotonic time. Its holds end by it, however wrong our date is.

        Before it was heard none has ended; only after an hour of silence our own clock must do.
        """
        now = self.clock.monotonic()
        if channel.heard is not None:
            at, heard_at = channel.heard
            return at + timedelta(seconds=now - heard_at)
        return self.clock.now() if now - self._began > UNHEARD_SECONDS and self.time.steady() else LONG_AGO

    def wake(self, channels: Iterable[Channel] | None = None) -> None:
        """Stock has moved: every channel may have something due. Cheap to call; the rows decide."""
        for channel in self.channels.values() if channels is None else channels:
            channel.due.set()

    async def troubled(self, channel: Channel, error: ChannelError) -> float:
        """Remember what went wrong and say how long to wait. Wrong credentials pause the channel until the shop takes them
        again (`engine.watching` asks); an outage is logged once.
        """
        channel.trouble = str(error)
        if isinstance(error, Unauthorized):
            channel.admitted.clear()
            lost = channels.Pause(channel.id, f"needs {error.needs}: {error}", channels.PauseKind.CREDENTIALS)
            if await self.ledger.run(channels.pause, lost):
                log.error("channel paused", channel=channel.name, error=str(error))
            return 60.0
        if isinstance(error, RateLimited):
            return error.retry_after or 1.0
        if isinstance(error, Unavailable):
            if not channel.unreachable:
                channel.unreachable = isinstance(error, NotReached)
                log.warning("channel gave no usable answer", channel=channel.name, error=str(error))
            return error.retry_after or 2.0
        channel.misread += 1
        log.warning("channel was not understood", channel=channel.name, error=str(error))
        return min(MISREAD_PAUSE_MAX, 2.0 ** min(channel.misread, 6))

    def well(self, channel: Channel) -> None:
        channel.trouble = None
        channel.misread = 0
        channel.admitted.set()
        channel.unreachable = False
