"""Captured REST answers of a real shop: each is understood, or raises an error that says what happens next."""

from __future__ import annotations

import json
from typing import Any

import pytest

from channelsync.contract import HttpResponse, OrderState
from channelsync.errors import Refused, Unauthorized
from channelsync_woocommerce.answers import Answer, understand
from channelsync_woocommerce.listings import listing
from channelsync_woocommerce.snapshot import snapshot
from support.woocommerce import shared


def capture(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(shared(f"channels/samples/woocommerce/rest/{name}.json").read_text(encoding="utf-8"))
    return found


def told(name: str) -> Answer:
    found = capture(name)
    headers = {key.lower(): value for key, value in found["headers"].items()}
    return understand(HttpResponse(found["status"], headers, json.dumps(found["body"]).encode()))


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("err_400_param", Refused),
        ("err_400_sku", Refused),
        ("err_401_key", Unauthorized),
        ("err_401_secret", Unauthorized),
        ("err_404", Refused),
        ("err_413_batch", Refused),
    ],
)
def test_captured_errors(name: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        told(name)


def test_a_captured_refund_with_restock_of_a_shipped_order() -> None:
    found = snapshot(told("order_refunded").object(), 60)
    (line,) = found.lines
    assert (line.shipped, line.restocked, line.channel_took, line.listing) == (2, 1, 1, "23")


def test_a_captured_page_of_orders() -> None:
    found = [snapshot(row, 60) for row in told("orders_modified_after").rows()]
    assert [(order.ref, order.state, order.lines[0].outstanding) for order in found] == [
        ("43", OrderState.OPEN, 1),
        ("46", OrderState.OPEN, 1),
    ]


def test_captured_listings() -> None:
    parent = told("product_variable").object()
    shared_stock = listing(told("variation_parent_managed").object(), {"id": 36, "name": "Scarf"})
    assert listing(told("product_simple").object()).tracked
    assert not listing(told("product_unmanaged").object()).tracked
    assert listing(parent).problem is not None
    assert listing(told("variation").object(), parent).ref == "32:33"
    assert (shared_stock.stock_ref, shared_stock.tracked, shared_stock.title) == ("36", True, "Scarf - Red")
