"""The event feed: each message one signed POST, through the same client that shops are called with. Any answer but 2xx is a failure."""

from __future__ import annotations

import json
from datetime import timedelta

from channelsync.clock import Clock
from channelsync.contract.http import HttpRequest
from channelsync.engine.alerts import Sent
from channelsync.errors import ChannelError, RateLimited
from channelsync.ledger.alert_queue import Message, Said
from channelsync.ledger.alert_rules import EVENTS, SUMMARY, Kind
from channelsync.shell.http_client import HttpClient
from channelsync.shell.reach import REMEDY
from channelsync.shell.redact import Redactor
from channelsync.shell.retry_after import seconds_to_wait
from channelsync.shell.standard_webhooks import signed

TIMEOUT = timedelta(seconds=20)
ANSWER_MAX = 64 * 1024
NOT_NOW = frozenset({408, 409, 425, 429})
GONE = 410
WAIT_MAX = timedelta(days=1)
OURS = "if the receiver is in your own network, set allow_private_hosts = true for this webhook"


class Feed:
    """One receiver. store: its id is part of every message's, so that one receiver can serve several stores."""

    timeout = TIMEOUT

    def __init__(self, store: str, url: str, secrets: tuple[str, ...], client: HttpClient, clock: Clock, redactor: Redactor) -> None:
        self._store, self._url, self._secrets = store, url, secrets
        self._client, self._clock, self._redactor = client, clock, redactor

    async def send(self, message: Message) -> Sent:
        body = json.dumps(payload(message), ensure_ascii=False, separators=(",", ":")).encode()
        timestamp = int(self._clock.now().timestamp())
        headers = {"content-type": "application/json", **signed(self._secrets, f"{self._store}-{message.id}", timestamp, body)}
        try:
            answer = await self._client.send(HttpRequest("POST", self._url, headers, body=body))
        except RateLimited as error:
            return Sent(Said.LATER, "too many requests (429)", _wait(error.retry_after))
        except ChannelError as error:
            return Sent(Said.LATER, self._redactor.text(str(error).replace(REMEDY, OURS)))
        said = f"answered {answer.status}"
        if 200 <= answer.status < 300:
            return Sent(Said.SENT)
        if answer.status == GONE:
            return Sent(Said.GONE, f"{said}: it wants no more messages; `channelsync alerts retry` takes it up again")
        if answer.status >= 500 or answer.status in NOT_NOW:
            return Sent(Said.LATER, said, _wait(seconds_to_wait(answer.headers.get("retry-after"), self._clock.now())))
        if 300 <= answer.status < 400:
            return Sent(Said.LATER, f"{said}: a redirect is not followed; put the new address into the config")
        return Sent(Said.REFUSED, said)


def payload(message: Message) -> dict[str, object]:
    """The same on every try."""
    event = SUMMARY if message.event == SUMMARY else EVENTS[Kind(message.kind)] + (".resolved" if message.event == "resolved" else "")
    told = {"severity": message.severity, "title": message.title, "alert": message.alert_id, **message.data}
    return {"type": event, "timestamp": message.created_at.isoformat(), "data": told}


def _wait(seconds: float | None) -> timedelta | None:
    return None if seconds is None else min(timedelta(seconds=seconds), WAIT_MAX)
