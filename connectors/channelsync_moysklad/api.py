"""Requests to one account: addresses, credentials, what a call costs, and what must never be provoked. What answers mean stands in `answers`."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar

from channelsync.contract import Clock, Guarded, Guardrail, Http, HttpRequest, HttpResponse
from channelsync.errors import Misunderstood
from channelsync_moysklad.answers import Answer, done, refusal, understand
from channelsync_moysklad.settings import Settings
from channelsync_moysklad.shapes import Raw, id_of

T = TypeVar("T")

WINDOW_SECONDS = 3.0
LIMIT, EXPANDED_LIMIT = 1000, 100  # with a larger limit `expand` is ignored without a word
IDS_PER_CALL = 100  # an address holds at most 8 KB
PAGES_MAX = 1000
RAIL = Guardrail(identical_errors=60, refusals=60, writes_per_entity=50, in_flight=4)
"""Far below what the platform punishes: 200 equal errors or 200 refusals a minute, 100 PUTs a minute to one thing, 5 calls at once."""
EVERY_STATE = "isDeleted=true;isDeleted=false"
ARCHIVED_TOO = "archived=true;archived=false"


class Api:
    """The account's JSON API. One call costs `settings.weight` units of 45 per 3 seconds."""

    def __init__(self, settings: Settings, http: Http, clock: Clock) -> None:
        self.settings = settings
        self._http, self._clock = http, clock
        self._room = float(settings.units_per_window // settings.weight * settings.weight)  # whole calls
        self._rate = self._room / WINDOW_SECONDS
        http.budget.learn(remaining=self._room, maximum=self._room, per_second=self._rate, sliding=True)
        if isinstance(http.budget, Guarded):
            http.budget.guard(RAIL)

    async def get(self, path: str, params: Mapping[str, str] | None = None, *, beta: str = "") -> Answer:
        request = self._request("GET", path, params or {}, headers={"x-lognex-remap-beta-feature": beta} if beta else {})
        return await self._http.read(request, self._watched(understand))

    async def send(self, method: str, path: str, body: Any, read: Callable[[Answer], T], *, expand: str = "", entity: str = "") -> T:
        """One write; `read` judges the answer."""
        request = self._request(method, path, {"expand": expand} if expand else {}, body=body, entity=entity)
        understood = self._watched(done)
        return await self._http.write(request, lambda response: read(understood(response)))

    async def pages(self, path: str, params: Mapping[str, str], *, limit: int = LIMIT) -> AsyncIterator[list[Raw]]:
        """A whole list, page by page. One that shrinks while it is read is read again from a little further back."""
        offset, size = 0, 0
        for _ in range(PAGES_MAX):
            answer = await self.get(path, {**params, "limit": str(limit), "offset": str(offset)})
            rows = answer.rows()
            yield rows
            offset += len(rows) - max(0, size - answer.size)
            size = answer.size
            if not rows or offset >= size:
                return
        raise Misunderstood(f"{path} has more than {PAGES_MAX} pages")

    async def all(self, path: str, params: Mapping[str, str], *, limit: int = LIMIT) -> list[Raw]:
        """A whole list that is small by its nature; each thing once."""
        found: dict[str, Raw] = {}
        async for rows in self.pages(path, params, limit=limit):
            found |= {str(row.get("id")): row for row in rows}
        return list(found.values())

    async def positions(self, kind: str, document: Raw) -> list[Raw]:
        """A document's positions; of those expanded within it only the first hundred come along."""
        inside = document.get("positions")
        held = inside if isinstance(inside, dict) else {}
        rows, size = held.get("rows"), held.get("meta", {}).get("size") if isinstance(held.get("meta"), dict) else None
        if isinstance(rows, list) and all(isinstance(row, dict) for row in rows) and size == len(rows):
            return rows
        return await self.all(f"/entity/{kind}/{id_of(document)}/positions", {"expand": "assortment"}, limit=EXPANDED_LIMIT)

    def time_of(self, answer: Answer) -> datetime:
        """The shop's clock, or ours where something between us hides it."""
        return answer.at or self._clock.now()

    def _watched(self, understood: Callable[[HttpResponse], Answer]) -> Callable[[HttpResponse], Answer]:
        def read(response: HttpResponse) -> Answer:
            self._learn(response)
            return understood(response)

        return read

    def _learn(self, response: HttpResponse) -> None:
        """Others may use the same user's units. The headers may count units or calls."""
        told = [response.headers.get(name, "") for name in ("x-ratelimit-remaining", "x-ratelimit-limit", "x-lognex-reset")]
        if not all(text.isdecimal() and len(text) < 9 for text in told):
            return
        remaining, limit, reset = map(int, told)
        units = remaining * self.settings.units_per_window / max(limit, 1)
        self._http.budget.learn(remaining=units, maximum=self._room, per_second=self._rate, resets_in=reset / 1000, sliding=True)

    def _request(
        self,
        method: str,
        path: str,
        params: Mapping[str, str],
        *,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        entity: str = "",
    ) -> HttpRequest:
        sent = {
            "accept": "application/json;charset=utf-8",
            "accept-encoding": "gzip",
            "authorization": self._credentials(),
            **(headers or {}),
        }
        content = None
        if body is not None:
            sent["content-type"] = "application/json;charset=utf-8"
            content = json.dumps(body, ensure_ascii=False).encode(errors="replace")  # people's comments travel back
        if method != "GET" and self.settings.webhook_prefix:
            sent["x-lognex-webhook-disablebyprefix"] = self.settings.webhook_prefix
        cost = float(self.settings.weight)
        return HttpRequest(method, self.settings.api_url + path, sent, params, content, cost, entity, refusal)

    def _credentials(self) -> str:
        settings = self.settings
        if settings.token is not None:
            return f"Bearer {settings.token.get_secret_value()}"
        password = settings.password.get_secret_value() if settings.password else ""
        return "Basic " + base64.b64encode(f"{settings.login}:{password}".encode()).decode()


def link(kind: str, ref: str) -> Raw:
    """A reference as bodies carry it: the documented host, whatever host we call."""
    href = f"https://api.moysklad.ru/api/remap/1.2/entity/{kind}/{ref}"
    return {"meta": {"href": href, "type": kind, "mediaType": "application/json"}}


def any_of(name: str, values: Iterable[str]) -> str:
    """A filter: the field is one of these."""
    return ";".join(f"{name}={value.replace(';', chr(92) + ';')}" for value in values)


def chunks(values: Sequence[str], size: int = IDS_PER_CALL) -> Iterator[list[str]]:
    rest = iter(values)
    while some := list(islice(rest, size)):
        yield some
