"""Webhook subscriptions and their deliveries: signed, retried eight times over four hours, deleted after eight failures in a row."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from channelsync.clock import Clock
from channelsync.testing.standins.base import Deliver, Outgoing, Postman, StandIn
from channelsync.testing.standins.shopify.records import Ids, Numbered

RETRIES = (10.0, 30.0, 90.0, 270.0, 800.0, 1800.0, 3600.0, 7800.0)  # eight more tries, together four hours
FAILURES_ALLOWED = 8
TAKEN = "Address for this topic has already been taken"


@dataclass(slots=True, eq=False)
class WebhookSubscription(Numbered):
    number: int
    topic: str
    uri: str
    include_fields: list[str]
    created_at: datetime
    updated_at: datetime
    format: str = "JSON"
    failures: int = 0
    api_version: Mapping[str, Any] = field(default_factory=dict)


class Hooks:
    """All subscriptions of one app. Each delivery carries the body of the moment it was triggered, on every retry."""

    def __init__(
        self, shop: StandIn, ids: Ids, *, deliver: Deliver | None, delay: float, domain: str, secret: str, api_version: Mapping[str, Any]
    ) -> None:
        self.clock: Clock = shop.clock
        self.random: random.Random = shop.random
        self.ids, self.domain, self.secret, self.api_version = ids, domain, secret, api_version
        self.subscriptions: dict[str, WebhookSubscription] = {}  # by GID
        self.postman = Postman(shop, deliver, delay=lambda: shop.random.random() * delay, retries=RETRIES, on_result=self._judge)

    def create(self, topic: str, uri: str | None, include_fields: list[str] | None) -> WebhookSubscription | str:
        """The new subscription, or why not."""
        if not uri or "://" not in uri:
            return "Address is invalid"
        if self._find(topic, uri):
            return TAKEN
        now = self._now()
        made = WebhookSubscription(
            self.ids.next("WebhookSubscription"), topic, uri, include_fields or [], now, now, api_version=self.api_version
        )
        self.subscriptions[made.id] = made
        return made

    def update(self, ref: str, uri: str | None, include_fields: list[str] | None) -> WebhookSubscription | str:
        subscription = self.subscriptions.get(ref)
        if subscription is None:
            return "Webhook subscription does not exist"
        if uri and uri != subscription.uri and self._find(subscription.topic, uri):
            return TAKEN
        subscription.uri = uri or subscription.uri
        subscription.include_fields = subscription.include_fields if include_fields is None else include_fields
        subscription.updated_at = self._now()
        return subscription

    def delete(self, ref: str) -> bool:
        return self.subscriptions.pop(ref, None) is not None

    def fire(self, topic: str, payload: Callable[[], Mapping[str, Any]], event: UUID) -> None:
        """One thing happened: every subscription to the topic gets its own delivery of the same event. The body is made only if needed."""
        for subscription in [each for each in self.subscriptions.values() if each.topic == topic]:
            wanted = subscription.include_fields
            body = {name: value for name, value in payload().items() if not wanted or name in wanted}
            self._post(subscription, json.dumps(body, separators=(",", ":")).encode(), event)

    def event(self) -> UUID:
        """A new event id: shared by all deliveries of one action."""
        return UUID(bytes=self.random.randbytes(16), version=4)

    def _post(self, subscription: WebhookSubscription, body: bytes, event: UUID) -> None:
        digest = hmac.new(self.secret.encode(), body, hashlib.sha256).digest()
        headers = {
            "Content-Type": "application/json",
            "X-Shopify-Topic": wire_name(subscription.topic),
            "X-Shopify-Hmac-Sha256": base64.b64encode(digest).decode(),
            "X-Shopify-Shop-Domain": self.domain,
            "X-Shopify-API-Version": str(self.api_version["handle"]),
            "X-Shopify-Webhook-Id": str(self.event()),
            "X-Shopify-Event-Id": str(event),
            "X-Shopify-Triggered-At": self.clock.now().isoformat().replace("+00:00", "Z"),
        }
        self.postman.post(subscription.uri, headers, body)

    def _judge(self, outgoing: Outgoing, ok: bool) -> None:
        subscription = self._find(outgoing.headers["X-Shopify-Topic"].replace("/", "_").upper(), outgoing.url)
        if subscription is None:
            return
        subscription.failures = 0 if ok else subscription.failures + 1
        if subscription.failures >= FAILURES_ALLOWED:
            del self.subscriptions[subscription.id]

    def _find(self, topic: str, uri: str) -> WebhookSubscription | None:
        return next((s for s in self.subscriptions.values() if (s.topic, s.uri) == (topic, uri)), None)

    def _now(self) -> datetime:
        return self.clock.now().replace(microsecond=0)


def wire_name(topic: str) -> str:
    """`ORDERS_CREATE` travels as `orders/create`, `INVENTORY_LEVELS_UPDATE` as `inventory_levels/update`."""
    resource, _, event = topic.lower().rpartition("_")
    return f"{resource}/{event}"
