"""Walks the orders that changed within a window, in order of change, over a set that changes meanwhile.

The window's end is frozen, so a row that changes leaves it and is found by the next run. Each step asks again from the last row's second
instead of paging deep. Whether the bounds include the second they name is not documented, so both are right: steps overlap by a second.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from channelsync.errors import Misunderstood
from channelsync_bigcommerce.api import PER_PAGE, Api
from channelsync_bigcommerce.shapes import iso, time_field

Raw = dict[str, Any]
SECOND = timedelta(seconds=1)
PAGES_PER_SECOND = 100
PASSES = 5


@dataclass(frozen=True, slots=True)
class Chunk:
    """rows: those not handed out just before. mark: ask from this instant on to go on (always later than the last one); None: the end."""

    rows: list[Raw]
    mark: datetime | None


@dataclass(frozen=True, slots=True)
class Walk:
    """One filtered list, up to `until`."""

    api: Api
    params: Mapping[str, str]
    until: datetime

    async def since(self, after: datetime | None) -> AsyncIterator[Chunk]:
        """Every row changed from `after` on (None: all rows)."""
        given: set[tuple[str, str]] = set()
        while True:
            rows = await self._page(after, self.until)
            fresh = [row for row in rows if _version(row) not in given]
            last = max((at for row in rows if (at := changed_at(row))), default=None)
            if len(rows) < PER_PAGE:
                yield Chunk(fresh, None)
                return
            if last is None or (after is not None and last < after):
                raise Misunderstood("the order list is not sorted by date_modified, or the store ignores min_date_modified")
            mark, given = last - SECOND, {_version(row) for row in rows}
            if after is not None and mark <= after:
                mark, fresh = last + SECOND, await self._one_second(last)
            yield Chunk(fresh, mark)
            after = mark

    async def _one_second(self, second: datetime) -> list[Raw]:
        """All rows of one second and its neighbours, by page. A row that leaves shifts the others, so passes repeat until one brings nothing."""
        found: dict[tuple[str, str], Raw] = {}
        for _ in range(PASSES):
            known = len(found)
            for page in range(1, PAGES_PER_SECOND + 1):
                rows = await self._page(second - SECOND, min(self.until, second + 2 * SECOND), page)
                found |= {_version(row): row for row in rows}
                if len(rows) < PER_PAGE:
                    break
            if len(found) == known:
                return list(found.values())
        raise Misunderstood(f"the orders at {iso(second)} keep changing while they are read")

    async def _page(self, after: datetime | None, until: datetime, page: int = 1) -> list[Raw]:
        params = {**self.params, "max_date_modified": iso(until), "sort": "date_modified:asc", "limit": str(PER_PAGE), "page": str(page)}
        if after is not None:
            params["min_date_modified"] = iso(after)
        return (await self.api.get("/v2/orders", params)).rows()


def _version(row: Raw) -> tuple[str, str]:
    return str(row.get("id")), str(row.get("date_modified"))


def changed_at(row: Raw) -> datetime | None:
    """None if the row does not say so in words we know: that row is set aside later, and must not stop the walk."""
    try:
        return time_field(row, "date_modified")
    except Misunderstood:
        return None
