"""Webhook subscriptions at the shop: what exists, and making sure that ours do. Shopify deletes one after eight failures in a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from channelsync.contract import Subscription
from channelsync.errors import Misunderstood, Refused
from channelsync_shopify import documents
from channelsync_shopify.admin import Admin, Answer
from channelsync_shopify.answers import Hook, HookCreated
from channelsync_shopify.shapes import Connection, shaped

ORDER_FIELDS = ("id", "admin_graphql_api_id", "updated_at")
TOPICS: Mapping[str, tuple[str, ...]] = {
    "ORDERS_CREATE": ORDER_FIELDS,
    "ORDERS_UPDATED": ORDER_FIELDS,
    "ORDERS_CANCELLED": ORDER_FIELDS,
    "ORDERS_DELETE": (),
    "ORDERS_EDITED": (),
    "REFUNDS_CREATE": ("id", "admin_graphql_api_id", "order_id"),
    "INVENTORY_LEVELS_UPDATE": (),
    "INVENTORY_LEVELS_CONNECT": (),
    "INVENTORY_LEVELS_DISCONNECT": (),
    "INVENTORY_ITEMS_CREATE": (),
    "INVENTORY_ITEMS_UPDATE": (),
    "INVENTORY_ITEMS_DELETE": (),
}
"""The topics we need, with the fields asked for (none: all). Orders bring no customer's data along: the order is read again anyway.

products/* is left out: products/update fires on every sale, and each variant's inventory item has topics of its own.
"""
PAGES_MAX = 20


class Subscriptions:
    def __init__(self, admin: Admin) -> None:
        self._admin = admin

    async def existing(self) -> Sequence[Subscription]:
        found: list[Subscription] = []
        after: str | None = None
        for _ in range(PAGES_MAX):
            page = await self._admin.read(documents.SUBSCRIPTIONS, {"after": after}, _understand_page)
            found += [Subscription(hook.id, hook.topic, hook.uri) for hook in page.nodes]
            if not page.cut:
                return found
            after = page.page_info.end_cursor
        raise Misunderstood(f"the shop lists more than {PAGES_MAX} pages of webhook subscriptions")

    async def ensure(self, url: str) -> Sequence[Subscription]:
        """All of ours at `url`, made where they are missing."""
        present = {each.topic: each for each in await self.existing() if each.url == url}
        missing = [topic for topic in TOPICS if topic not in present]
        for topic in missing:
            wanted: dict[str, object] = {"uri": url, "format": "JSON"}
            if fields := TOPICS[topic]:
                wanted["includeFields"] = list(fields)
            made = await self._admin.write(documents.SUBSCRIBE, {"topic": topic, "subscription": wanted}, _understand_created)
            if made:
                present[topic] = made
        return [present[topic] for topic in TOPICS if topic in present]


def _understand_page(answer: Answer) -> Connection[Hook]:
    return shaped(Connection[Hook], answer.field("webhookSubscriptions"), "the webhook subscriptions")


def _understand_created(answer: Answer) -> Subscription | None:
    """None: it was made by somebody else just now. Raises Refused with Shopify's reason."""
    created = shaped(HookCreated, answer.field("webhookSubscriptionCreate"), "the new webhook subscription")
    if hook := created.webhook_subscription:
        return Subscription(hook.id, hook.topic, hook.uri)
    reasons = "; ".join(error.message for error in created.user_errors)
    if "already been taken" in reasons:
        return None
    raise Refused(f"the shop makes no webhook subscription: {reasons or 'no reason given'}")
