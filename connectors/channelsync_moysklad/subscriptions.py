"""The webhooks that exist in the account, and making sure that ours do. Ours end in one of `webhook_secrets`, which are never shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class Hook:
    """A webhook as the account shows it. old: its address ends in a secret of ours that is no longer the first."""

    subscription: Subscription
    old: bool = False


class Subscriptions:
    """Webhooks of one account. secrets: new ones get the first; addresses that end in another one are moved to it."""

    def __init__(self, api: Api, secrets: Sequence[str]) -> None:
        self._api, self._secrets = api, secrets

    async def existing(self) -> list[Subscription]:
        return [hook.subscription for hook in await self._hooks()]

    async def _hooks(self) -> list[Hook]:
        rows = [*await self._api.all("/entity/webhook", {}), *await self._api.all("/entity/webhookstock", {})]
        return [self._hook(row) for row in rows]

    async def subscribe(self, url: str) -> Sequence[Subscription]:
        """List first, then create what is missing and switch on what is off: a second hook of the same kind is refused (30003)."""
        if not self._secrets:
            raise Refused("webhook_secrets is empty: Moysklad signs nothing, so a long random text in the address is needed")
        address = f"{url}/{self._secrets[0]}"
        if len(address) > URL_MAX:
            raise Refused(f"the webhook address is longer than {URL_MAX} characters; shorten the secret or the public address")
        newest_last = sorted(await self._hooks(), key=lambda hook: not hook.old)
        ours = {hook.subscription.topic: hook for hook in newest_last if hook.subscription.url == url}
        for topic in TOPICS:
            hook = ours.get(topic)
            if hook is None:
                ours[topic] = await self._api.send("POST", _path(topic), _body(topic, address), self._one)
            elif hook.old or not hook.subscription.active:
                path, change = f"{_path(topic)}/{hook.subscription.ref}", {"enabled": True} | ({"url": address} if hook.old else {})
                ours[topic] = await self._api.send("PUT", path, change, self._one)
        return [ours[topic].subscription for topic in TOPICS]

    def _one(self, answer: Answer) -> Hook:
        return self._hook(answer.entity())

    def _hook(self, raw: Raw) -> Hook:
        entity, action = text(raw.get("entityType")), text(raw.get("action"))
        topic = f"{entity}.{action}" if entity else f"{STOCK}.{text(raw.get('reportType'))}"
        url = text(raw.get("url"))
        used = next((secret for secret in self._secrets if url.endswith(f"/{secret}")), None)
        shown = url.removesuffix(f"/{used}") if used else url
        return Hook(Subscription(id_of(raw), topic, shown, raw.get("enabled") is not False), old=used not in (None, *self._secrets[:1]))


def _body(topic: str, address: str) -> Raw:
    entity, _, action = topic.partition(".")
    if entity == STOCK:
        return {"url": address, "enabled": True, "reportType": action, "stockType": "stock"}
    return {"url": address, "action": action, "entityType": entity}


def _path(topic: str) -> str:
    return "/entity/webhookstock" if topic.startswith(f"{STOCK}.") else "/entity/webhook"
