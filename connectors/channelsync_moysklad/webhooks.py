"""Verifies and reads deliveries. Pure. Moysklad signs nothing: a secret in the address is all there is, so a delivery only says where to look.

Nothing in a body is ever fetched, least of all its reportUrl: a forged one would carry our token to a stranger.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from typing import Any

from channelsync.contract import Delivery, Ignored, ListingHint, OrderHint, Parsed, Role, StockHint, decoded
from channelsync.errors import BadDelivery, Misunderstood
from channelsync_moysklad.shapes import linked_in

SECRET, QUERY = "x-channelsync-path-secret", "x-channelsync-query"
SALES = ("demand", "retaildemand", "salesreturn")
GOODS = ("product", "variant", "bundle", "service")


def verify(delivery: Delivery, token: str | None) -> str:
    """The key: repeats carry the same request id, and the same body."""
    given = delivery.headers.get(SECRET, "")
    if token is None:
        raise BadDelivery("no webhook_token is configured")
    if not hmac.compare_digest(token.encode(), given.encode(errors="surrogateescape")):
        raise BadDelivery("the secret in the address is not webhook_token")
    return hashlib.sha256(delivery.headers.get(QUERY, "").encode(errors="surrogateescape") + b"\n" + delivery.body).hexdigest()


def parse(delivery: Delivery, role: Role) -> Sequence[Parsed]:
    """Where Moysklad owns the stock there are no orders to read: every event means "look now". Raises Misunderstood."""
    try:
        raw = decoded(delivery.body)
    except ValueError:
        raise Misunderstood(f"the delivery is not JSON: {delivery.body[:80]!r}") from None
    if not isinstance(raw, dict):
        raise Misunderstood("the delivery is not an object")
    if "reportType" in raw and "stockType" in raw:
        return (StockHint(),)
    events = raw.get("events")
    if not isinstance(events, list) or not events:
        raise Misunderstood(f"the delivery names no events: {delivery.body[:120]!r}")
    found = [_event(event) for event in events]
    if role is Role.AUTHORITY:
        found = [fact if isinstance(fact, Ignored | ListingHint) else StockHint() for fact in found]
    return tuple(dict.fromkeys(found))


def _event(event: Any) -> Parsed:
    target = linked_in(event)
    kind = event.get("meta", {}).get("type") if target else None
    if target is None or not isinstance(kind, str):
        raise Misunderstood(f"an event names no object: {str(event)[:120]}")
    if kind == "customerorder":
        return OrderHint(target[1])
    if kind in SALES:
        return StockHint()
    if kind in GOODS:
        return ListingHint(target[1])
    return Ignored(f"an event of {kind[:40]} says nothing about stock")
