"""What the store sells, as Listings. A run costs two requests per 250 products, or a few more where they have many variants.

Whose number a listing shows follows from its product's tracking mode: the product's (its variants then show the product's), the variant's, or
nobody's.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from channelsync.contract import Cursor, Listing, Page
from channelsync.errors import Misunderstood
from channelsync_bigcommerce.api import PER_PAGE, Api
from channelsync_bigcommerce.inventory import read_rows
from channelsync_bigcommerce.settings import Settings
from channelsync_bigcommerce.shapes import from_iso, iso, number_id, objects, product_ref, text, variant_ref

Raw = dict[str, Any]
FIELDS = "name,sku,inventory_tracking,base_variant_id"
RAW_MAX = 20_000
Places = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class _Run:
    """began: the store's clock at the first answer. floor: only what changed since; None: everything. after: the last product's id."""

    floor: datetime | None
    began: datetime | None = None
    after: int = 0


class Listings:
    """The listing stream of one store."""

    def __init__(self, api: Api, settings: Settings) -> None:
        self._api = api
        self._overlap = timedelta(seconds=settings.overlap_seconds + 1)
        self._default = (settings.default_location,)

    async def stream(self, cursor: Cursor) -> AsyncIterator[Page[Listing]]:
        run = self._start(cursor)
        began, after = run.began, run.after
        while True:
            params = {"id:greater": str(after), "sort": "id", "direction": "asc", "limit": str(PER_PAGE), "include": "variants"}
            params |= {"include_fields": FIELDS} | ({"date_modified:min": iso(run.floor)} if run.floor else {})
            answer = await self._api.get("/v3/catalog/products", params)
            rows = answer.data_rows()
            began = began or self._api.time_of(answer)
            items, refused = await self._listings(rows)
            if len(rows) < PER_PAGE:
                yield Page(items, high_water=iso(began), refused=refused)
                return
            last = max(number_id(row) for row in rows)
            if last <= after:
                raise Misunderstood("the catalogue is not sorted by id, or the store ignores id:greater")
            after = last
            yield Page(items, resume=_encode(_Run(run.floor, began, after)), refused=refused)

    def _start(self, cursor: Cursor) -> _Run:
        if cursor.resume:
            return _decode(cursor.resume)
        return _Run(from_iso(cursor.high_water) - self._overlap if cursor.high_water else None)

    async def _listings(self, rows: list[Raw]) -> tuple[tuple[Listing, ...], tuple[tuple[str, str, str], ...]]:
        numbers = [row["id"] for row in rows if isinstance(row.get("id"), int)]
        found = await read_rows(self._api, "product_id", numbers)
        places: dict[str, tuple[str, ...]] = {}
        for ref, location in found.rows:
            places[ref] = (*places.get(ref, ()), location)
        items: list[Listing] = []
        refused: list[tuple[str, str, str]] = []
        for row in rows:
            try:
                if odd := found.odd.get(row["id"] if isinstance(row.get("id"), int) else 0):
                    raise Misunderstood(odd)
                items += product_listings(row, places, self._default)
            except Misunderstood as error:
                refused.append((str(row.get("id", "?")), str(error), json.dumps(row)[:RAW_MAX]))
        return tuple(items), tuple(refused)


def product_listings(raw: Raw, places: Places, default: tuple[str, ...]) -> list[Listing]:
    """A product without options is one listing, one with options has a listing per variant. places: the locations of refs that have rows."""
    number, tracking, variants = number_id(raw), str(raw.get("inventory_tracking")), objects(raw, "variants")
    whole = product_ref(number)
    base = number_id(raw, "base_variant_id", missing=0)
    simple = bool(base) and tracking != "variant"
    items: list[Listing] = []
    if simple or tracking == "product":
        own = next((variant for variant in variants if variant.get("id") == base), {})
        items.append(
            Listing(
                ref=whole,
                sku=text(raw.get("sku")) or text(own.get("sku")) or None,
                title=text(raw.get("name")),
                aliases=(variant_ref(base),) if base else (),
                tracked=tracking == "product",
                locations=_sorted(places.get(whole), default),
                barcode=_barcode(own),
            )
        )
    if not simple:
        items += [_variant(variant, raw, tracking, places, default) for variant in variants]
    return items


def _variant(raw: Raw, product: Raw, tracking: str, places: Places, default: tuple[str, ...]) -> Listing:
    ref, whole = variant_ref(number_id(raw)), product_ref(number_id(product))
    keeper = whole if tracking == "product" else None
    labels = [text(option.get("label")) for option in objects(raw, "option_values")]
    return Listing(
        ref=ref,
        sku=text(raw.get("sku")) or None,
        title=" - ".join(part for part in (text(product.get("name")), *labels) if part),
        stock_ref=keeper,
        tracked=tracking in ("product", "variant"),
        locations=_sorted(places.get(keeper or ref), default),
        barcode=_barcode(raw),
    )


def _sorted(found: tuple[str, ...] | None, default: tuple[str, ...]) -> tuple[str, ...]:
    """The storefront's own location first. An item that never had a number anywhere will get its first one there."""
    places = sorted(set(found or default), key=int)
    return tuple(sorted(places, key=lambda place: place not in default))


def _barcode(raw: Raw) -> str | None:
    return text(raw.get("gtin")) or text(raw.get("upc")) or None


def _encode(run: _Run) -> str:
    assert run.began is not None
    return json.dumps({"floor": iso(run.floor) if run.floor else None, "began": iso(run.began), "after": run.after})


def _decode(mark: str) -> _Run:
    try:
        raw = json.loads(mark)
        return _Run(from_iso(raw["floor"]) if raw["floor"] else None, from_iso(raw["began"]), int(raw["after"]))
    except (ValueError, KeyError, TypeError):
        raise Misunderstood(f"this is no cursor of BigCommerce listings: {mark[:80]!r}") from None
