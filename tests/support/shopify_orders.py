"""Orders as the shop's GraphQL answers them, built field by field."""

from __future__ import annotations

from typing import Any

from support.shopify import page

CREATED, UPDATED = "2026-01-15T10:00:00Z", "2026-01-15T11:00:00Z"


def line(number: int = 1, quantity: int = 3, unfulfilled: int | None = None, gone: int = 0, **more: Any) -> dict[str, Any]:
    return {
        "id": f"gid://shopify/LineItem/{number}",
        "sku": f"SKU-{number}",
        "title": "Mug",
        "quantity": quantity,
        "unfulfilledQuantity": quantity - gone if unfulfilled is None else unfulfilled,
        "nonFulfillableQuantity": gone,
        "isGiftCard": False,
        "variant": {
            "id": f"gid://shopify/ProductVariant/{number}",
            "inventoryItem": {"id": f"gid://shopify/InventoryItem/{number}", "tracked": True},
        },
        **more,
    }


def refund_line(quantity: int, restock_type: str, number: int = 1) -> dict[str, Any]:
    ref = f"gid://shopify/LineItem/{number}"
    return {"quantity": quantity, "restockType": restock_type, "location": None, "lineItem": {"id": ref}}


def refund(*lines: dict[str, Any], number: int = 1, at: str | None = "2026-01-15T10:30:00Z", more: str | None = None) -> dict[str, Any]:
    return {"id": f"gid://shopify/Refund/{number}", "createdAt": at, "refundLineItems": page(lines, more)}


def order(
    *lines: dict[str, Any], refunds: tuple[dict[str, Any], ...] = (), number: int = 1, more: str | None = None, **changes: Any
) -> dict[str, Any]:
    return {
        "id": f"gid://shopify/Order/{number}",
        "name": f"#{1000 + number}",
        "createdAt": CREATED,
        "updatedAt": UPDATED,
        "cancelledAt": None,
        "confirmed": True,
        "edited": False,
        "test": False,
        "returnStatus": "NO_RETURN",
        "retailLocation": None,
        "customAttributes": [],
        "lineItems": page(lines or (line(),), more),
        "refunds": list(refunds),
        **changes,
    }
