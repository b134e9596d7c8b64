"""The stock rows of the Inventory API: which item shows how much at which location, and the store's own safety stock there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from channelsync.errors import Misunderstood
from channelsync_bigcommerce.api import Api
from channelsync_bigcommerce.shapes import inner, number_id, objects, product_ref, shown, units, variant_ref

ROWS_PER_PAGE = 1000
IDS_PER_CALL = 200  # they travel in the address


@dataclass(frozen=True, slots=True)
class StockRow:
    """available: on hand less the store's own safety stock; what customers can buy."""

    available: int
    safety: int


@dataclass(frozen=True, slots=True)
class Stock:
    """rows: by (ref, location), each under its product's and its variant's ref. products: of every item that the store knows.

    at: the store's clock at the first answer. odd: why a product's rows are not understood, by its id; it has none then.
    """

    rows: Mapping[tuple[str, str], StockRow]
    products: Mapping[str, int]
    at: datetime
    odd: Mapping[int, str] = field(default_factory=dict)

    def understood(self) -> Stock:
        """Raises Misunderstood if any row is not."""
        if self.odd:
            raise Misunderstood("; ".join(f"product {product}: {why}" for product, why in self.odd.items())[:300])
        return self


async def read_rows(api: Api, kind: str, numbers: Sequence[int]) -> Stock:
    """kind: product_id or variant_id. Any length; one request for each 200 ids and 1000 rows."""
    rows: dict[tuple[str, str], StockRow] = {}
    products: dict[str, int] = {}
    odd: dict[int, str] = {}
    at: datetime | None = None
    for start in range(0, len(numbers), IDS_PER_CALL):
        some = ",".join(map(str, numbers[start : start + IDS_PER_CALL]))
        async for page, heard in api.pages("/v3/inventory/items", {f"{kind}:in": some}, limit=ROWS_PER_PAGE):
            at = heard if at is None else min(at, heard)
            for raw in page:
                product = number_id(inner(raw, "identity"), "product_id")
                try:
                    add_row(raw, rows, products)
                except Misunderstood as error:
                    odd[product] = str(error)
    return Stock(rows, products, at or api.clock.now(), odd)


def add_row(raw: dict[str, Any], rows: dict[tuple[str, str], StockRow], products: dict[str, int]) -> None:
    identity = inner(raw, "identity")
    product, variant = number_id(identity, "product_id"), number_id(identity, "variant_id", missing=0)
    refs = [product_ref(product), *([variant_ref(variant)] if variant else [])]
    products.update(dict.fromkeys(refs, product))
    for place in objects(raw, "locations"):
        row = StockRow(shown(place, "available_to_sell"), units(inner(place, "settings"), "safety_stock"))
        for ref in refs:
            rows.setdefault((ref, str(number_id(place, "location_id"))), row)


async def tracking_of(api: Api, products: Sequence[int]) -> dict[int, str]:
    """none, product or variant, of each product that exists."""
    found: dict[int, str] = {}
    for start in range(0, len(products), IDS_PER_CALL):
        some = products[start : start + IDS_PER_CALL]
        params = {"id:in": ",".join(map(str, some)), "include_fields": "inventory_tracking"}
        async for page, _ in api.pages("/v3/catalog/products", params):
            found |= {number_id(raw): str(raw.get("inventory_tracking")) for raw in page}
    return found
