"""The lines of an order: out of its consignments, or by a request of their own where the answer only points to them."""

from __future__ import annotations

import re
from typing import Any

from channelsync.errors import Misunderstood
from channelsync_bigcommerce.answers import StoreRefused
from channelsync_bigcommerce.api import PER_PAGE, Api
from channelsync_bigcommerce.shapes import inner, number_id, objects, units
from channelsync_bigcommerce.snapshot import RawLine

Raw = dict[str, Any]
KINDS = ("pickups", "shipping", "downloads")
POINTER = re.compile(r"/orders/\d+/products/(\d+)")
PAGES_MAX = 100


async def lines_of(api: Api, order: Raw) -> list[RawLine]:
    """Each line once, with the location of a pickup. Asked for where the order counts more than it shows. Raises Misunderstood."""
    told = _told(order)
    places = {number: location for number, _, location in told if location}
    rows = [row for _, row, _ in told]
    if any("quantity" not in row for row in rows) or sum(units(row, "quantity") for row in rows) < units(order, "items_total"):
        rows = await _asked(api, number_id(order))
    lines = {number_id(row): row for row in rows}
    return [RawLine(row, places.get(number)) for number, row in lines.items()]


def _told(order: Raw) -> list[tuple[int, Raw, str | None]]:
    """(line id, row, pickup location) of every line item in the consignments."""
    found: list[tuple[int, Raw, str | None]] = []
    consignments = inner(order, "consignments")
    for kind in KINDS:
        for consignment in objects(consignments, kind):
            place = number_id(inner(consignment, "location"), missing=0) if kind == "pickups" else 0
            found += [(_number(row), row, str(place) if place else None) for row in objects(consignment, "line_items")]
    return found


def _number(row: Raw) -> int:
    """The id of a whole row, or of a pointer to one."""
    if "id" in row:
        return number_id(row)
    pointer = POINTER.search(str(row.get("resource", "")))
    if pointer is None:
        raise Misunderstood(f"a line item has no id: {str(row)[:80]}")
    return int(pointer[1])


async def _asked(api: Api, order: int) -> list[Raw]:
    rows: list[Raw] = []
    for page in range(1, PAGES_MAX + 1):
        try:
            more = (await api.get(f"/v2/orders/{order}/products", {"limit": str(PER_PAGE), "page": str(page)})).rows()
        except StoreRefused as error:
            raise Misunderstood(f"the lines of order {order} cannot be read: {error}") from None
        rows += more
        if len(more) < PER_PAGE:
            return rows
    raise Misunderstood(f"order {order} has more than {PAGES_MAX * PER_PAGE} lines")
