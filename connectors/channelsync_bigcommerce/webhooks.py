"""Verifies and reads deliveries. Pure. Bodies are light and in no order: they only say where to look.

The secret is ours, in a header that the hook was made with: required. A Standard Webhooks signature is checked whenever there is a trace of one;
which stores sign is not documented evenly. `hash` is the same for repeats, and in the vendor's samples even for other events of one order.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from channelsync.contract import Delivery, Ignored, ListingHint, OrderHint, Parsed, ShelfHint, decoded
from channelsync.errors import BadDelivery, Misunderstood
from channelsync_bigcommerce.shapes import inner, number_id, product_ref, text, variant_ref

SECRET_HEADER = "x-channelsync-secret"  # noqa: S105  the name of the header
SIGNED_HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")
TOLERANCE_SECONDS = 330.0  # five minutes, as the vendor's libraries have it, and half a minute for the way
STAMP = re.compile(r"\d{1,12}", re.ASCII)
ORDER = re.compile(r"store/(?:channel/\d+/)?order/")
STOCK_MOVED = re.compile(r"store/channel/[^/]+/inventory/product/")


def verify(delivery: Delivery, secret: str | None, client_secret: str | None, *, require_signature: bool, store_hash: str) -> str:
    """The key of the event: scope, hash and time."""
    if secret is None:
        raise BadDelivery("webhook_secret is not configured")
    given = delivery.headers.get(SECRET_HEADER, "")
    if not hmac.compare_digest(given.encode(), secret.encode()):
        raise BadDelivery(f"the header {SECRET_HEADER} does not carry webhook_secret")
    if any(name in delivery.headers for name in SIGNED_HEADERS):
        _check_signature(delivery, client_secret)
    elif require_signature:
        raise BadDelivery("the delivery is not signed, and require_signature is on")
    body = _decoded(delivery)
    if body.get("producer") != f"stores/{store_hash}":
        raise BadDelivery(f"the delivery is of another store: {text(body.get('producer'))[:60]!r}", genuine=True)
    facts = [body.get(name) for name in ("scope", "hash", "created_at")]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _check_signature(delivery: Delivery, client_secret: str | None) -> None:
    """HMAC-SHA256, keyed with the text of the client secret itself, over id, time and raw body."""
    if client_secret is None:
        raise BadDelivery("the delivery is signed, and client_secret is not configured: it cannot be checked")
    number, stamp, signatures = (delivery.headers.get(name, "") for name in SIGNED_HEADERS)
    if not STAMP.fullmatch(stamp) or abs(delivery.received_at.timestamp() - int(stamp)) > TOLERANCE_SECONDS:
        raise BadDelivery(f"webhook-timestamp is missing or too far from our clock: {stamp[:20]!r}")
    signed = f"{number}.{stamp}.".encode() + delivery.body
    wanted = base64.b64encode(hmac.digest(client_secret.encode(), signed, "sha256"))
    found = [part.removeprefix("v1,").encode() for part in signatures.split(" ")[:20] if part.startswith("v1,")]
    if not any([hmac.compare_digest(wanted, one) for one in found]):  # noqa: C419  every one is compared, whichever matches
        raise BadDelivery("the signature does not match client_secret")


def parse(delivery: Delivery) -> Sequence[Parsed]:
    """Raises Misunderstood."""
    try:
        body = _decoded(delivery)
    except BadDelivery as error:
        raise Misunderstood(str(error)) from None
    scope, data = text(body.get("scope")), inner(body, "data")
    if ORDER.match(scope):
        return (OrderHint(str(number_id(data))),)
    if scope.startswith("store/shipment/"):
        return (OrderHint(str(number_id(data, "orderId"))),)
    if STOCK_MOVED.match(scope):
        place = str(number_id(data, "location_id"))
        return (ShelfHint(variant_ref(number_id(data, "variant_id")), place), ShelfHint(product_ref(number_id(data, "product_id")), place))
    if scope.startswith(("store/product/", "store/sku/")):
        return (_thing(scope, data),)
    return (Ignored(f"scope {scope[:80]!r} says nothing about stock"),)


def _thing(scope: str, data: Mapping[str, Any]) -> Parsed:
    """`data.id` of a sku event is a legacy id, so the variant is named in its own part."""
    sku = scope.startswith("store/sku/")
    if "/inventory/" in scope:
        part = inner(data, "inventory")
        return ShelfHint(variant_ref(number_id(part, "variant_id")) if sku else product_ref(number_id(part, "product_id")))
    if sku:
        return ListingHint(variant_ref(number_id(inner(data, "sku"), "variant_id")))
    return ListingHint(product_ref(number_id(data)))


def _decoded(delivery: Delivery) -> dict[str, Any]:
    try:
        body = decoded(delivery.body)
    except ValueError:
        raise BadDelivery(f"the body is not JSON: {delivery.body[:80]!r}", genuine=True) from None
    if not isinstance(body, dict):
        raise BadDelivery("the body is not an object", genuine=True)
    return body
