"""What physically lies in the selected stores, and what is reserved there by anybody: for a Moysklad that owns the stock.

The reserve is read before the stock, so that a shipment between the two makes too little, never too much. A reserve may change without the
stock, and `changedSince` is not known to tell: the cursor keeps a digest of all reserves, and goods whose digest moved are asked for by name.
"""

from __future__ import annotations

import json
import math
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zlib import crc32

from channelsync.contract import Cursor, Page, Physical, ShelfRef
from channelsync.errors import Misunderstood
from channelsync_moysklad.api import Api, chunks
from channelsync_moysklad.orders import instant
from channelsync_moysklad.shapes import UUID, counted, to_msk
from channelsync_moysklad.stock import Odd, Rows, filtered, report

FULL_AFTER = timedelta(hours=23)  # `changedSince` reaches back 24
BUCKETS = 256
NAMED_MAX = 200  # more goods than this are cheaper to read all at once
PAGE = 1000
AGAIN = "again"  # the whole run: it is two or three requests


@dataclass(frozen=True, slots=True)
class _Mark:
    """at: the shop's clock at the start of the last run. full: and of the last full one. reserves: the digest of each bucket then."""

    at: datetime
    full: datetime
    reserves: tuple[int, ...]

    def encode(self) -> str:
        digests = "".join(f"{digest:08x}" for digest in self.reserves)
        return json.dumps({"at": self.at.isoformat(), "full": self.full.isoformat(), "reserves": digests}, separators=(",", ":"))

    @staticmethod
    def decode(mark: str) -> _Mark:
        try:
            raw = json.loads(mark)
            digests = tuple(int(raw["reserves"][start : start + 8], 16) for start in range(0, 8 * BUCKETS, 8))
            return _Mark(instant(raw["at"]), instant(raw["full"]), digests)
        except (ValueError, KeyError, TypeError):
            raise Misunderstood(f"this is no cursor of Moysklad stock: {mark[:80]!r}") from None


class PhysicalStock:
    """The stock of one account's selected stores."""

    def __init__(self, api: Api) -> None:
        self._api, self._stores = api, tuple(api.settings.stores)
        self._overlap = timedelta(minutes=api.settings.overlap_minutes)

    async def stream(self, cursor: Cursor, *, full: bool) -> AsyncIterator[Page[Physical]]:
        last = _Mark.decode(cursor.high_water) if cursor.high_water else None
        odd: Odd = {}
        raw_reserves, now = await report(self._api, "reserve", {}, odd)
        reserves, digests = self._placed(raw_reserves), _digests(raw_reserves)
        whole = full or last is None or not timedelta(0) <= now - last.full < FULL_AFTER or now < last.at
        if whole or last is None:
            stock, _ = await report(self._api, "stock", filtered(stores=self._stores), odd)
            mark = _Mark(now, now, digests)
        else:
            stock = await self._changed(last, raw_reserves, digests, odd)
            mark = _Mark(now, last.full, digests)
        rows = [row for row in self._physical(stock, reserves) if row.listing not in odd]
        while len(rows) > PAGE:
            page, rows = rows[:PAGE], rows[PAGE:]
            yield Page(tuple(page), resume=AGAIN)
        refused = tuple((good, reason, raw) for good, (reason, raw) in odd.items())
        yield Page(tuple(rows), high_water=mark.encode(), refused=refused)

    async def named(self, shelves: Sequence[ShelfRef]) -> list[Physical]:
        wanted = {(shelf.listing, shelf.location) for shelf in shelves if UUID.fullmatch(shelf.listing) and shelf.location in self._stores}
        found: list[Physical] = []
        for some in chunks(sorted({listing for listing, _ in wanted})):
            odd: Odd = {}
            reserves, _ = await report(self._api, "reserve", filtered(some), odd)
            stock, _ = await report(self._api, "stock", filtered(some, self._stores), odd)
            told = [row for row in self._physical(stock, self._placed(reserves)) if row.listing not in odd]
            found += [row for row in told if (row.listing, row.location) in wanted]
        return found

    async def _changed(self, last: _Mark, reserves: Rows, digests: tuple[int, ...], odd: Odd) -> Rows:
        """Goods whose stock changed, and those whose reserve may have."""
        since = {"changedSince": to_msk(last.at - self._overlap)[:19], **filtered(stores=self._stores)}
        stock, _ = await report(self._api, "stock", since, odd)
        moved = {bucket for bucket in range(BUCKETS) if digests[bucket] != last.reserves[bucket]}
        goods = sorted({good for good, _ in reserves if _bucket(good) in moved})
        if len(goods) > NAMED_MAX:
            stock, _ = await report(self._api, "stock", filtered(stores=self._stores), odd)
            return stock
        for some in chunks(goods):
            stock |= (await report(self._api, "stock", filtered(some, self._stores), odd))[0]
        return stock

    def _placed(self, reserves: Rows) -> Rows:
        """Per selected store. What orders reserve in no store may be shipped from any: it counts at the first one."""
        found: Rows = {}
        for (good, store), value in reserves.items():
            if store is None or store in self._stores:
                place = (good, store or self._stores[0])
                known = found.get(place, 0.0)
                found[place] = None if value is None or known is None else known + value
        return found

    def _physical(self, stock: Rows, reserves: Rows) -> Iterable[Physical]:
        for (good, store), value in stock.items():
            if store not in self._stores:
                continue
            units, read_as = (None, "") if value is None else counted(value)
            reserve = reserves.get((good, store))
            yield Physical(good, store, units, None if reserve is None else max(0, math.ceil(reserve)), read_as)


def _bucket(good: str) -> int:
    return crc32(good.encode()) % BUCKETS


def _digests(reserves: Rows) -> tuple[int, ...]:
    """Zeros and goods that were never moved look the same: nothing is reserved."""
    texts: list[list[str]] = [[] for _ in range(BUCKETS)]
    for (good, store), value in reserves.items():
        if value != 0:
            texts[_bucket(good)].append(f"{good}|{store}|{value}")
    return tuple(crc32(";".join(sorted(bucket)).encode()) for bucket in texts)
