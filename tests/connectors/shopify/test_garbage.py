"""Whatever bytes come back, a verb ends with an answer or with one of the declared errors."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from channelsync.contract import Cursor, HttpResponse, ShelfRef, Switch
from channelsync.errors import ChannelError
from channelsync.testing.conformance.mutations import mutated
from channelsync_shopify.connector import Shopify
from support.shopify import LOCATION, a_call, page, replayed, run
from support.shopify_orders import line, order, refund, refund_line

COST = {
    "requestedQueryCost": 3,
    "actualQueryCost": 3,
    "throttleStatus": {"maximumAvailable": 2000, "currentlyAvailable": 1997, "restoreRate": 100},
}
ITEM = {
    "id": "gid://shopify/InventoryItem/1",
    "tracked": True,
    "inventoryLevel": {"isActive": True, "quantities": [{"name": "available", "quantity": 3}]},
}
GROUP = {
    "id": "gid://shopify/InventoryAdjustmentGroup/1",
    "changes": [{"name": "available", "quantityAfterChange": 3, "item": {"id": ITEM["id"]}, "location": {"id": LOCATION}}],
}
VARIANT = {"id": "gid://shopify/ProductVariant/1", "inventoryPolicy": "DENY", "product": {"id": "gid://shopify/Product/1"}}
SWITCHED = {
    "nodes": [{"id": ITEM["id"], "variants": page([VARIANT])}],
    "productVariantsBulkUpdate": {"productVariants": [{**VARIANT, "inventoryPolicy": "CONTINUE"}], "userErrors": []},
}
STALE = {"code": "CHANGE_FROM_QUANTITY_STALE", "field": ["input", "quantities", "0", "changeFromQuantity"], "message": "stale"}


async def _orders(shop: Shopify) -> None:
    async for _ in shop.orders(Cursor(high_water="2026-01-15T10:00:00+00:00")):
        pass


VERBS: list[tuple[Callable[[Shopify], Any], Any]] = [
    (_orders, {"data": {"orders": page([order(line(gone=1), refunds=(refund(refund_line(1, "CANCEL")),))])}}),
    (lambda shop: shop.order("gid://shopify/Order/1"), {"data": {"order": order()}}),
    (lambda shop: shop.stock([ShelfRef(str(ITEM["id"]), LOCATION)]), {"data": {"nodes": [ITEM]}}),
    (lambda shop: shop.push(a_call(1)), {"data": {"inventorySetQuantities": {"inventoryAdjustmentGroup": GROUP, "userErrors": []}}}),
    (lambda shop: shop.push(a_call(1)), {"data": {"inventorySetQuantities": {"inventoryAdjustmentGroup": None, "userErrors": [STALE]}}}),
    (lambda shop: shop.turn([Switch(str(ITEM["id"]), True)]), {"data": SWITCHED}),
    (lambda shop: shop.push(a_call(1)), {"errors": [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}]}),
]


@pytest.mark.parametrize("index", range(len(VERBS)))
def test_only_declared_errors_come_out(index: int) -> None:
    verb, good = VERBS[index]
    body = json.dumps({**good, "extensions": {"cost": COST}}).encode()
    for broken in mutated(body, 400, seed=index):
        answers = [HttpResponse(200, {}, broken) for _ in range(60)]
        shop, _ = replayed(*answers)
        try:
            run(verb(shop))
        except ChannelError:
            continue
        except Exception as error:
            raise AssertionError(f"{error!r} for {broken[:500]!r}") from error
