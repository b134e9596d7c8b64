"""Orders and refunds over REST. Nothing is refused for lack of stock: an order of 500 on 50 is 201 and leaves -450 (measured)."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from channelsync.testing.standins.woocommerce import orders
from channelsync.testing.standins.woocommerce.query import Reply, Request, RestError, invalid_param, limits, ordered, paged, pick
from channelsync.testing.standins.woocommerce.refunds import InvalidRefund, add_refund, remaining
from channelsync.testing.standins.woocommerce.render import ADDRESSES, order_json, refund_json
from channelsync.testing.standins.woocommerce.rest_products import whole
from channelsync.testing.standins.woocommerce.state import CORE_STATUSES, Line, Order, State, View, put_meta


def statuses(state: State) -> list[str]:
    return [*CORE_STATUSES, *state.dials.extra_statuses]


async def list_orders(state: State, request: Request) -> Reply:
    """Trash is in neither the default list nor `any`; `any,trash` hides it too. Named alone or with others by name, it shows."""
    wanted = request.params.get("status", "any").split(",")
    unknown = set(wanted) - {"any", "trash", *statuses(state)}
    if unknown:
        raise invalid_param("status", f"status[0] is not one of any, trash, {', '.join(statuses(state))}.")
    include, exclude, dates = request.numbers("include"), request.numbers("exclude") or [], limits(state, request)
    views = [
        (order, view)
        for order in state.orders.values()
        if (view := listed(state, order)) is not None
        and (view.status in wanted if "any" not in wanted else view.status != "trash")
        and (include is None or order.id in include)
        and order.id not in exclude
        and dates.hold(view.modified, order.created)
    ]
    keys = {"date": _created, "id": _id, "modified": _modified}
    return paged(request, ordered(request, views, keys), lambda row: row[1].shown or order_json(state, row[0]))


def listed(state: State, order: Order) -> View | None:
    """The order as lists show it now; None while its first version has not reached them."""
    if not order.views:
        return View(0.0, order.modified, order.status)
    now = state.clock.monotonic()
    return next((view for view in reversed(order.views) if view.visible_at <= now), None)


def _id(row: tuple[Order, View]) -> Any:
    return row[0].id


def _created(row: tuple[Order, View]) -> Any:
    return row[0].created


def _modified(row: tuple[Order, View]) -> Any:
    return row[1].modified


async def order_options(state: State, request: Request) -> Reply:
    """What `OPTIONS /orders` tells: among much else the statuses this shop knows, those of plug-ins too."""
    reading = {"status": {"type": "array", "items": {"type": "string", "enum": ["any", "trash", *statuses(state)]}}}
    writing = {"status": {"type": "string", "enum": statuses(state)}}
    endpoints = [{"methods": ["GET"], "args": reading}, {"methods": ["POST"], "args": writing}]
    return Reply({"namespace": "wc/v3", "methods": ["GET", "POST"], "endpoints": endpoints})


async def get_order(state: State, request: Request) -> Reply:
    return Reply(pick(order_json(state, found(state, request.ids[0])), request.params.get("_fields")))


async def create_order(state: State, request: Request) -> Reply:
    order = orders.new_order(state, str(request.body.get("created_via") or "rest-api"))
    _write_addresses(order, {**ADDRESSES, **request.body})
    for body in request.body.get("line_items") or []:
        _add(state, order, body)
    status = str(request.body.get("status", "pending"))
    _check_status(state, status)
    if request.flag("set_paid"):
        status = "processing" if status == "pending" else status
        order.paid = state.now()
    _write_meta(state, order, request.body)
    orders.place(state, order, status)
    return Reply(order_json(state, order), 201)


async def put_order(state: State, request: Request) -> Reply:
    """Lines are written under the old status, then the status changes. Any PUT bumps the date, even `{}`."""
    order, body = found(state, request.ids[0]), request.body
    status = str(body.get("status", order.status))
    _check_status(state, status)
    _write_addresses(order, body)
    for posted in body.get("line_items") or []:
        _edit_line(state, order, posted)
    _write_meta(state, order, body)
    if order.status == "trash" and status != "trash":
        orders.untrash(state, order, status)
        return Reply(order_json(state, order))
    if request.flag("set_paid") and order.status == "pending":
        status = "processing"
    orders.set_status(state, order, status)
    orders.save_order(state, order)
    return Reply(order_json(state, order))


def _check_status(state: State, status: str) -> None:
    if status not in {"trash", *statuses(state)}:
        raise invalid_param("status", f"status is not one of {', '.join(statuses(state))}.")


def _write_addresses(order: Order, body: Mapping[str, Any]) -> None:
    """The fields that are named, of the addresses that are; the API copies none from billing to shipping, as the checkout does."""
    for name, blank in ADDRESSES.items():
        told = body.get(name)
        if told is not None and not isinstance(told, Mapping):
            raise invalid_param(name, f"{name} is not of type object.")
        if told is not None:
            fields = {field: str(value or "") for field, value in told.items() if field in blank}
            order.extra[name] = {**blank, **order.extra.get(name, {}), **fields}


def _write_meta(state: State, order: Order, body: Mapping[str, Any]) -> None:
    for row in body.get("meta_data") or []:
        put_meta(state, order.meta, str(row["key"]), row.get("value"))


def _add(state: State, order: Order, body: Mapping[str, Any]) -> Line:
    number = whole(body.get("variation_id")) or whole(body.get("product_id"))
    return orders.add_line(state, order, state.products.get(number), whole(body.get("quantity", 1)))


def _edit_line(state: State, order: Order, body: Mapping[str, Any]) -> None:
    """With an id: change or remove (quantity 0 or product_id null). Without: add."""
    if "id" not in body:
        orders.settle_line(state, order, _add(state, order, body))
        return
    line = next((line for line in order.lines if line.id == whole(body["id"]) and not line.removed), None)
    if line is None:
        raise RestError(400, "woocommerce_rest_invalid_item_id", "Order item ID provided is not associated with order.")
    if body.get("quantity") == 0 or ("product_id" in body and body["product_id"] is None):
        orders.remove_line(state, order, line)
    elif "quantity" in body:
        orders.change_quantity(state, order, line, whole(body["quantity"]))


async def delete_order(state: State, request: Request) -> Reply:
    """The answer shows the order as it was."""
    order = found(state, request.ids[0])
    shown = order_json(state, order)
    if request.flag("force"):
        orders.delete(state, order)
    elif order.status == "trash":
        raise RestError(410, "woocommerce_rest_already_trashed", "The shop_order has already been deleted.")
    else:
        orders.trash(state, order)
    return Reply(shown)


async def list_refunds(state: State, request: Request) -> Reply:
    order = found(state, request.ids[0])
    return paged(request, list(reversed(order.refunds)), lambda refund: refund_json(state, order, refund))


async def create_refund(state: State, request: Request) -> Reply:
    order, body = found(state, request.ids[0]), request.body
    units = {whole(row.get("id")): whole(row.get("quantity")) for row in body.get("line_items") or []}
    try:
        amount = Decimal(str(body.get("amount") or "0"))
        refund = add_refund(
            state, order, amount, units, restock=body.get("api_restock", True) is not False, reason=str(body.get("reason", ""))
        )
    except (InvalidRefund, InvalidOperation):
        raise RestError(500, "woocommerce_rest_cannot_create_order_refund", "Invalid refund amount.") from None
    if remaining(order) <= 0:
        orders.set_status(state, order, "refunded")
    orders.save_order(state, order)
    return Reply(refund_json(state, order, refund), 201)


def found(state: State, number: int) -> Order:
    order = state.orders.get(number)
    if order is None:
        raise RestError(404, "woocommerce_rest_shop_order_invalid_id", "Invalid ID.")
    return order
