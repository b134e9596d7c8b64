"""The hooks that exist at the store, and making sure that ours do, with our secret in their headers. The store switches a hook off after two
days of failures, and after 90 days without an event.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from channelsync.contract import Subscription
from channelsync.errors import Refused
from channelsync_bigcommerce.answers import Answer
from channelsync_bigcommerce.api import Api
from channelsync_bigcommerce.shapes import inner, number_id, text
from channelsync_bigcommerce.webhooks import SECRET_HEADER

SCOPES = (
    "store/order/created",
    "store/order/updated",
    "store/order/archived",
    "store/order/refund/created",
    "store/shipment/created",
    "store/product/created",
    "store/product/updated",
    "store/product/deleted",
    "store/sku/created",
    "store/sku/updated",
    "store/sku/deleted",
    "store/channel/*/inventory/product/stock_changed",
)


@dataclass(frozen=True, slots=True)
class Hook:
    """A hook as the store shows it. secret: what it would send in our header."""

    subscription: Subscription
    secret: str


async def hooks(api: Api) -> list[Hook]:
    return [_hook(row) async for page, _ in api.pages("/v3/hooks", {}) for row in page]


async def subscribe(api: Api, url: str, secrets: Sequence[str]) -> Sequence[Subscription]:
    """Create what is missing, re-arm what is off, repair what does not carry the first of our secrets. Returns ours as they are then."""
    if not secrets:
        raise Refused("webhook_secrets is empty: deliveries are told apart by them; set one in the channel's settings")
    secret = secrets[0]
    ours = {hook.subscription.topic: hook for hook in reversed(await hooks(api)) if hook.subscription.url == url}
    for scope in SCOPES:
        found = ours.get(scope)
        wanted: dict[str, Any] = {"scope": scope, "destination": url, "is_active": True, "headers": {SECRET_HEADER: secret}}
        if found is None:
            ours[scope] = await api.send("POST", "/v3/hooks", wanted, _one)
        elif not found.subscription.active or found.secret != secret:
            ours[scope] = await api.send("PUT", f"/v3/hooks/{found.subscription.ref}", wanted, _one)
    return [ours[scope].subscription for scope in SCOPES]


def deliverable(url: str) -> bool:
    """The store delivers to https on port 443 only."""
    parts = urlsplit(url)
    return parts.scheme == "https" and parts.port in (None, 443)


def _one(answer: Answer) -> Hook:
    return _hook(answer.data_object())


def _hook(raw: dict[str, Any]) -> Hook:
    headers = {name.lower(): text(value) for name, value in inner(raw, "headers").items()}
    active = raw.get("is_active") is True
    found = Subscription(str(number_id(raw)), text(raw.get("scope")), text(raw.get("destination")), active)
    return Hook(found, headers.get(SECRET_HEADER, ""))
