"""The webhooks that exist in the account, and making sure that ours do. Ours end in the secret of `webhook_token`, which is never shown."""

from __future__ import annotations

from collections.abc import Sequence

from channelsync.contract import Subscription
from channelsync.errors import Refused
from channelsync_moysklad.answers import Answer
from channelsync_moysklad.api import Api
from channelsync_moysklad.shapes import Raw, id_of, text

ENTITIES = ("customerorder", "demand", "salesreturn")
ACTIONS = ("CREATE", "UPDATE", "DELETE")
STOCK = "stock"
TOPICS = (*(f"{entity}.{action}" for entity in ENTITIES for action in ACTIONS), f"{STOCK}.bystore")
URL_MAX = 255


class Subscriptions:
    """Webhooks of one account."""

    def __init__(self, api: Api, token: str | None) -> None:
        self._api, self._token = api, token

    async def existing(self) -> list[Subscription]:
        rows = [*await self._api.all("/entity/webhook", {}), *await self._api.all("/entity/webhookstock", {})]
        return [self._subscription(row) for row in rows]

    async def subscribe(self, url: str) -> Sequence[Subscription]:
        """List first, then create what is missing and switch on what is off: a second hook of the same kind is refused (30003)."""
        if self._token is None:
            raise Refused("webhook_token is not set: Moysklad signs nothing, so a long random text in the address is needed")
        if len(f"{url}/{self._token}") > URL_MAX:
            raise Refused(f"the webhook address is longer than {URL_MAX} characters; shorten webhook_token or the public address")
        ours = {found.topic: found for found in await self.existing() if found.url == url}
        for topic in TOPICS:
            found = ours.get(topic)
            if found is None:
                ours[topic] = await self._api.send("POST", _path(topic), self._body(topic, url), self._one)
            elif not found.active:
                path = f"{_path(topic)}/{found.ref}"
                ours[topic] = await self._api.send("PUT", path, {"enabled": True}, self._one)
        return [ours[topic] for topic in TOPICS]

    def _body(self, topic: str, url: str) -> Raw:
        entity, _, action = topic.partition(".")
        address = f"{url}/{self._token}"
        if entity == STOCK:
            return {"url": address, "enabled": True, "reportType": action, "stockType": "stock"}
        return {"url": address, "action": action, "entityType": entity}

    def _one(self, answer: Answer) -> Subscription:
        return self._subscription(answer.entity())

    def _subscription(self, raw: Raw) -> Subscription:
        entity, action = text(raw.get("entityType")), text(raw.get("action"))
        topic = f"{entity}.{action}" if entity else f"{STOCK}.{text(raw.get('reportType'))}"
        url = text(raw.get("url"))
        return Subscription(id_of(raw), topic, url.removesuffix(f"/{self._token}") if self._token else url, raw.get("enabled") is not False)


def _path(topic: str) -> str:
    return "/entity/webhookstock" if topic.startswith(f"{STOCK}.") else "/entity/webhook"
