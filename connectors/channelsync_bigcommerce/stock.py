"""What shelves show now: `available_to_sell`, never the catalogue's inventory_level. Two requests for each 200 products or variants."""

from __future__ import annotations

from collections.abc import Sequence

from channelsync.contract import Reading, ShelfRef
from channelsync_bigcommerce.api import Api
from channelsync_bigcommerce.inventory import Stock, read_rows, tracking_of
from channelsync_bigcommerce.shapes import split_ref

COUNTED_BY = {"product_id": "product", "variant_id": "variant"}


async def read_stock(api: Api, shelves: Sequence[ShelfRef]) -> list[Reading]:
    """An item that the store does not know is absent. One that it does not count under this ref reads None."""
    by_kind: dict[str, dict[int, list[ShelfRef]]] = {}
    for shelf in shelves:
        named = split_ref(shelf.listing)
        if named:
            by_kind.setdefault(named[0], {}).setdefault(named[1], []).append(shelf)
    readings: list[Reading] = []
    for kind, wanted in by_kind.items():
        found = (await read_rows(api, kind, list(wanted))).understood()
        products = set(found.products.values()) | (set(wanted) if kind == "product_id" else set())
        tracking = await tracking_of(api, sorted(products))
        for shelf in (shelf for some in wanted.values() for shelf in some):
            readings += _reading(shelf, found, tracking)
    return readings


def _reading(shelf: ShelfRef, found: Stock, tracking: dict[int, str]) -> list[Reading]:
    """An item that is counted and has no row at a location has never had a number there: nobody can buy it, so it shows 0."""
    named = split_ref(shelf.listing)
    assert named is not None
    kind, number = named
    product = number if kind == "product_id" else found.products.get(shelf.listing, 0)
    mode = tracking.get(product)
    if mode is None:
        return []
    if mode != COUNTED_BY[kind]:
        return [Reading(shelf, None, found.at)]
    row = found.rows.get((shelf.listing, shelf.location))
    return [Reading(shelf, row.available if row else 0, found.at)]
