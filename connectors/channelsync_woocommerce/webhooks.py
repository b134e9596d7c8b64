"""Verifies and reads deliveries. Pure. A body shows the state at delivery time, late and unordered: it only says where to look."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Sequence
from typing import Any

from channelsync.contract import Delivery, Ignored, ListingHint, OrderHint, Parsed, ShelfHint, decoded
from channelsync.errors import BadDelivery, Misunderstood
from channelsync_woocommerce.shapes import listing_ref, number_id, ref_of, shown

HEADER = "x-wc-webhook-"
PING = re.compile(rb"webhook_id=\d{1,20}", re.ASCII)


def verify(delivery: Delivery, secrets: Sequence[bytes]) -> str:
    """The key of the fact delivered: WooCommerce's own delivery id repeats within a second, so it is no key.

    Two equal bodies say the same, except that a bare `{"id": n}` of a deletion may come again after a restore: there the id helps.
    """
    if is_ping(delivery):
        return "ping:" + hashlib.sha256(delivery.body).hexdigest()
    signature = delivery.headers.get(HEADER + "signature", "").encode()
    matches = [hmac.compare_digest(_sign(secret, delivery.body), signature) for secret in secrets]
    if not any(matches):
        raise BadDelivery("the signature matches none of webhook_secrets" if secrets else "no webhook_secrets are configured")
    topic = delivery.headers.get(HEADER + "topic", "")
    if topic.startswith("action."):
        raise BadDelivery(f"topic {topic!r} carries nothing of use: delete this webhook in the shop", genuine=True)
    again = delivery.headers.get(HEADER + "delivery-id", "") if topic.endswith(".deleted") else ""
    return hashlib.sha256(f"{topic}\n{again}\n".encode() + delivery.body).hexdigest()


def is_ping(delivery: Delivery) -> bool:
    """The call that WooCommerce makes when a webhook is saved: a form, unsigned, and nothing else about it. It changes nothing here."""
    form = delivery.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
    bare = not any(name.startswith(HEADER) for name in delivery.headers)
    return form and bare and PING.fullmatch(delivery.body) is not None


def _sign(secret: bytes, body: bytes) -> bytes:
    return base64.b64encode(hmac.digest(secret, body, "sha256"))


def parse(delivery: Delivery) -> Sequence[Parsed]:
    """Raises Misunderstood."""
    if is_ping(delivery):
        return (Ignored("ping"),)
    topic = delivery.headers.get(HEADER + "topic", "")
    resource, _, event = topic.partition(".")
    if resource not in ("order", "product"):
        return (Ignored(f"topic {topic!r} says nothing about stock"),)
    try:
        raw = decoded(delivery.body)
    except ValueError:
        raise Misunderstood(f"the body of {topic!r} is not JSON: {delivery.body[:80]!r}") from None
    if not isinstance(raw, dict):
        raise Misunderstood(f"the body of {topic!r} is not an object")
    if "id" not in raw:
        return (Ignored(f"the shop sent an error instead of the object: {str(raw.get('code', ''))[:80]}"),)
    return (OrderHint(str(number_id(raw))),) if resource == "order" else (_product(raw, event),)


def _product(raw: dict[str, Any], event: str) -> Parsed:
    """Only an update of a counted product is about its number; anything else may change what the listing is."""
    managed = raw.get("manage_stock")
    if event != "updated" or managed not in (True, "parent"):
        return ListingHint(ref_of(raw))
    keeper = listing_ref(number_id(raw, "parent_id")) if managed == "parent" else ref_of(raw)
    return ShelfHint(keeper, "", shown(raw.get("stock_quantity")))
