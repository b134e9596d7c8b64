"""The catalogue and its numbers: listings page by page, readings by batches. The listing is the inventory item; the variant is its alias."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from channelsync.contract import Cursor, Listing, Page, Reading, ShelfRef
from channelsync_shopify import documents
from channelsync_shopify.admin import Admin, Answer
from channelsync_shopify.answers import StockedItem, VariantsCount
from channelsync_shopify.bulk import NoFile
from channelsync_shopify.bulk_catalogue import BulkCatalogue, BulkRun
from channelsync_shopify.reading import listings_of, shown
from channelsync_shopify.runs import Run, changed_since
from channelsync_shopify.shapes import Malformed, RawPage, shaped


class Catalogue:
    """bulk: how very many are read at once, from `bulk_from` on; None: this door cannot download files."""

    def __init__(self, admin: Admin, overlap: timedelta, bulk: BulkCatalogue | None, bulk_from: int) -> None:
        self._admin, self._overlap, self._bulk, self._bulk_from = admin, overlap, bulk, bulk_from

    async def pages(self, cursor: Cursor, locations: Sequence[str]) -> AsyncIterator[Page[Listing]]:
        """All variants, or those changed since; the mark is the shop's clock at the run's first answer."""
        if self._bulk is not None:
            try:
                if (run := await self._bulk_run(self._bulk, cursor, locations)) is not None:
                    async for page in self._bulk.pages(run):
                        yield page
                    return
            except NoFile:
                cursor = Cursor()
        async for page in self._paged(self._start(cursor), locations):
            yield page

    async def _bulk_run(self, bulk: BulkCatalogue, cursor: Cursor, locations: Sequence[str]) -> BulkRun | None:
        """Where a bulk run is or begins; None for what is read page by page: changes, and shops of which a few pages are all."""
        if cursor.resume:
            return BulkRun.resumed(cursor.resume)
        if cursor.high_water or await self._admin.read(documents.VARIANTS_COUNT, {"limit": self._bulk_from}, _count) < self._bulk_from:
            return None
        return await bulk.begin(locations)

    async def _paged(self, run: Run, locations: Sequence[str]) -> AsyncIterator[Page[Listing]]:
        document, size = documents.listings(locations), documents.listings_page(locations)
        while True:
            variables = {"first": size, "after": run.after, "query": run.query or None}
            page, at = await self._admin.read(document, variables, _understand_page)
            run = run if run.mark else run.seen(at)
            items, refused = listings_of(page.nodes, locations)
            if not page.page_info.has_next_page:
                yield Page(items, high_water=run.mark, refused=refused)
                return
            run = run.turned(page.page_info)
            yield Page(items, resume=run.token(), refused=refused)

    def _start(self, cursor: Cursor) -> Run:
        if cursor.resume:
            return Run.resumed(cursor.resume)
        return Run(changed_since(cursor.high_water, self._overlap) if cursor.high_water else "")

    async def readings(self, shelves: Sequence[ShelfRef], default_location: str) -> Sequence[Reading]:
        if self._bulk is not None and len(shelves) >= self._bulk_from:
            try:
                return await self._bulk.readings(shelves, default_location)
            except NoFile:
                pass  # batch by batch then: dearer and slower, and as good
        by_location: dict[str, list[ShelfRef]] = {}
        for shelf in shelves:
            by_location.setdefault(shelf.location or default_location, []).append(shelf)
        found: list[Reading] = []
        for location, wanted in by_location.items():
            for start in range(0, len(wanted), documents.READINGS_MAX):
                found.extend(await self._read(wanted[start : start + documents.READINGS_MAX], location))
        return found

    async def _read(self, shelves: Sequence[ShelfRef], location: str) -> list[Reading]:
        variables = {"ids": [shelf.listing for shelf in shelves], "location": location}
        items, at = await self._admin.read(documents.STOCK, variables, _understand_items)
        by_ref = {item.id: item for item in items}
        return [Reading(shelf, shown(by_ref[shelf.listing]), at) for shelf in shelves if shelf.listing in by_ref]


def _understand_page(answer: Answer) -> tuple[RawPage, datetime]:
    return shaped(RawPage, answer.field("productVariants"), "the page of variants"), answer.at


def _count(answer: Answer) -> int:
    return shaped(VariantsCount, answer.field("productVariantsCount"), "the number of variants").count


def _understand_items(answer: Answer) -> tuple[list[StockedItem], datetime]:
    """An id that the shop does not know comes back as null, one that is no inventory item as an empty object."""
    nodes: Any = answer.field("nodes")
    if not isinstance(nodes, list):
        raise Malformed("nodes: not a list")
    return [shaped(StockedItem, node, "an inventory item") for node in nodes if node], answer.at
