"""Webhooks in: the signature over the raw body, and what a delivery says. Pure.

Bodies come late, doubled and out of order, so an order's delivery says no more than "read this order again".
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import SecretStr

from channelsync.contract import Delivery, Ignored, ListingHint, NotJson, OrderHint, Parsed, ShelfHint, decoded
from channelsync.errors import BadDelivery, Misunderstood

ITEM_IN_LEVEL = re.compile(r"^gid://shopify/InventoryLevel/\d+\?inventory_item_id=(\d+)$")
Body = Mapping[str, Any]


def verify(delivery: Delivery, secrets: Sequence[SecretStr], shop: str) -> str:
    """The delivery's key: topic and webhook id, equal on every retry. Raises BadDelivery."""
    signature = delivery.headers.get("x-shopify-hmac-sha256")
    if not signature:
        raise BadDelivery("no X-Shopify-Hmac-Sha256: this does not come from Shopify")
    if not secrets:
        raise BadDelivery("no secret to check the signature with: set client_secret or webhook_secrets")
    given = signature.encode("utf-8", "replace")
    # Every secret is tried, whichever fits: the time taken must not tell.
    if not any([hmac.compare_digest(given, _signature(delivery.body, secret)) for secret in secrets]):  # noqa: C419 - all of them
        raise BadDelivery("the signature fits none of the secrets")
    sender = delivery.headers.get("x-shopify-shop-domain", shop).lower()
    if sender != shop:
        raise BadDelivery(f"signed, but for another shop: {sender}", genuine=True)
    topic, webhook = delivery.headers.get("x-shopify-topic"), delivery.headers.get("x-shopify-webhook-id")
    if not topic or not webhook:
        raise BadDelivery("signed, but X-Shopify-Topic or X-Shopify-Webhook-Id is missing", genuine=True)
    return f"{topic}:{webhook}"


def _signature(body: bytes, secret: SecretStr) -> bytes:
    return base64.b64encode(hmac.digest(secret.get_secret_value().encode(), body, hashlib.sha256))


def parse(delivery: Delivery) -> Sequence[Parsed]:
    """Raises Misunderstood for a body that does not fit its topic."""
    topic = delivery.headers.get("x-shopify-topic", "")
    resource = topic.partition("/")[0]
    read = PARSERS.get(topic) or PARSERS.get(resource)
    if read is None:
        return (Ignored(f"topic {topic!r} says nothing about stock"),)
    try:
        body = decoded(delivery.body)
    except NotJson as error:
        raise Misunderstood(f"{topic}: the body is not JSON: {delivery.body[:120]!r}") from error
    if not isinstance(body, dict):
        raise Misunderstood(f"{topic}: the body is no object")
    return read(body)


def _order(body: Body) -> Sequence[Parsed]:
    return (OrderHint(_gid(body, "Order", "id")),)


def _order_edit(body: Body) -> Sequence[Parsed]:
    edit = body.get("order_edit")
    if not isinstance(edit, dict):
        raise Misunderstood("orders/edited: no order_edit")
    return (OrderHint(f"gid://shopify/Order/{_number(edit, 'order_id')}"),)


def _part_of_order(body: Body) -> Sequence[Parsed]:
    return (OrderHint(f"gid://shopify/Order/{_number(body, 'order_id')}"),)


def _level(body: Body) -> Sequence[Parsed]:
    """A level is identified by item and location. Its own GID carries the item's exact id."""
    named = ITEM_IN_LEVEL.match(str(body.get("admin_graphql_api_id", "")))
    item = named[1] if named else _number(body, "inventory_item_id")
    shows = body.get("available")
    if shows is not None and (not isinstance(shows, int) or isinstance(shows, bool)):
        raise Misunderstood(f"inventory level: available is {shows!r}")
    return (ShelfHint(f"gid://shopify/InventoryItem/{item}", f"gid://shopify/Location/{_number(body, 'location_id')}", shows),)


def _item(body: Body) -> Sequence[Parsed]:
    return (ListingHint(_gid(body, "InventoryItem", "id")),)


def _product(body: Body) -> Sequence[Parsed]:
    """The variants, which are aliases of listings; a deleted product only names itself."""
    variants = body.get("variants")
    if isinstance(variants, list) and variants:
        return tuple(ListingHint(_gid(variant, "ProductVariant", "id")) for variant in variants if isinstance(variant, dict))
    return (ListingHint(_gid(body, "Product", "id")),)


def _gid(body: Body, kind: str, name: str) -> str:
    """The object's GID: as given where it names this kind, else made of its number."""
    prefix = f"gid://shopify/{kind}/"
    given = body.get("admin_graphql_api_id")
    return given if isinstance(given, str) and given.startswith(prefix) else f"{prefix}{_number(body, name)}"


def _number(body: Body, name: str) -> int:
    value = body.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        raise Misunderstood(f"{name} is {value!r}, not an id")
    return value


PARSERS: Mapping[str, Callable[[Body], Sequence[Parsed]]] = {
    "orders": _order,
    "orders/edited": _order_edit,
    "refunds": _part_of_order,
    "fulfillments": _part_of_order,
    "inventory_levels": _level,
    "inventory_items": _item,
    "products": _product,
}
