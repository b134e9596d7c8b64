"""Which alerts there are, how grave each kind is, and who hears of it, as the config says. Pure; opening them is in `alerting`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from fnmatch import fnmatchcase
from math import ceil


class Kind(StrEnum):
    LOW = "low-stock"
    OUT = "out-of-stock"
    OVERSELL = "oversell"
    SHORTAGE = "shortage"
    UNMAPPED = "unmapped-sale"
    DRIFT = "drift"
    FOREIGN = "foreign-writer"
    GUARD = "guard"
    CREDENTIALS = "credentials"
    PLACE = "unmapped-place"
    DOWN = "channel-down"
    UNSENT = "unsent"
    REFUSED_HIGH = "refused-high"
    REFUSED = "refused"
    UNTOLD = "untold-sale"
    UNREAD = "unread-number"
    DELIVERY = "unread-delivery"
    VANISHED = "listings-vanished"
    STALE = "stale-numbers"
    RETURN = "return-waiting"


class Severity(StrEnum):
    """From the lightest to the gravest."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


RANK = {severity: rank for rank, severity in enumerate(Severity)}
GRAVE = frozenset({Kind.OVERSELL, Kind.CREDENTIALS, Kind.GUARD, Kind.DOWN, Kind.REFUSED_HIGH, Kind.FOREIGN})
LIGHT = frozenset({Kind.LOW})
MOMENTS = frozenset({Kind.SHORTAGE})
"""What has happened and has no end: it is told, and over."""

INVENTORY = frozenset({Kind.LOW, Kind.OUT, Kind.OVERSELL, Kind.SHORTAGE, Kind.RETURN})
EVENTS = {kind: f"inventory.{kind}" if kind in INVENTORY else f"channel.{kind}" for kind in Kind}
"""The event feed's name of each kind; its end has `.resolved` behind it."""

SUMMARY = "summary"


def severity_of(kind: Kind) -> Severity:
    return Severity.CRITICAL if kind in GRAVE else Severity.INFO if kind in LIGHT else Severity.WARNING


@dataclass(frozen=True, slots=True)
class Route:
    """Empty kinds, locations: any. severity: this one and graver. resolved: tell the end, too. max_per_hour: per target; more are summed up."""

    name: str
    to: tuple[str, ...]
    kinds: tuple[str, ...] = ()
    severity: Severity = Severity.INFO
    locations: tuple[str, ...] = ()
    resolved: bool = False
    max_per_hour: int = 30

    def takes(self, kind: Kind, locations: Sequence[str]) -> bool:
        """locations: those that the alert is about; a route for some of them takes nothing that is about none."""
        if self.kinds and kind not in self.kinds:
            return False
        here = not self.locations or not set(self.locations).isdisjoint(locations)
        return here and RANK[severity_of(kind)] >= RANK[self.severity]


@dataclass(frozen=True, slots=True)
class Feed:
    """One receiver of events. events: names, also with * at their end."""

    name: str
    events: tuple[str, ...] = ("*",)

    def takes(self, event: str) -> bool:
        return any(fnmatchcase(event, pattern) for pattern in self.events)


@dataclass(frozen=True, slots=True)
class Rules:
    """What the config says. low: the level of a SKU without one of its own; low_at: the same at single locations, which are watched for it.

    down_after: by channel, how long no look at its orders may be complete. unsent_after: how old an unsent change may be; live: where it counts.
    inspect_after: how long what has come back may wait for an inspection.
    """

    low: int = 5
    low_at: tuple[tuple[str, int], ...] = ()
    margin_share: float = 0.2
    margin_least: int = 1
    routes: tuple[Route, ...] = ()
    feeds: tuple[Feed, ...] = ()
    down_after: tuple[tuple[int, timedelta], ...] = ()
    unsent_after: timedelta = timedelta(minutes=30)
    live: tuple[int, ...] = ()
    inspect_after: timedelta = timedelta(hours=24)

    def margin(self, level: int) -> int:
        """How far above its level a number must rise and still not count as recovered."""
        return max(self.margin_least, ceil(self.margin_share * level))

    def targets(self) -> set[str]:
        return {feed.name for feed in self.feeds} | {name for route in self.routes for name in route.to}

    def receivers(self, kind: Kind, locations: Sequence[str], *, resolved: bool) -> Iterator[tuple[str, Route | None]]:
        """(target, route), each target once; feeds have no route."""
        seen: set[str] = set()
        for route in self.routes:
            if route.takes(kind, locations) and (route.resolved or not resolved):
                for name in route.to:
                    if name not in seen:
                        seen.add(name)
                        yield name, route
        event = EVENTS[kind] + (".resolved" if resolved else "")
        for feed in self.feeds:
            if feed.takes(event):
                yield feed.name, None
