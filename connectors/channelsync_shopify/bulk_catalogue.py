"""The whole catalogue and all its numbers by bulk operation: what is to be read at once costs a few points instead of hundreds of thousands."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from typing import Any

from channelsync.contract import Listing, Page, Reading, ShelfRef
from channelsync.errors import Misunderstood
from channelsync_shopify import documents
from channelsync_shopify.answers import StockedItem
from channelsync_shopify.bulk import Bulk
from channelsync_shopify.reading import listings_of, shown
from channelsync_shopify.shapes import Malformed, shaped

ROWS_PER_PAGE = 500


@dataclass(frozen=True, slots=True)
class BulkRun:
    """A run over the file of a bulk operation. mark: the shop's clock when it began, ISO. row: how many rows are behind us.

    locations: those whose levels the file has.
    """

    bulk: str
    mark: str
    locations: Sequence[str]
    row: int = 0

    @classmethod
    def resumed(cls, token: str) -> BulkRun | None:
        """None: the token is not a bulk run's."""
        try:
            told = json.loads(token)
            return cls(**told) if isinstance(told, dict) and "bulk" in told else None
        except (ValueError, TypeError) as error:
            raise Misunderstood(f"this is no place to go on reading: {token[:80]!r}") from error

    def token(self) -> str:
        return json.dumps(asdict(self), separators=(",", ":"))


class BulkCatalogue:
    def __init__(self, bulk: Bulk) -> None:
        self._bulk = bulk

    async def begin(self, locations: Sequence[str]) -> BulkRun:
        """Raises NoFile."""
        begun = await self._bulk.begin(documents.bulk_listings(locations))
        return BulkRun(begun.ref, begun.at.isoformat(), tuple(locations))

    async def pages(self, run: BulkRun) -> AsyncIterator[Page[Listing]]:
        """All variants from `run` on. The first page is empty: a run that breaks off while it waits goes on with the same operation.

        Raises NoFile if the operation did not bring all of it; nothing was then said about the run's end.
        """
        if not run.row:
            yield Page((), resume=run.token())
        done = await self._bulk.wait(run.bulk)
        async with self._bulk.rows(done) as rows:
            following = islice(rows, run.row, None)
            while raws := list(islice(following, ROWS_PER_PAGE)):
                run = replace(run, row=run.row + len(raws))
                items, refused = listings_of(raws, run.locations)
                yield Page(items, resume=run.token(), refused=refused)
        yield Page((), high_water=run.mark)

    async def readings(self, shelves: Sequence[ShelfRef], default_location: str) -> list[Reading]:
        """What the shelves show, each at some moment after this call began; told with the shop's time when the last one had been read.

        Raises NoFile.
        """
        locations = sorted({shelf.location or default_location for shelf in shelves})
        wanted: dict[tuple[str, str], ShelfRef] = {(shelf.listing, shelf.location or default_location): shelf for shelf in shelves}
        begun = await self._bulk.begin(documents.bulk_stock(locations))
        done = await self._bulk.wait(begun.ref)
        found: list[Reading] = []
        async with self._bulk.rows(done) as rows:
            for ref, location, shows in _numbers(rows, locations):
                if (shelf := wanted.get((ref, location))) is not None:
                    found.append(Reading(shelf, shows, done.at))
        return found


def _numbers(rows: Iterator[dict[str, Any]], locations: Sequence[str]) -> Iterator[tuple[str, str, int | None]]:
    """Item, location, number. A row that does not fit says nothing, as if the shop did not know it."""
    for row in rows:
        for index, location in enumerate(locations):
            try:
                item = shaped(StockedItem, {**row, "inventoryLevel": row.get(f"at{index}")}, "an inventory item")
                yield item.id, location, shown(item)
            except Malformed:
                continue
