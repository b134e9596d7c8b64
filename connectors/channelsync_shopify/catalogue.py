"""The catalogue and its numbers: listings page by page, readings by batches. The listing is the inventory item; the variant is its alias."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from channelsync.contract import Cursor, Listing, Page, Reading, ShelfRef
from channelsync_shopify import documents
from channelsync_shopify.admin import Admin, Answer
from channelsync_shopify.answers import StockedItem, Variant
from channelsync_shopify.runs import Run, changed_since
from channelsync_shopify.shapes import Malformed, RawPage, shaped

RAW_MAX = 5_000
"""Characters kept of a variant that was not understood."""


class Catalogue:
    def __init__(self, admin: Admin, overlap: timedelta) -> None:
        self._admin, self._overlap = admin, overlap

    async def pages(self, cursor: Cursor, location: str) -> AsyncIterator[Page[Listing]]:
        """All variants, or those changed since; the mark is the shop's clock at the run's first answer."""
        run = self._start(cursor)
        while True:
            variables = {"first": documents.LISTINGS_PAGE, "after": run.after, "query": run.query or None, "location": location}
            page, at = await self._admin.read(documents.LISTINGS, variables, _understand_page)
            run = run if run.mark else run.seen(at)
            items, refused = _listings(page, location)
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
        return [Reading(shelf, _shown(by_ref[shelf.listing]), at) for shelf in shelves if shelf.listing in by_ref]


def _listings(page: RawPage, location: str) -> tuple[tuple[Listing, ...], tuple[tuple[str, str, str], ...]]:
    items: list[Listing] = []
    refused: list[tuple[str, str, str]] = []
    for raw in page.nodes:
        try:
            items.append(_listing(shaped(Variant, raw, "a variant"), location))
        except Malformed as error:
            refused.append((str(raw.get("id", "")), str(error), str(raw)[:RAW_MAX]))
    return tuple(items), tuple(refused)


def _listing(variant: Variant, location: str) -> Listing:
    item = variant.inventory_item
    stocked_here = item.inventory_level is not None and item.inventory_level.is_active
    return Listing(
        ref=item.id,
        sku=variant.sku or None,
        title=variant.display_name,
        aliases=(variant.id,),
        tracked=item.tracked,
        problem=_problem(variant, stocked_here, location),
        locations=(location,) if stocked_here else (),
        barcode=variant.barcode or None,
    )


def _problem(variant: Variant, stocked_here: bool, location: str) -> str | None:
    """Why it cannot be written, in words for people. A set where the item is not stocked would succeed and sell nothing."""
    if variant.product.is_gift_card:
        return "a gift card has no stock"
    if variant.requires_components:
        return "a bundle: Shopify derives its number from its components and refuses writes; link the components instead"
    if not stocked_here:
        return f"not stocked at {location}: activate the location for this item in Shopify's admin"
    return None


def _shown(item: StockedItem) -> int | None:
    """The available quantity; None where Shopify does not count it or does not sell from here. Negative numbers are real."""
    level = item.inventory_level
    if not item.tracked or level is None or not level.is_active:
        return None
    for quantity in level.quantities:
        if quantity.name == "available":
            return quantity.quantity
    raise Malformed(f"{item.id}: the answer has no available quantity")


def _understand_page(answer: Answer) -> tuple[RawPage, datetime]:
    return shaped(RawPage, answer.field("productVariants"), "the page of variants"), answer.at


def _understand_items(answer: Answer) -> tuple[list[StockedItem], datetime]:
    """An id that the shop does not know comes back as null, one that is no inventory item as an empty object."""
    nodes: Any = answer.field("nodes")
    if not isinstance(nodes, list):
        raise Malformed("nodes: not a list")
    return [shaped(StockedItem, node, "an inventory item") for node in nodes if node], answer.at
