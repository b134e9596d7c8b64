"""How the store's things look as JSON: v2 orders and their lines, v3 catalogue rows, stock rows, refunds and hooks."""

from __future__ import annotations

from typing import Any

from channelsync.testing.standins.bigcommerce.query import rfc2822
from channelsync.testing.standins.bigcommerce.state import STATUSES, Hook, Line, Location, Order, Product, Raw, Refund, Row, State, Variant


def order_json(state: State, order: Order, *, lines: bool) -> Raw:
    """lines: with consignments and their line items, as `include=consignments.line_items&consignment_structure=object` answers."""
    shown: Raw = {
        "id": order.id,
        "customer_id": 11,
        "date_created": rfc2822(order.created),
        "date_modified": rfc2822(order.modified),
        "date_shipped": rfc2822(order.shipped_at) if order.shipped_at else "",
        "status_id": order.status,
        "status": STATUSES[order.status],
        "custom_status": STATUSES[order.status],
        "items_total": sum(line.quantity for line in order.lines),
        "items_shipped": sum(line.shipped for line in order.lines),
        "refunded_amount": "0.0000",
        "is_deleted": order.archived,
        "channel_id": order.channel_id,
        "order_source": "www",
        "external_source": None,
        "external_id": None,
        "external_order_id": order.external_order_id,
        "staff_notes": "",
        "products": {"resource": f"/orders/{order.id}/products"},
    }
    if lines:
        shown["consignments"] = _consignments(state, order)
    return shown


def _consignments(state: State, order: Order) -> Raw:
    rows = [line_json(order, line) for line in order.lines]
    pickups: list[Raw] = []
    shipping: list[Raw] = []
    if order.pickup:
        location = state.locations[order.pickup]
        pickups.append({"id": order.id, "pickup_method_id": 1, "location": {"id": location.id, "code": location.code}, "line_items": rows})
    else:
        shipping.append({"id": order.id, **order.address, "line_items": rows})
    return {"pickups": pickups, "shipping": shipping, "downloads": [], "email": {"gift_certificates": []}}


def line_json(order: Order, line: Line) -> Raw:
    return {
        "id": line.id,
        "order_id": order.id,
        "product_id": line.product_id,
        "variant_id": line.variant_id,
        "name": line.name,
        "sku": line.sku,
        "type": line.type,
        "quantity": line.quantity,
        "quantity_shipped": line.shipped,
        "quantity_refunded": line.refunded,
        "is_refunded": line.refunded >= line.quantity,
        "refund_amount": "0.0000",
        "parent_order_product_id": None,
        "is_bundled_product": False,
        "order_pickup_method_id": 1 if order.pickup else 0,
    }


def refund_json(refund: Refund) -> Raw:
    items = [{"item_type": kind, "item_id": line, "quantity": units} for kind, line, units in refund.items]
    return {"id": refund.id, "order_id": refund.order_id, "created": refund.created.isoformat(), "items": items}


def product_json(product: Product, include: str, fields: str | None) -> Raw:
    whole: Raw = {
        "id": product.id,
        "name": product.name,
        "sku": product.sku,
        "type": "physical",
        "inventory_tracking": product.tracking,
        "base_variant_id": None if product.options else product.variants[0].id,
        "date_modified": product.modified.isoformat(),
    }
    shown = {name: whole[name] for name in ("id", *fields.split(",")) if name in whole} if fields else whole
    if "variants" in include.split(","):
        shown["variants"] = [variant_json(variant) for variant in product.variants]
    return shown


def variant_json(variant: Variant) -> Raw:
    options = [{"id": variant.id, "label": variant.option, "option_display_name": "Size"}] if variant.option else []
    return {
        "id": variant.id,
        "product_id": variant.product_id,
        "sku": variant.sku,
        "sku_id": variant.sku_id,
        "upc": "",
        "gtin": "",
        "option_values": options,
    }


def stock_identity(variant: Variant) -> Raw:
    return {"sku": variant.sku, "variant_id": variant.id, "product_id": variant.product_id, "sku_id": variant.sku_id or 0}


def stock_row(row: Row) -> Raw:
    settings = {"safety_stock": row.safety, "is_in_stock": True, "warning_level": 0, "bin_picking_number": ""}
    return {"available_to_sell": row.available, "total_inventory_onhand": row.on_hand, "settings": settings}


def location_json(location: Location) -> Raw:
    return {
        "id": location.id,
        "code": location.code,
        "label": location.label,
        "enabled": location.enabled,
        "type_id": "PHYSICAL",
        "managed_by_external_source": False,
    }


def hook_json(state: State, hook: Hook) -> Raw:
    shown: dict[str, Any] = {
        "id": hook.id,
        "client_id": state.client_id,
        "store_hash": state.store_hash,
        "created_at": hook.created,
        "updated_at": hook.created,
        "scope": hook.scope,
        "destination": hook.destination,
        "is_active": hook.is_active,
        "headers": dict(hook.headers),
    }
    return shown
