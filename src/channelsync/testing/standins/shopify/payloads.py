"""The bodies of the shop's webhooks, shaped like Shopify's own examples (the fields that matter to stock, none that name a person)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from channelsync.testing.standins.shopify.records import (
    InventoryItem,
    InventoryLevel,
    LineItem,
    Order,
    ProductVariant,
    Refund,
    RefundLineItem,
)

Json = dict[str, Any]


def stamp(moment: datetime | None) -> str | None:
    """REST style: with an offset, to the second."""
    return moment.isoformat(timespec="seconds") if moment else None


def level(record: InventoryLevel) -> Json:
    return {
        "inventory_item_id": record.item.number,
        "location_id": record.location.number,
        "available": record.available,
        "updated_at": stamp(record.updated_at),
        "admin_graphql_api_id": record.id,
    }


def item(record: InventoryItem) -> Json:
    return {
        "id": record.number,
        "sku": record.sku,
        "created_at": stamp(record.created_at),
        "updated_at": stamp(record.updated_at),
        "requires_shipping": record.requires_shipping,
        "cost": None,
        "tracked": record.tracked,
        "admin_graphql_api_id": record.id,
    }


def product(variant: ProductVariant) -> Json:
    return {
        "id": variant.product.number,
        "admin_graphql_api_id": variant.product.id,
        "title": variant.product.title,
        "status": variant.product.status.lower(),
        "updated_at": stamp(variant.updated_at),
        "variants": [
            {
                "id": variant.number,
                "admin_graphql_api_id": variant.id,
                "product_id": variant.product.number,
                "sku": variant.sku,
                "inventory_item_id": variant.inventory_item.number,
                "inventory_policy": variant.inventory_policy.lower(),
                "inventory_quantity": variant.inventory_quantity,
            }
        ],
    }


def order(record: Order) -> Json:
    return {
        "id": record.number,
        "admin_graphql_api_id": record.id,
        "name": record.name,
        "order_number": int(record.name.lstrip("#")),
        "test": record.test,
        "confirmed": record.confirmed,
        "created_at": stamp(record.created_at),
        "updated_at": stamp(record.updated_at),
        "processed_at": stamp(record.processed_at),
        "closed_at": stamp(record.closed_at),
        "cancelled_at": stamp(record.cancelled_at),
        "cancel_reason": record.cancel_reason.lower() if record.cancel_reason else None,
        "financial_status": record.display_financial_status.lower(),
        "fulfillment_status": {"UNFULFILLED": None, "PARTIALLY_FULFILLED": "partial"}.get(record.display_fulfillment_status, "fulfilled"),
        "location_id": record.retail_location.number if record.retail_location else None,
        "source_name": record.source_name,
        "note_attributes": [{"name": name, "value": value} for name, value in record.attributes.items()],
        "tags": "",
        "line_items": [line(each) for each in record.lines],
        "fulfillments": [],
        "refunds": [refund(each) for each in record.order_refunds],
        "returns": [],
        "line_item_groups": [],
    }


def line(record: LineItem) -> Json:
    return {
        "id": record.number,
        "admin_graphql_api_id": record.id,
        "sku": record.sku,
        "variant_id": record.variant.number if record.variant else None,
        "product_id": record.variant.product.number if record.variant else None,
        "product_exists": record.variant is not None,
        "name": record.name,
        "title": record.title,
        "quantity": record.quantity,
        "current_quantity": record.current_quantity,
        "fulfillable_quantity": record.unfulfilled_quantity,
        "fulfillment_service": "manual",
        "fulfillment_status": "fulfilled"
        if record.fulfilled and not record.unfulfilled_quantity
        else "partial"
        if record.fulfilled
        else None,
        "gift_card": record.is_gift_card,
        "requires_shipping": record.requires_shipping,
        "price": "10.00",
        "sales_line_item_group_id": None,
    }


def refund(record: Refund) -> Json:
    return {
        "id": record.number,
        "admin_graphql_api_id": record.id,
        "order_id": record.order.number,
        "created_at": stamp(record.created_at),
        "processed_at": stamp(record.processed_at),
        "note": record.note,
        "user_id": None,
        "restock": any(each.restocked for each in record.lines),
        "return": None,
        "refund_line_items": [_refund_line(each) for each in record.lines],
        "transactions": [],
        "order_adjustments": [],
        "refund_shipping_lines": [],
    }


def _refund_line(record: RefundLineItem) -> Json:
    return {
        "id": record.number,
        "quantity": record.quantity,
        "line_item_id": record.line_item.number,
        "location_id": record.location.number if record.location else None,
        "restock_type": record.restock_type.lower(),
        "subtotal": 10.0 * record.quantity,
        "total_tax": 0.0,
        "line_item": line(record.line_item),
    }


def fulfillment(record: Order, number: int, shipped: list[tuple[LineItem, int]], at: datetime) -> Json:
    return {
        "id": number,
        "admin_graphql_api_id": f"gid://shopify/Fulfillment/{number}",
        "order_id": record.number,
        "status": "success",
        "created_at": stamp(at),
        "updated_at": stamp(at),
        "service": "manual",
        "location_id": None,
        "name": f"{record.name}.1",
        "line_items": [{**line(each), "quantity": units} for each, units in shipped],
    }


def order_edit(record: Order, number: int, changed: LineItem, delta: int, at: datetime) -> Json:
    change = [{"id": changed.number, "delta": abs(delta)}]
    return {
        "order_edit": {
            "id": number,
            "app_id": None,
            "created_at": stamp(at),
            "committed_at": stamp(at),
            "notify_customer": False,
            "order_id": record.number,
            "staff_note": "",
            "user_id": None,
            "line_items": {"additions": change if delta > 0 else [], "removals": change if delta < 0 else []},
        }
    }
