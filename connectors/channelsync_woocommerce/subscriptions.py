"""The webhooks that exist at the shop, and making sure that ours do. WooCommerce switches one off after seven failures in a row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from channelsync.contract import Subscription
from channelsync.errors import Misunderstood, Refused
from channelsync_woocommerce.answers import Answer
from channelsync_woocommerce.api import PER_PAGE, Api
from channelsync_woocommerce.shapes import number_id, text

TOPICS = tuple(f"{resource}.{event}" for resource in ("order", "product") for event in ("created", "updated", "deleted", "restored"))
PAGES_MAX = 20


async def subscriptions(api: Api) -> list[Subscription]:
    rows: list[dict[str, Any]] = []
    for page in range(1, PAGES_MAX + 1):
        more = (await api.get("/webhooks", {"per_page": str(PER_PAGE), "page": str(page), "orderby": "id", "order": "asc"})).rows()
        rows += more
        if len(more) < PER_PAGE:
            return [_subscription(row) for row in rows]
    raise Misunderstood(f"the shop has more than {PAGES_MAX * PER_PAGE} webhooks")


async def subscribe(api: Api, url: str, secret: str | None) -> Sequence[Subscription]:
    """Create what is missing, re-arm what is off (its secret too, which cannot be read back). Returns ours as they are then."""
    if secret is None:
        raise Refused("webhook_secrets is empty: without a secret of ours no delivery can be verified; set one in the channel's settings")
    ours = {found.topic: found for found in reversed(await subscriptions(api)) if found.url == url}
    for topic in TOPICS:
        found = ours.get(topic)
        if found is None:
            body = {"name": f"channelsync {topic}", "topic": topic, "delivery_url": url, "secret": secret}
            ours[topic] = await api.send("POST", "/webhooks", body, _one)
        elif not found.active:
            ours[topic] = await api.send("PUT", f"/webhooks/{found.ref}", {"status": "active", "secret": secret}, _one)
    return [ours[topic] for topic in TOPICS]


def _one(answer: Answer) -> Subscription:
    return _subscription(answer.object())


def _subscription(raw: dict[str, Any]) -> Subscription:
    return Subscription(str(number_id(raw)), text(raw.get("topic")), text(raw.get("delivery_url")), raw.get("status") == "active")
