"""One channel as the engine runs it: its connector, its settings, and the little state that may be lost at any moment."""

from __future__ import annotations

import asyncio
from bisect import bisect_right, insort
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from channelsync.clock import Clock
from channelsync.contract import Connector, Reading, Role, Traits
from channelsync.ledger import measuring
from channelsync.ledger.brackets import OnEdit

HINTS_MAX = 500
TIMES_MAX = 1000


@dataclass(frozen=True, slots=True)
class Settings:
    """What the config says about a channel, resolved. places: channel location ref -> the ledger locations that feed it; empty: `location_id`
    feeds its one number.

    live False (shadow): everything runs, nothing is written.
    turns_switches: its backorder switches are made to say what the SKUs' policies say.
    Of an authority: full_every: how often every number is read, changed or not. authority_lag: it shows no documents of our orders.
    """

    name: str
    connector: str
    location_id: int
    places: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    live: bool = True
    turns_switches: bool = False
    on_edit: OnEdit = field(default_factory=OnEdit)
    poll: timedelta = timedelta(seconds=60)
    sweep: timedelta = timedelta(minutes=15)
    catalogue: timedelta = timedelta(hours=1)
    timeout: timedelta = timedelta(seconds=30)
    lease: timedelta = timedelta(seconds=60)
    role: Role = Role.CHANNEL
    full_every: timedelta = timedelta(days=1)
    authority_lag: timedelta | None = None


class Signal:
    """A level-triggered wake-up: setting it twice is setting it once, and a wait takes it back."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self._at: list[float] = []

    def set(self) -> None:
        self._event.set()

    def set_at(self, monotonic: float) -> None:
        """Set at that time, for waits that begin later than this call. Of many such times, the earliest count."""
        if len(self._at) < TIMES_MAX:
            insort(self._at, monotonic)

    async def wait(self, clock: Clock, seconds: float) -> bool:
        """Until set, at most `seconds`. True if it was set."""
        if self._at:
            seconds = min(seconds, max(0.0, self._at[0] - clock.monotonic()))
        await sooner(clock, seconds, self._event)
        was = self._event.is_set()
        self._event.clear()
        passed = bisect_right(self._at, clock.monotonic())
        del self._at[:passed]
        return was or passed > 0


async def sooner(clock: Clock, seconds: float, event: asyncio.Event) -> None:
    """Until the event is set, at most `seconds`."""
    if event.is_set():
        return
    alarm = asyncio.ensure_future(clock.sleep(seconds))
    woken = asyncio.ensure_future(event.wait())
    try:
        await asyncio.wait((alarm, woken), return_when=asyncio.FIRST_COMPLETED)
    finally:
        alarm.cancel()
        woken.cancel()


def _set_event() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event


@dataclass(slots=True)
class Lease:
    """Our right to push to a channel. `deadline` is monotonic; past it nothing may be sent, whatever we believe."""

    version: int
    deadline: float


@dataclass(slots=True)
class Channel:
    """`id` is the ledger's. `trouble` is the last thing that went wrong, for `status`; None while all is well.

    misread: how many answers in a row made no sense.
    admitted: cleared when the shop refuses our credentials; set, for whoever waits, once it takes them again.
    introduced: the shop has said who it is (`engine.introduce`); False makes every reader ask first.
    heard: what the shop's clock said with its last reading, and the monotonic time then.
    measured: what a probe found out about this shop, by name.
    hinted: listings that webhooks named since the catalogue was read; at most HINTS_MAX, a whole run finds the others.
    """

    id: int
    settings: Settings
    connector: Connector
    lease: Lease | None = None
    due: Signal = field(default_factory=Signal)
    look: Signal = field(default_factory=Signal)
    pull: Signal = field(default_factory=Signal)
    listed: Signal = field(default_factory=Signal)
    placed: Signal = field(default_factory=Signal)
    switched: Signal = field(default_factory=Signal)
    trouble: str | None = None
    unreachable: bool = False
    misread: int = 0
    admitted: asyncio.Event = field(default_factory=_set_event)
    introduced: bool = True
    heard: tuple[datetime, float] | None = None
    measured: Mapping[str, float] = field(default_factory=dict)
    hinted: set[str] = field(default_factory=set)

    @property
    def name(self) -> str:
        return self.settings.name

    @property
    def traits(self) -> Traits:
        return measuring.laid_over(self.connector.traits, self.measured) if self.measured else self.connector.traits

    def hint(self, listing: str) -> None:
        if len(self.hinted) < HINTS_MAX:
            self.hinted.add(listing)
        self.listed.set()

    def take_hints(self) -> tuple[str, ...]:
        hinted, self.hinted = tuple(sorted(self.hinted)), set()
        return hinted

    def hear(self, readings: Iterable[Reading], monotonic: float) -> None:
        """Every reading tells what time it is in the shop. Answers take a while, so what we make of it is a little late, never early."""
        if (at := max((reading.at for reading in readings), default=None)) is not None:
            self.heard = at, monotonic
