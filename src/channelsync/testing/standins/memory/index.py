"""The memory shop's list of orders: what a client sees when it asks for many. An order's change shows up here late, by the dial.

Times of change are cut to the second, as most shops do, so several orders share one.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Any

from channelsync.clock import Clock
from channelsync.testing.standins.memory.dials import Dials

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Version:
    """An order as the list shows it from `due` (monotonic) on."""

    due: float
    modified_at: datetime
    can_change: bool  # it still owes units, so it can still move stock
    row: Row


class OrderIndex:
    """Versions are frozen at the change: the list shows an old one until the next is due."""

    def __init__(self, clock: Clock, source: random.Random, dials: Dials) -> None:
        self._clock, self._random, self._dials = clock, source, dials
        self._versions: dict[str, list[Version]] = {}

    def put(self, ref: str, modified_at: datetime, row: Row, *, can_change: bool) -> None:
        lag = self._dials.visibility_lag * (self._random.random() if self._dials.lag_varies else 1.0)
        versions = self._versions.setdefault(ref, [])
        due = self._clock.monotonic() + lag
        versions.append(Version(max(due, versions[-1].due) if versions else due, modified_at, can_change, row))

    def forget(self, ref: str) -> None:
        self._versions.pop(ref, None)

    def page(self, *, since: datetime | None, only_open: bool, after: str) -> tuple[list[Row], str | None]:
        """The next rows by (modified_at, ref), and the mark of the last of them if more follow. `since` is a closed bound."""
        found = [
            (f"{version.modified_at.isoformat()}|{ref}", version.row)
            for ref, version in self._visible()
            if (version.can_change or not only_open) and (since is None or version.modified_at >= since)
        ]
        rest = sorted(((mark, row) for mark, row in found if mark > after), key=itemgetter(0))
        page = rest[: self._dials.page_size]
        return [row for _, row in page], page[-1][0] if len(rest) > len(page) else None

    def _visible(self) -> list[tuple[str, Version]]:
        """The newest due version of each order; older ones are forgotten here."""
        now = self._clock.monotonic()
        seen = []
        for ref, versions in self._versions.items():
            while len(versions) > 1 and versions[1].due <= now:
                versions.pop(0)
            if versions[0].due <= now:
                seen.append((ref, versions[0]))
        return seen
