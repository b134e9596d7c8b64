"""Walks everything that changed since an instant, in order of change, over a set that changes meanwhile.

Pages by number skip rows when earlier rows move to the end, so each step asks again from the last row's second. `modified_after` is
strictly greater and has one-second resolution; only a second with more rows than a page holds is paged by number, inside a fixed window.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from channelsync.errors import Misunderstood
from channelsync_woocommerce.api import PER_PAGE, Api
from channelsync_woocommerce.shapes import naive_utc, optional_time

Raw = dict[str, Any]
SECOND = timedelta(seconds=1)
PAGES_PER_SECOND = 100
PASSES = 5


@dataclass(frozen=True, slots=True)
class Chunk:
    """rows: those not handed out just before. mark: ask after this instant to go on (always later than the last one); None: the end."""

    rows: list[Raw]
    mark: datetime | None
    at: datetime  # the shop's clock


@dataclass(frozen=True, slots=True)
class Walk:
    """One list and its filters, which stay the same from page to page."""

    api: Api
    path: str
    params: Mapping[str, str]

    async def since(self, after: datetime | None) -> AsyncIterator[Chunk]:
        """Every row changed after `after` (None: all rows)."""
        given: set[tuple[str, str]] = set()
        while True:
            rows, at = await self._page(after=after, orderby="modified")
            fresh = [row for row in rows if _version(row) not in given]
            last = _last_change(rows)
            if len(rows) < PER_PAGE or last is None:
                yield Chunk(fresh, None, at)
                return
            if after is not None and last <= after:
                raise Misunderstood(
                    f"{self.path} is not sorted by modification date, or the shop ignores modified_after (WooCommerce before 5.8)"
                )
            mark, given = last - SECOND, {_version(row) for row in rows}
            if after is None or mark > after:
                yield Chunk(fresh, mark, at)
                after = mark
                continue
            yield Chunk(await self._one_second(last), last, at)
            after, given = last, set()

    async def _one_second(self, second: datetime) -> list[Raw]:
        """All rows of one second, by page. A row that leaves the window shifts the others, so passes repeat until one brings nothing."""
        found: dict[tuple[str, str], Raw] = {}
        for _ in range(PASSES):
            known = len(found)
            for page in range(1, PAGES_PER_SECOND + 1):
                rows, _at = await self._page(after=second - SECOND, before=second + SECOND, orderby="id", page=page)
                found |= {_version(row): row for row in rows}
                if len(rows) < PER_PAGE:
                    break
            if len(found) == known:
                return list(found.values())
        raise Misunderstood(f"{self.path} at {naive_utc(second)} keeps changing while it is read")

    async def _page(
        self, *, after: datetime | None, before: datetime | None = None, orderby: str, page: int = 1
    ) -> tuple[list[Raw], datetime]:
        params = {**self.params, "per_page": str(PER_PAGE), "orderby": orderby, "order": "asc", "dates_are_gmt": "true"}
        if after is not None:
            params["modified_after"] = naive_utc(after)
        if before is not None:
            params["modified_before"] = naive_utc(before)
        if page > 1:
            params["page"] = str(page)
        answer = await self.api.get(self.path, params)
        return answer.rows(), self.api.time_of(answer)


def _version(row: Raw) -> tuple[str, str]:
    return str(row.get("id")), str(row.get("date_modified_gmt"))


def _last_change(rows: list[Raw]) -> datetime | None:
    return max((at for row in rows if (at := changed_at(row))), default=None)


def changed_at(row: Raw) -> datetime | None:
    """None if the row does not say so in words we know: that row is set aside later, and must not stop the walk."""
    try:
        return optional_time(row, "date_modified")
    except Misunderstood:
        return None
