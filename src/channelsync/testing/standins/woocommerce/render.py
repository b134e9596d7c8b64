"""How the shop's things look as wc/v3 JSON. A captured object keeps its captured fields; what moves is written over them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from channelsync.testing.standins.woocommerce import stock
from channelsync.testing.standins.woocommerce.state import Line, Meta, Order, Product, Refund, State, View, Webhook

STAMP = "%Y-%m-%dT%H:%M:%S"
HOOKS = {
    "order.created": ["woocommerce_new_order"],
    "order.updated": ["woocommerce_update_order", "woocommerce_order_refunded"],
    "order.deleted": ["wp_trash_post", "woocommerce_trash_order"],
    "product.created": ["woocommerce_new_product", "woocommerce_new_product_variation"],
    "product.updated": ["woocommerce_update_product", "woocommerce_update_product_variation"],
    "product.deleted": ["wp_trash_post"],
}


def dates(state: State, name: str, at: datetime | None) -> dict[str, str | None]:
    """A date twice: by the shop's own clock, and in UTC. Neither carries a zone."""
    if at is None:
        return {name: None, f"{name}_gmt": None}
    return {name: (at + state.offset(at)).strftime(STAMP), f"{name}_gmt": at.strftime(STAMP)}


def money(amount: Decimal) -> str:
    return f"{amount:.2f}"


def product_json(state: State, product: Product) -> dict[str, Any]:
    keeper = stock.keeper(state, product)
    status = keeper.stock_status if keeper else _uncounted_status(state, product)
    own: dict[str, Any] = {
        "id": product.id,
        "name": product.name,
        **dates(state, "date_created", product.created),
        **dates(state, "date_modified", product.modified),
        "type": product.type,
        "status": product.status,
        "sku": product.sku,
        "price": product.price,
        "regular_price": product.price,
        "manage_stock": False if keeper is None else True if keeper is product else "parent",
        "stock_quantity": keeper.stock if keeper else None,
        "stock_status": status,
        "backorders": (keeper or product).backorders,
        "backorders_allowed": (keeper or product).backorders != "no",
        "backordered": status == "onbackorder",
        "parent_id": product.parent,
        "attributes": product.attributes,
        "variations": [child.id for child in stock.children(state, product)],
        "meta_data": product.meta,
    }
    blank: dict[str, Any] = {
        "low_stock_amount": None,
        "virtual": False,
        "downloadable": False,
        "grouped_products": [],
        "global_unique_id": "",
        "menu_order": 0,
    }
    return {**blank, **product.extra, **own}


def _uncounted_status(state: State, product: Product) -> str:
    """A variable parent without own stock is in stock if one of its variations is."""
    if product.type != "variable":
        return "instock"
    statuses = {child.stock_status for child in stock.children(state, product)}
    return next((status for status in ("instock", "onbackorder") if status in statuses), "outofstock")


def line_json(state: State, line: Line) -> dict[str, Any]:
    """A line whose product was deleted for good reads product_id 0 and sku null; its meta stays."""
    known = line.sells in state.products
    parent = state.products.get(line.product_id) if line.variation_id else None
    return {
        **line.extra,
        "id": line.id,
        "name": line.name,
        "product_id": line.product_id if known else 0,
        "variation_id": line.variation_id if known else 0,
        "quantity": line.quantity,
        "subtotal": money(line.price * line.quantity),
        "total": money(line.price * line.quantity),
        "meta_data": [{**row, "display_key": row["key"], "display_value": row["value"]} for row in line.meta],
        "sku": line.sku if known else None,
        "price": float(line.price),
        "parent_name": parent.name if parent else line.extra.get("parent_name"),
    }


_WHERE: Final = ("first_name", "last_name", "company", "address_1", "address_2", "city", "state", "postcode")
ADDRESSES: Final = {
    "billing": dict.fromkeys((*_WHERE, "country", "email", "phone"), ""),
    "shipping": dict.fromkeys((*_WHERE, "country", "phone"), ""),
}
"""Of an order, as the API shows one without any."""


def order_json(state: State, order: Order) -> dict[str, Any]:
    own: dict[str, Any] = {
        "id": order.id,
        "status": order.status,
        "currency": "EUR",
        "version": state.dials.version,
        **dates(state, "date_created", order.created),
        **dates(state, "date_modified", order.modified),
        "total": money(order.total),
        "created_via": order.created_via,
        **dates(state, "date_completed", order.completed),
        **dates(state, "date_paid", order.paid),
        "meta_data": _copy(order.meta),
        "line_items": [line_json(state, line) for line in order.lines if not line.removed],
        "refunds": [{"id": refund.id, "reason": refund.reason, "total": f"-{money(refund.amount)}"} for refund in order.refunds],
    }
    bought = {name: {**blank, "country": "DE"} for name, blank in ADDRESSES.items()}
    blank = {"parent_id": 0, "number": str(order.id), "order_key": f"wc_order_{order.id:013d}", **bought}
    return {**blank, **order.extra, **own}


def _copy(meta: Meta) -> Meta:
    return [dict(row) for row in meta]


def order_view(state: State, order: Order, visible_at: float) -> View:
    return View(visible_at, order.modified, order.status, order_json(state, order))


def refund_json(state: State, order: Order, refund: Refund) -> dict[str, Any]:
    lines = []
    for line in order.lines:
        if refund.lines.get(line.id):
            meta = [{"id": 0, "key": "_refunded_item_id", "value": str(line.id)}]
            lines.append({**line_json(state, line), "id": line.id, "quantity": -refund.lines[line.id], "meta_data": meta})
    return {
        "id": refund.id,
        **dates(state, "date_created", refund.created),
        "amount": money(refund.amount),
        "reason": refund.reason,
        "refunded_by": 1,
        "refunded_payment": False,
        "meta_data": [],
        "line_items": lines,
    }


def webhook_json(state: State, webhook: Webhook) -> dict[str, Any]:
    """The secret is never shown."""
    resource, _, event = webhook.topic.partition(".")
    return {
        "id": webhook.id,
        "name": webhook.name,
        "status": webhook.status,
        "topic": webhook.topic,
        "resource": resource,
        "event": event,
        "hooks": HOOKS.get(webhook.topic, []),
        "delivery_url": webhook.delivery_url,
        **dates(state, "date_created", webhook.created),
        "date_modified": None,
        "date_modified_gmt": None,
    }
