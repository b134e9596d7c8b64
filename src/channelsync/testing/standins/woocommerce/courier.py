"""The shop's outgoing webhooks: a queue that runs on a timer, bodies built when they leave, no retries, switched off after failures."""

from __future__ import annotations

import base64
import hashlib
import hmac
import math
from collections.abc import Mapping
from typing import Any

from channelsync.testing.standins.base import Deliver, Outgoing, Postman, StandIn
from channelsync.testing.standins.woocommerce.query import RestError
from channelsync.testing.standins.woocommerce.render import order_json, product_json
from channelsync.testing.standins.woocommerce.rest import to_json
from channelsync.testing.standins.woocommerce.state import State, Webhook

PING = b"webhook_id="
MAX_FAILURES = 5  # the check is "more than", before counting: the seventh failure in a row switches off


class Courier:
    """`deliver` is the outside world; 301 and 302 from it count as success and are not followed."""

    def __init__(self, shop: StandIn, state: State, deliver: Deliver | None) -> None:
        self.state, self.deliver = state, deliver
        self.postman = Postman(shop, self._send if deliver else None, delay=lambda: 0.0, on_result=self._count)
        self.started = state.clock.monotonic()

    async def _send(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        assert self.deliver is not None
        status = await self.deliver(url, headers, body)
        return 200 if status in (301, 302) else status

    def next_due(self) -> float | None:
        moments = [due for due in (self._next_run(), self.postman.next_due()) if due is not None]
        return min(moments, default=None)

    def _next_run(self) -> float | None:
        """The first tick of the cron after the oldest entry."""
        if self.state.pings:
            return self.state.clock.monotonic()
        oldest = min(self.state.queue.values(), default=None)
        if oldest is None:
            return None
        every = self.state.dials.cron_seconds
        return oldest if not every else self.started + math.ceil((oldest - self.started) / every + 1e-9) * every

    async def work(self) -> None:
        due = self._next_run()
        if due is not None and due <= self.state.clock.monotonic():
            self._run_queue()
        await self.postman.send_due()

    def _run_queue(self) -> None:
        for number in self.state.pings:
            if number in self.state.webhooks:
                self._ping(self.state.webhooks[number])
        self.state.pings.clear()
        entries, self.state.queue = list(self.state.queue), {}
        for number, thing in entries:
            webhook = self.state.webhooks.get(number)
            if webhook and webhook.status == "active":
                self._post(webhook, to_json(self.payload(webhook.topic, thing)))

    def _ping(self, webhook: Webhook) -> None:
        """Unsigned, and without any X-WC header."""
        headers = {"user-agent": self._agent(), "content-type": "application/x-www-form-urlencoded"}
        self.postman.post(webhook.delivery_url, headers, PING + str(webhook.id).encode())

    def _post(self, webhook: Webhook, body: bytes) -> None:
        resource, _, event = webhook.topic.partition(".")
        signature = base64.b64encode(hmac.digest(webhook.secret.encode(), body, "sha256")).decode()
        headers = {
            "user-agent": self._agent(),
            "content-type": "application/json",
            "x-wc-webhook-source": self.state.dials.home + "/",
            "x-wc-webhook-topic": webhook.topic,
            "x-wc-webhook-resource": resource,
            "x-wc-webhook-event": event,
            "x-wc-webhook-signature": signature,
            "x-wc-webhook-id": str(webhook.id),
            "x-wc-webhook-delivery-id": self._delivery_id(webhook),
        }
        self.postman.post(webhook.delivery_url, headers, body)

    def payload(self, topic: str, thing: int) -> dict[str, Any]:
        """The object as it is now; its id alone when deleted; a (signed) error object if it is gone."""
        if topic.endswith(".deleted"):
            return {"id": thing}
        if topic.startswith("order."):
            order = self.state.orders.get(thing)
            return order_json(self.state, order) if order else _gone("shop_order")
        product = self.state.products.get(thing)
        return product_json(self.state, product) if product else _gone("product")

    def _delivery_id(self, webhook: Webhook) -> str:
        """Not unique: a hash of the webhook and the current second."""
        text = f"{webhook.id}{int(self.state.now().timestamp())}"
        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

    def _agent(self) -> str:
        return f"WooCommerce/{self.state.dials.version} Hookshot (WordPress/6.8.8)"

    def _count(self, outgoing: Outgoing, ok: bool) -> None:
        """Pings do not count as failures."""
        if outgoing.body.startswith(PING):
            webhook = self.state.webhooks.get(int(outgoing.body.removeprefix(PING)))
            if webhook and ok:
                webhook.pinged = True
            return
        webhook = self.state.webhooks.get(int(outgoing.headers.get("x-wc-webhook-id", "0")))
        if webhook is None:
            return
        if ok:
            webhook.failures = 0
        elif webhook.failures > MAX_FAILURES:
            webhook.status = "disabled"
        else:
            webhook.failures += 1


def _gone(kind: str) -> dict[str, Any]:
    return RestError(404, f"woocommerce_rest_{kind}_invalid_id", "Invalid ID.").body()
