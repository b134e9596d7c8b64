"""Memory connectors that each make one mistake with webhooks."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import replace

from channelsync.contract import (
    Delivery,
    Parsed,
    Subscription,
)
from channelsync.errors import BadDelivery
from channelsync_memory import MemoryConnector


class VerifiesParsedJson(MemoryConnector):
    def verify(self, delivery: Delivery) -> str:
        try:
            body = json.dumps(json.loads(delivery.body)).encode()
        except ValueError as error:
            raise BadDelivery("not JSON") from error
        return super().verify(replace(delivery, body=body))


class ComparesSignaturesInTheOpen(MemoryConnector):
    def verify(self, delivery: Delivery) -> str:
        secret = self._settings.webhook_secrets[0].get_secret_value().encode()
        signature = base64.b64encode(hmac.digest(secret, delivery.body, hashlib.sha256)).decode()
        if delivery.headers.get("x-memory-signature") != signature:
            raise BadDelivery("the signature does not fit the body")
        return hashlib.sha256(delivery.body).hexdigest()


class TakesUnsignedDeliveries(MemoryConnector):
    def verify(self, delivery: Delivery) -> str:
        if not delivery.headers.get("x-memory-signature"):
            return hashlib.sha256(delivery.body).hexdigest()
        return super().verify(delivery)


class KeyFromTheTimeOfArrival(MemoryConnector):
    def verify(self, delivery: Delivery) -> str:
        return f"{super().verify(delivery)}-{delivery.received_at.isoformat()}"


class OneKeyPerTopic(MemoryConnector):
    def verify(self, delivery: Delivery) -> str:
        super().verify(delivery)
        return str(json.loads(delivery.body)["topic"])


class TrustsTheShapeOfADelivery(MemoryConnector):
    def parse(self, delivery: Delivery) -> Sequence[Parsed]:
        content = json.loads(delivery.body)
        assert content["topic"]
        return super().parse(delivery)


class SubscribesAgainAndAgain(MemoryConnector):
    async def subscribe(self, url: str) -> Sequence[Subscription]:
        await super().subscribe(f"{url}?")
        request = self._request("POST", "/hooks", content={"topic": "order.changed", "url": url})
        await self._http.write(request, lambda response: response.status)
        return await super().subscribe(url)


class LeavesHooksSwitchedOff(MemoryConnector):
    async def subscribe(self, url: str) -> Sequence[Subscription]:
        ours = [hook for hook in await self.subscriptions() if hook.url == url]
        return ours or await super().subscribe(url)
