"""The memory shop's webhooks: subscriptions, signatures, and what is sent when something changes. A hook that keeps failing is switched off."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Any

from channelsync.testing.standins.base import Deliver, Outgoing, Postman, StandIn

TOPICS = ("order.changed", "stock.changed", "listing.changed")
RETRY_SECONDS = (1.0, 10.0, 60.0)
FAILURES_MAX = 5
HOOKS_MAX = 100


@dataclass(slots=True)
class Hook:
    ref: str
    topic: str
    url: str
    active: bool = True
    failures: int = 0


class Hooks:
    """The body is signed as it is sent: base64 of its HMAC-SHA256. `delivery` in it is the same for every try of one delivery."""

    def __init__(self, shop: StandIn, secret: str, deliver: Deliver | None, delay: float) -> None:
        self._secret = secret.encode()
        self.postman = Postman(shop, deliver, delay=lambda: delay, retries=RETRY_SECONDS, on_result=self._settle)
        self.hooks: dict[str, Hook] = {}
        self._hooks_made = 0
        self._sent = 0

    def create(self, topic: str, url: str) -> Hook:
        """Raises ValueError for an unknown topic or one hook too many."""
        if topic not in TOPICS:
            raise ValueError(f"unknown topic {topic!r}; known: {', '.join(TOPICS)}")
        if len(self.hooks) >= HOOKS_MAX:
            raise ValueError(f"at most {HOOKS_MAX} hooks")
        self._hooks_made += 1
        hook = Hook(f"hook-{self._hooks_made}", topic, url)
        self.hooks[hook.ref] = hook
        self._send(hook, "ping", {})
        return hook

    def announce(self, topic: str, content: dict[str, Any]) -> None:
        for hook in self.hooks.values():
            if hook.active and hook.topic == topic:
                self._send(hook, topic, content)

    def sign(self, body: bytes) -> str:
        return base64.b64encode(hmac.digest(self._secret, body, hashlib.sha256)).decode()

    def _send(self, hook: Hook, topic: str, content: dict[str, Any]) -> None:
        self._sent += 1
        body = json.dumps({"delivery": f"delivery-{self._sent}", "topic": topic} | content).encode()
        headers = {"content-type": "application/json", "x-memory-signature": self.sign(body), "x-memory-hook": hook.ref}
        self.postman.post(hook.url, headers, body)

    def _settle(self, outgoing: Outgoing, ok: bool) -> None:
        hook = self.hooks.get(outgoing.headers["x-memory-hook"])
        if hook is None:
            return
        hook.failures = 0 if ok else hook.failures + 1
        hook.active = hook.active and hook.failures < FAILURES_MAX
