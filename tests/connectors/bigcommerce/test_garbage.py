"""Broken rows raise Misunderstood and nothing else, so that one of them is set aside and its page lives."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from channelsync.errors import Misunderstood
from channelsync.testing.conformance.mutations import mutated
from channelsync_bigcommerce.inventory import add_row
from channelsync_bigcommerce.lines import _told
from channelsync_bigcommerce.listings import product_listings
from channelsync_bigcommerce.rules import Rules, _rules
from channelsync_bigcommerce.snapshot import Habits, RawLine, snapshot

HABITS = Habits(frozenset({11}), partial_shipment_lowers=True, default_location="1")
RULES = Rules(on_placed=True, edits=True, gives_back=True)
DATE = "Tue, 05 Mar 2019 21:40:11 +0000"
LINE = {
    "id": 1,
    "product_id": 5,
    "variant_id": 6,
    "sku": "A",
    "type": "physical",
    "quantity": 3,
    "quantity_shipped": 1,
    "quantity_refunded": 1,
}
ORDER = {
    "id": 7,
    "status_id": 11,
    "date_created": DATE,
    "date_modified": DATE,
    "date_shipped": "",
    "external_order_id": "r-1",
    "consignments": {"pickups": [{"location": {"id": 2}, "line_items": [LINE]}], "shipping": [{"line_items": [LINE]}], "downloads": []},
}
VARIANT = {"id": 6, "sku": "A", "gtin": "1", "option_values": [{"label": "Red"}]}
PRODUCT = {"id": 5, "name": "P", "sku": "A", "inventory_tracking": "variant", "base_variant_id": None, "variants": [VARIANT]}
PLACE = {"location_id": 1, "available_to_sell": 4, "settings": {"safety_stock": 1}}
STOCK = {"identity": {"sku": "A", "variant_id": 6, "product_id": 5}, "locations": [PLACE]}
SETTINGS = {"update_stock_behavior": "order_placed", "edit_order_stock_adjustment": True, "refund_order_stock_adjustment": None}


def order(raw: dict[str, Any]) -> None:
    lines = [RawLine(row, place) for _, row, place in _told(raw)]
    found = snapshot(raw, lines, RULES, HABITS)
    assert all(line.adds_up() for line in found.lines)


READERS: dict[str, tuple[dict[str, Any], Callable[[dict[str, Any]], object]]] = {
    "order": (ORDER, order),
    "product": (PRODUCT, lambda raw: product_listings(raw, {}, ("1",))),
    "stock": (STOCK, lambda raw: add_row(raw, {}, {})),
    "settings": (SETTINGS, lambda raw: _rules(raw, RULES)),
}


@pytest.mark.parametrize("name", READERS)
def test_broken_rows_raise_misunderstood_only(name: str) -> None:
    good, read = READERS[name]
    read(good)
    refused = 0
    for body in mutated(json.dumps(good).encode(), 1500, seed=len(name)):
        try:
            raw = json.loads(body)
        except (ValueError, RecursionError):
            continue
        if isinstance(raw, dict):
            try:
                read(raw)
            except Misunderstood:
                refused += 1
    assert refused > 20
