"""Seeds a stand-in from captured wc/v3 objects, ids and numbers as they were: loading moves no stock and announces nothing."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from channelsync.testing.standins.woocommerce import orders, stock, truth
from channelsync.testing.standins.woocommerce.render import order_view
from channelsync.testing.standins.woocommerce.state import Line, Order, Product, Refund, State, meta_value

Raw = Mapping[str, Any]
DROPPED = ("_links",)


def load(state: State, objects: Iterable[Raw]) -> None:
    """Products, variations and orders in any order; of several captures of one thing the latest stands. Anything else is passed over."""
    latest: dict[tuple[str, int], Raw] = {}
    for raw in objects:
        kind = _kind(raw)
        if kind:
            known = latest.get((kind, raw["id"]))
            if known is None or _age(raw) >= _age(known):
                latest[kind, raw["id"]] = raw
    for (kind, number), raw in sorted(latest.items(), reverse=True):
        if kind == "product":
            _load_product(state, raw)
        state.saw_id("post", number)
    _add_missing_parents(state)
    for (kind, _), raw in latest.items():
        if kind == "order":
            _load_order(state, raw)


def _kind(raw: Raw) -> str:
    if not isinstance(raw.get("id"), int) or "date_modified_gmt" not in raw:
        return ""
    if isinstance(raw.get("line_items"), list) and "status" in raw:
        return "order"
    return "product" if "type" in raw and "manage_stock" in raw and "name" in raw else ""


def _age(raw: Raw) -> tuple[str, int]:
    """Of two captures from one second the fuller one is better."""
    return raw["date_modified_gmt"], len(raw)


def _at(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text).replace(tzinfo=UTC) if text else None


def _load_product(state: State, raw: Raw) -> None:
    modified = _at(raw["date_modified_gmt"])
    assert modified is not None
    product = Product(
        id=raw["id"],
        type=raw["type"],
        name=raw["name"],
        sku=raw.get("sku") or "",
        created=_at(raw.get("date_created_gmt")) or modified,
        modified=modified,
        parent=raw.get("parent_id") or 0,
        status=raw.get("status", "publish"),
        managed=raw["manage_stock"] is True,
        stock=raw.get("stock_quantity") or 0,
        stock_status=raw.get("stock_status", "instock"),
        backorders=raw.get("backorders", "no"),
        price=str(raw.get("regular_price") or ""),
        meta=[dict(row) for row in raw.get("meta_data", [])],
        attributes=list(raw.get("attributes", [])),
        extra={name: value for name, value in raw.items() if name not in DROPPED},
    )
    stock.add_product(state, product)


def _add_missing_parents(state: State) -> None:
    """A variation without its captured parent could not be listed. Where it showed its parent's number, the parent gets that number."""
    for child in [product for product in state.products.values() if product.parent and product.parent not in state.products]:
        shared = child.extra.get("manage_stock") == "parent"
        parent = state.products.setdefault(
            child.parent, Product(child.parent, "variable", f"Product {child.parent}", "", child.created, child.modified)
        )
        if shared:
            parent.managed, parent.stock, parent.stock_status = True, child.stock, child.stock_status
        state.saw_id("post", child.parent)


def _load_order(state: State, raw: Raw) -> None:
    modified = _at(raw["date_modified_gmt"])
    assert modified is not None
    order = Order(
        id=raw["id"],
        status=raw["status"],
        created_via=raw.get("created_via", ""),
        created=_at(raw.get("date_created_gmt")) or modified,
        modified=modified,
        paid=_at(raw.get("date_paid_gmt")),
        completed=_at(raw.get("date_completed_gmt")),
        lines=[_line(state, line) for line in raw["line_items"]],
        refunds=[Refund(row["id"], -Decimal(row["total"]), modified, row.get("reason", "")) for row in raw.get("refunds", [])],
        meta=[dict(row) for row in raw.get("meta_data", [])],
        extra={name: value for name, value in raw.items() if name not in DROPPED},
    )
    order.stock_reduced = any(orders.taken(line) for line in order.lines)
    for refund in order.refunds:
        state.saw_id("post", refund.id)
    state.orders[order.id] = order
    order.views = [order_view(state, order, 0.0)] if state.dials.visibility_lag else []
    truth.mirror(state, order)


def _line(state: State, raw: Raw) -> Line:
    meta = [{"id": row["id"], "key": row["key"], "value": row["value"]} for row in raw.get("meta_data", [])]
    for row in meta:
        state.saw_id("meta", row["id"])
    state.saw_id("line", raw["id"])
    product, variation = raw.get("product_id") or 0, raw.get("variation_id") or 0
    line = Line(
        raw["id"], product, variation, raw["quantity"], raw.get("name", ""), raw.get("sku") or "", Decimal(str(raw.get("price", 0))), meta
    )
    line.extra = dict(raw)
    line.refunded = int(meta_value(meta, orders.RESTOCKED) or 0)
    return line


def captured_objects(folder: Path) -> Iterator[dict[str, Any]]:
    """Every wc/v3 object in a folder of captures: REST answers ({"body": ...}) and webhook deliveries ({"requests": [{"body": text}]})."""
    for file in sorted(folder.rglob("*.json")):
        capture = json.loads(file.read_text(encoding="utf-8"))
        bodies = [capture.get("body")]
        texts = [request.get("body", "") for request in capture.get("requests", [])]
        bodies += [json.loads(text) for text in texts if text.startswith("{")]
        for body in bodies:
            yield from _objects(body)


def _objects(body: Any) -> Iterator[dict[str, Any]]:
    if isinstance(body, list):
        for item in body:
            yield from _objects(item)
    elif isinstance(body, dict) and "id" in body:
        yield body
    elif isinstance(body, dict):
        yield from _objects(body.get("update"))
