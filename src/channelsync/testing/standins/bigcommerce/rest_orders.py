"""Orders (v2) and refunds (v3). An empty list, and a page past the end, answer 204 without a body."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from channelsync.testing.standins.bigcommerce.query import ApiError, Reply, Request, moment, paged
from channelsync.testing.standins.bigcommerce.render import line_json, order_json, refund_json
from channelsync.testing.standins.bigcommerce.state import Order, Raw, State, View

LIMIT_MAX = 250
SORTS = ("id", "date_created", "date_modified", "status_id")
NOT_FOUND = "The requested resource was not found."
SECOND = timedelta(seconds=1)


def list_orders(state: State, request: Request) -> Reply:
    limit, page = request.number("limit", 50, LIMIT_MAX), request.number("page", 1, 10**9)
    name, _, direction = request.params.get("sort", "id:asc").partition(":")
    if name not in SORTS:
        raise ApiError(400, "The field 'sort' is invalid.")
    rows = sorted(_matching(state, request), key=lambda pair: (_key(name, *pair), pair[0].id), reverse=direction == "desc")
    shown = [_shown(view, request) for _, view in rows[(page - 1) * limit : page * limit]]
    return Reply(shown) if shown else Reply(None, 204)


def _key(name: str, order: Order, view: View) -> datetime | int:
    keys: dict[str, datetime | int] = {
        "id": order.id,
        "date_created": order.created,
        "date_modified": view.modified,
        "status_id": view.status,
    }
    return keys[name]


def _matching(state: State, request: Request) -> Iterator[tuple[Order, View]]:
    least, most = moment(request, "min_date_modified"), moment(request, "max_date_modified")
    born, grown = moment(request, "min_date_created"), moment(request, "max_date_created")
    status, archived = request.params.get("status_id"), request.params.get("is_deleted") == "true"
    low, high = int(request.params.get("min_id", 0)), int(request.params.get("max_id", 10**12))
    edge = timedelta(0) if state.dials.inclusive else SECOND
    now = state.clock.monotonic()
    for order in state.orders.values():
        view = next((view for view in reversed(order.views) if view.visible_at <= now), None)
        if view is None or (order.archived and not (state.dials.lists_archived or archived)):
            continue
        if (least and view.modified < least + edge) or (most and view.modified > most - edge):
            continue
        if (born and order.created < born) or (grown and order.created > grown) or not low <= order.id <= high:
            continue
        if status is None or int(status) == view.status:
            yield order, view


def _shown(view: View, request: Request) -> Raw:
    if "consignments.line_items" in request.params.get("include", ""):
        return view.shown
    return {name: value for name, value in view.shown.items() if name != "consignments"}


def _order(state: State, request: Request) -> Order:
    order = state.orders.get(request.ids[0])
    if order is None:
        raise ApiError(404, NOT_FOUND)
    return order


def get_order(state: State, request: Request) -> Reply:
    return Reply(order_json(state, _order(state, request), lines="consignments.line_items" in request.params.get("include", "")))


def list_lines(state: State, request: Request) -> Reply:
    order = _order(state, request)
    limit, page = request.number("limit", 50, LIMIT_MAX), request.number("page", 1, 10**9)
    rows = [line_json(order, line) for line in order.lines[(page - 1) * limit : page * limit]]
    return Reply(rows) if rows else Reply(None, 204)


def list_refunds(state: State, request: Request) -> Reply:
    since, wanted = moment(request, "created:min"), request.numbers("order_id:in")
    rows = [
        refund for refund in state.refunds if (since is None or refund.created >= since) and (wanted is None or refund.order_id in wanted)
    ]
    return paged(request, rows, refund_json)


def list_order_refunds(state: State, request: Request) -> Reply:
    order = _order(state, request)
    return Reply({"data": [refund_json(refund) for refund in state.refunds if refund.order_id == order.id], "meta": {}})
