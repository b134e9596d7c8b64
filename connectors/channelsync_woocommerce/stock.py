"""What shelves show now. Costs one request per 100 products, and per parent one request for each 100 of its variations."""

from __future__ import annotations

from collections.abc import Sequence

from channelsync.contract import Reading, ShelfRef
from channelsync_woocommerce.answers import Answer, ShopRefused
from channelsync_woocommerce.api import PER_PAGE, Api
from channelsync_woocommerce.shapes import number_id, shown, split_ref

FIELDS = "id,manage_stock,stock_quantity"


async def read_stock(api: Api, shelves: Sequence[ShelfRef]) -> list[Reading]:
    """A shelf that the shop does not know, or has in the trash, is absent."""
    wanted: dict[int, dict[int, ShelfRef]] = {}
    for shelf in shelves:
        ids = split_ref(shelf.listing)
        if ids:
            wanted.setdefault(ids[0], {})[ids[1]] = shelf
    readings: list[Reading] = []
    for parent, by_id in wanted.items():
        numbers = list(by_id)
        for start in range(0, len(numbers), PER_PAGE):
            readings += await _read(api, parent, numbers[start : start + PER_PAGE], by_id)
    return readings


async def _read(api: Api, parent: int, numbers: list[int], by_id: dict[int, ShelfRef]) -> list[Reading]:
    params = {"include": ",".join(map(str, numbers)), "per_page": str(PER_PAGE), "status": "any", "_fields": FIELDS}
    try:
        answer = await api.get(f"/products/{parent}/variations" if parent else "/products", params)
    except ShopRefused as error:
        if error.status == 404 and parent:
            return []
        raise
    return _readings(api, answer, by_id)


def _readings(api: Api, answer: Answer, by_id: dict[int, ShelfRef]) -> list[Reading]:
    """A variation on its parent's stock shows the parent's figure. Unmanaged: None, never 0."""
    at = api.time_of(answer)
    readings = []
    for row in answer.rows():
        shelf = by_id.get(number_id(row))
        if shelf is not None:
            counted = row.get("manage_stock") in (True, "parent")
            readings.append(Reading(shelf, shown(row.get("stock_quantity")) if counted else None, at))
    return readings
