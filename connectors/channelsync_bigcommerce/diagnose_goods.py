"""What `doctor` finds about the catalogue and its numbers: not counted, counted without a number, one SKU twice, the store's own safety stock."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from channelsync.contract import Diagnosis, Listing, Setup, Severity
from channelsync_bigcommerce.api import Api
from channelsync_bigcommerce.inventory import read_rows
from channelsync_bigcommerce.listings import FIELDS, product_listings
from channelsync_bigcommerce.shapes import number_id

PAGES_MAX = 40  # 10,000 products are enough to see what is wrong
SHOWN = 5


@dataclass(slots=True)
class _Seen:
    skus: Counter[str] = field(default_factory=Counter)
    uncounted: list[str] = field(default_factory=list)
    numberless: list[str] = field(default_factory=list)
    buffered: list[str] = field(default_factory=list)


async def diagnose(api: Api, setup: Setup) -> list[Diagnosis]:
    seen = _Seen()
    params = {"include": "variants", "include_fields": FIELDS, "sort": "id", "direction": "asc"}
    pages = 0
    async for rows, _ in api.pages("/v3/catalog/products", params):
        found = await read_rows(api, "product_id", [number_id(row) for row in rows])
        safety = {ref for (ref, location), row in found.rows.items() if row.safety and _spoken_for(location, setup)}
        listings = [listing for row in rows for listing in product_listings(row, {}, ("1",))]
        numbers = {ref for ref, _ in found.rows}
        for listing in listings:
            _look(listing, numbers, safety, seen)
        pages += 1
        if pages == PAGES_MAX:
            break
    return _told(seen)


def _spoken_for(location: str, setup: Setup) -> bool:
    return not setup.locations or location in setup.locations


def _look(listing: Listing, numbers: set[str], safety: set[str], seen: _Seen) -> None:
    name = listing.sku or listing.ref
    if listing.sku:
        seen.skus[listing.sku] += 1
    if not listing.tracked:
        seen.uncounted.append(name)
    elif listing.ref not in numbers:
        seen.numberless.append(name)
    if listing.tracked and listing.stock_ref is None and listing.ref in safety:
        seen.buffered.append(name)


def _told(seen: _Seen) -> list[Diagnosis]:
    doubles = [sku for sku, times in seen.skus.items() if times > 1]
    kinds = (
        ("own-safety-stock", Severity.WARNING, seen.buffered, "items have a safety stock of the store's own: it is subtracted once more than here",
         "set it to 0 in the store and keep the safety stock here"),
        ("not-counted", Severity.NOTE, seen.uncounted, "items are not counted by the store (inventory tracking is off): they are never written",
         "switch tracking on for those that should be synchronised"),
        ("duplicate-sku", Severity.WARNING, doubles, "SKUs stand for more than one item",
         "give each its own SKU, or link the listings by hand"),
        ("no-number-yet", Severity.NOTE, seen.numberless, "items are counted and never had a number: they cannot be bought",
         "nothing to do: the first push gives them one"),
    )  # fmt: skip
    return [
        Diagnosis(code, severity, f"{len(names)} {what}: {', '.join(names[:SHOWN])}", remedy, names[0])
        for code, severity, names, what, remedy in kinds
        if names
    ]
