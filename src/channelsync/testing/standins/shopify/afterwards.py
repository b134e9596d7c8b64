"""What the API tells of an order after it was placed: which location ships what, what left, and what came back without a refund.

These fields need scopes of their own; without them the field is refused and the rest of the answer lost with it.
"""

from __future__ import annotations

from typing import Any

from graphql import GraphQLResolveInfo

from channelsync.testing.standins.shopify.paging import Connection, numbered, refusal
from channelsync.testing.standins.shopify.parcels import Disposition, Fulfillment, FulfillmentOrder, Return
from channelsync.testing.standins.shopify.records import Order

Info = GraphQLResolveInfo
PLACES_SCOPES = frozenset(
    {
        "read_assigned_fulfillment_orders",
        "read_merchant_managed_fulfillment_orders",
        "read_third_party_fulfillment_orders",
    }
)
RETURNS_SCOPE = "read_returns"


def fulfillment_orders(order: Order, info: Info, *, after: str | None = None, first: int | None = None) -> Connection:
    if not PLACES_SCOPES & info.context.tokens.scopes:
        _denied("fulfillmentOrders", "read_merchant_managed_fulfillment_orders")
    return numbered(order.parts, after, first)


def fulfillments(order: Order, _: Info, *, first: int | None = None) -> list[Fulfillment]:
    return order.parcels[:first]


def rows(record: FulfillmentOrder | Fulfillment, _: Info, *, after: str | None = None, first: int | None = None) -> Connection:
    return numbered(record.parts, after, first)


def returns(order: Order, info: Info, *, after: str | None = None, first: int | None = None) -> Connection:
    if RETURNS_SCOPE not in info.context.tokens.scopes:
        _denied("returns", RETURNS_SCOPE)
    return numbered(order.order_returns, after, first)


def refunds_of_return(record: Return, _: Info, *, after: str | None = None, first: int | None = None) -> Connection:
    return numbered(record.made_refunds, after, first)


def reverse_orders(record: Return, _: Info, *, after: str | None = None, first: int | None = None) -> dict[str, Any]:
    """One for each return."""
    return _page([{"id": f"gid://shopify/ReverseFulfillmentOrder/{record.number}", "lineItems": record}])


def reverse_lines(order: dict[str, Any], _: Info, *, after: str | None = None, first: int | None = None) -> dict[str, Any]:
    return _page([_reverse_line(each) for each in order["lineItems"].dispositions])


def _reverse_line(record: Disposition) -> dict[str, Any]:
    """Each disposition is of one line."""
    shipped = {"id": f"gid://shopify/FulfillmentLineItem/{record.number}", "quantity": record.quantity, "lineItem": record.line_item}
    ref = f"gid://shopify/ReverseFulfillmentOrderLineItem/{record.number}"
    return {"id": ref, "totalQuantity": record.quantity, "dispositions": [record], "fulfillmentLineItem": shipped}


def _page(nodes: list[dict[str, Any]]) -> dict[str, Any]:
    return {"nodes": nodes, "pageInfo": {"hasNextPage": False, "hasPreviousPage": False, "startCursor": None, "endCursor": None}}


def _denied(field: str, scope: str) -> None:
    text = f"Access denied for {field} field. Required access: `{scope}` access scope."
    raise refusal(text, "ACCESS_DENIED", requiredAccess=f"`{scope}` access scope.")
