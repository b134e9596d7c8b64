"""What the shop sells: products and their variations as Listings.

A run costs one request per 100 products and one per 100 variations of each variable product: there is no list of all variations.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

from channelsync.contract import Cursor, Listing, Page
from channelsync.errors import Misunderstood
from channelsync_woocommerce.answers import ShopRefused
from channelsync_woocommerce.api import PER_PAGE, Api
from channelsync_woocommerce.shapes import from_naive_utc, listing_ref, naive_utc, number_id, text
from channelsync_woocommerce.walk import Raw, Walk, changed_at

FIELDS = "id,name,sku,type,status,parent_id,manage_stock,stock_quantity,backorders_allowed,global_unique_id,date_modified_gmt"
UNCOUNTED = {"grouped": "a grouped product has no stock of its own", "external": "an external product is sold elsewhere"}
CONTAINERS = ("bundle", "composite", "mix-and-match")
RAW_MAX = 20_000
VARIATION_PAGES = 100


def listing(raw: Raw, parent: Raw | None = None) -> Listing:
    """One product, or one variation of `parent`. Raises Misunderstood."""
    number, kind, managed = number_id(raw), str(raw.get("type", "simple")), raw.get("manage_stock")
    own = listing_ref(number_id(parent), number) if parent else listing_ref(number)
    sells_on = raw.get("backorders_allowed")
    problem = UNCOUNTED.get(kind)
    if kind in CONTAINERS and managed is not True:
        problem = "a bundle without stock of its own: its parts are what is counted; link them instead"
    if parent is None and kind == "variable" and managed is not True:
        problem = "a variable product without stock of its own: its variations are what is sold"
    title = " - ".join(name for part in (parent, raw) if part and (name := text(part.get("name"))))
    return Listing(
        ref=own,
        sku=text(raw.get("sku")) or None,
        title=title,
        stock_ref=listing_ref(number_id(parent)) if parent and managed == "parent" else None,
        tracked=managed in (True, "parent") and problem is None,
        problem=problem,
        barcode=text(raw.get("global_unique_id")) or None,
        sells_below_zero=sells_on if managed is True and isinstance(sells_on, bool) else None,
    )


class Listings:
    """The listing stream of one shop. A product that changed brings all its variations: their stock may hang on its settings."""

    def __init__(self, api: Api, overlap_seconds: float) -> None:
        self._api, self._overlap = api, timedelta(seconds=overlap_seconds + 1)

    async def stream(self, cursor: Cursor) -> AsyncIterator[Page[Listing]]:
        """The mark is the newest change seen, or the shop's clock at the start of the first run; `resume` is "<mark to be>|<go on after>"."""
        mark, after = self._start(cursor)
        async for chunk in Walk(self._api, "/products", {"status": "any", "_fields": FIELDS}).since(after):
            newest = max((at for row in chunk.rows if (at := changed_at(row))), default=None)
            if mark is None:
                mark = chunk.at
            elif newest is not None and cursor.high_water:
                mark = max(mark, min(newest, chunk.at))
            items, refused = await self._with_variations(chunk.rows)
            if chunk.mark is None:
                yield Page(tuple(items), high_water=naive_utc(mark), refused=tuple(refused))
            else:
                yield Page(tuple(items), resume=f"{naive_utc(mark)}|{naive_utc(chunk.mark)}", refused=tuple(refused))

    def _start(self, cursor: Cursor) -> tuple[datetime | None, datetime | None]:
        if cursor.resume:
            mark, _, after = cursor.resume.partition("|")
            return from_naive_utc(mark), from_naive_utc(after)
        if cursor.high_water:
            mark_before = from_naive_utc(cursor.high_water)
            return mark_before, mark_before - self._overlap
        return None, None

    async def _with_variations(self, rows: list[Raw]) -> tuple[list[Listing], list[tuple[str, str, str]]]:
        items: list[Listing] = []
        refused: list[tuple[str, str, str]] = []
        for row in rows:
            family: list[tuple[Raw, Raw | None]] = [(row, None)]
            if row.get("type") == "variable" and isinstance(row.get("id"), int):
                family += [(child, row) for child in await self._variations(row["id"])]
            for member, parent in family:
                try:
                    items.append(listing(member, parent))
                except Misunderstood as error:
                    refused.append((str(member.get("id", "?")), str(error), json.dumps(member)[:RAW_MAX]))
        return items, refused

    async def _variations(self, parent: int) -> list[Raw]:
        """By page: what moves between pages meanwhile comes again with the parent's next change. A parent that is gone has none."""
        rows: list[dict[str, Any]] = []
        for page in range(1, VARIATION_PAGES + 1):
            params = {"per_page": str(PER_PAGE), "page": str(page), "orderby": "id", "order": "asc", "_fields": FIELDS}
            try:
                more = (await self._api.get(f"/products/{parent}/variations", params)).rows()
            except ShopRefused as error:
                if error.status == 404:
                    return rows
                raise
            rows += more
            if len(more) < PER_PAGE:
                return rows
        raise Misunderstood(f"product {parent} has more than {VARIATION_PAGES * PER_PAGE} variations")
