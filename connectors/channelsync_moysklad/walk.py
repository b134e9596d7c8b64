"""Walks everything that changed since an instant, in order of change, over a list that changes meanwhile.

Pages by number skip rows when earlier ones move to the end, so each step asks again from the last row's own time (kept to the millisecond).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from channelsync.errors import Misunderstood
from channelsync_moysklad.api import EXPANDED_LIMIT, PAGES_MAX, Api
from channelsync_moysklad.shapes import Raw, from_msk, to_msk


@dataclass(frozen=True, slots=True)
class Chunk:
    """rows: those not handed out just before. mark: ask from here to go on; None: the end. at: the shop's clock."""

    rows: list[Raw]
    mark: datetime | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Walk:
    """One list, its filter and what it expands, which stay the same from page to page."""

    api: Api
    path: str
    filter: str = ""
    expand: str = ""
    limit: int = EXPANDED_LIMIT

    async def since(self, after: datetime | None) -> AsyncIterator[Chunk]:
        """Every row changed at `after` or later (None: all rows)."""
        given: set[tuple[str, str]] = set()
        offset = 0
        for _ in range(PAGES_MAX):
            rows, at = await self._page(after, offset)
            fresh = [row for row in rows if _version(row) not in given]
            if len(rows) < self.limit:
                yield Chunk(fresh, None, at)
                return
            last = max((moment for row in rows if (moment := changed_at(row))), default=None)
            if last is None or (after is not None and last < after):
                raise Misunderstood(f"{self.path} is not sorted by its time of change")
            yield Chunk(fresh, last, at)
            if after is None or last > after:
                after, offset, given = last, 0, {_version(row) for row in rows}
            else:
                offset, given = offset + len(rows), given | {_version(row) for row in rows}
        raise Misunderstood(f"{self.path} has more than {PAGES_MAX} pages of changes")

    async def _page(self, after: datetime | None, offset: int) -> tuple[list[Raw], datetime]:
        parts = [self.filter, f"updated>={to_msk(after)}" if after else ""]
        params = {"order": "updated,asc", "limit": str(self.limit), "filter": ";".join(filter(None, parts))}
        optional: Mapping[str, str] = {"expand": self.expand, "offset": str(offset) if offset else ""}
        answer = await self.api.get(self.path, {name: value for name, value in {**params, **optional}.items() if value})
        return answer.rows(), self.api.time_of(answer)


def _version(row: Raw) -> tuple[str, str]:
    return str(row.get("id")), str(row.get("updated"))


def changed_at(row: Raw) -> datetime | None:
    """None if the row does not say so in words we know: that row is set aside later, and must not stop the walk."""
    try:
        return from_msk(row.get("updated"), "updated")
    except Misunderstood:
        return None
