"""The store's outgoing webhooks: light bodies, our own headers echoed, Standard Webhooks signatures, retries for two days, then switched off."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

from channelsync.testing.standins.base import Deliver, Outgoing, Postman, StandIn
from channelsync.testing.standins.bigcommerce.state import Hook, Raw, State

RETRIES = (60, 180, 300, 600, 900, 1800, 3600, 7200, 21600, 50400, 86400)


class Courier:
    """`deliver` is the outside world. Signatures are made when a delivery leaves, retries included."""

    def __init__(self, shop: StandIn, state: State, deliver: Deliver | None) -> None:
        self.state, self.deliver = state, deliver
        self.postman = Postman(
            shop,
            self._send if deliver else None,
            delay=lambda: state.dials.webhook_seconds,
            retries=RETRIES,
            on_result=self._count,
        )
        self._serial = 0

    def post_events(self) -> None:
        events, self.state.events = self.state.events, []
        for scope, data in events:
            for hook in self.state.hooks.values():
                if hook.is_active and _covers(hook.scope, scope):
                    self._post(hook, scope, data)

    def _post(self, hook: Hook, scope: str, data: Raw) -> None:
        self._serial += 1
        created = int(self.state.now().timestamp())
        producer = f"stores/{self.state.store_hash}"
        digest = hashlib.sha1(f"{self._serial}{scope}{created}".encode(), usedforsecurity=False).hexdigest()
        body: dict[str, Any] = {
            "producer": producer,
            "hash": digest,
            "created_at": created,
            "store_id": "1001197568",
            "scope": scope,
            "data": data,
        }
        headers = {"content-type": "application/json", "user-agent": "akka-http/10.0.10", **hook.headers, "x-standin-hook": str(hook.id)}
        self.postman.post(hook.destination, headers, json.dumps(body, separators=(",", ":")).encode())

    async def _send(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        assert self.deliver is not None
        sent = {name: value for name, value in headers.items() if name != "x-standin-hook"}
        if self.state.dials.signs:
            sent |= signature(self.state.client_secret, hashlib.sha1(body, usedforsecurity=False).hexdigest(), self._now(), body)
        return await self.deliver(url, sent, body)

    def _now(self) -> int:
        return int(self.state.now().timestamp())

    def _count(self, outgoing: Outgoing, ok: bool) -> None:
        """The last retry that fails switches the hook off."""
        hook = self.state.hooks.get(int(outgoing.headers["x-standin-hook"]))
        if hook and not ok and outgoing.tries >= len(RETRIES):
            hook.is_active = False


def signature(client_secret: str, number: str, at: int, body: bytes) -> dict[str, str]:
    """Standard Webhooks, keyed with the text of the client secret itself."""
    signed = f"{number}.{at}.".encode() + body
    digest = base64.b64encode(hmac.digest(client_secret.encode(), signed, "sha256")).decode()
    return {"webhook-id": number, "webhook-timestamp": str(at), "webhook-signature": f"v1,{digest}"}


def _covers(subscribed: str, scope: str) -> bool:
    """`store/order/*` covers what is below it; the star inside a channel scope is literal."""
    return subscribed == scope or (subscribed.endswith("/*") and scope.startswith(subscribed[:-1]))
