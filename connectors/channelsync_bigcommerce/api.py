"""Requests to one store: addresses, the token, the rate limit it tells. What answers mean stands in `answers`."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from channelsync.contract import Clock, Http, HttpRequest, HttpResponse
from channelsync.errors import Misunderstood
from channelsync_bigcommerce.answers import Answer, learn, refusal, understand
from channelsync_bigcommerce.settings import Settings

T = TypeVar("T")

PER_PAGE = 250
PAGES_MAX = 4000


class Api:
    """The store's REST API. Paths begin with their version: "/v3/inventory/items"."""

    def __init__(self, settings: Settings, http: Http, clock: Clock) -> None:
        self._http, self.clock = http, clock
        self._root = f"{settings.api_url}/stores/{settings.store_hash}"
        self._token = settings.access_token.get_secret_value()

    async def get(self, path: str, params: Mapping[str, str] | None = None) -> Answer:
        return await self._http.read(self._request("GET", path, params), self._understand)

    async def send(self, method: str, path: str, body: Any, read: Callable[[Answer], T]) -> T:
        """One write; `read` judges the answer."""
        request = self._request(method, path, None, body)
        return await self._http.write(request, lambda response: read(self._understand(response)))

    async def pages(
        self, path: str, params: Mapping[str, str], *, limit: int = PER_PAGE
    ) -> AsyncIterator[tuple[list[dict[str, Any]], datetime]]:
        """Every page of a v3 list, with the store's clock. `meta` is missing in some answers, so a short page is the end."""
        for page in range(1, PAGES_MAX + 1):
            answer = await self.get(path, {**params, "limit": str(limit), "page": str(page)})
            rows = answer.data_rows()
            yield rows, self.time_of(answer)
            if len(rows) < limit:
                return
        raise Misunderstood(f"{path} has more than {PAGES_MAX * limit} rows")

    def time_of(self, answer: Answer) -> datetime:
        """The store's clock, or ours where it does not tell its own."""
        return answer.at or self.clock.now()

    def _understand(self, response: HttpResponse) -> Answer:
        learn(self._http.budget, response.headers)
        return understand(response)

    def _request(self, method: str, path: str, params: Mapping[str, str] | None, body: Any = None) -> HttpRequest:
        headers = {"accept": "application/json", "x-auth-token": self._token}
        content = None
        if body is not None:
            headers["content-type"] = "application/json"
            content = json.dumps(body).encode()
        return HttpRequest(method, self._root + path, headers, dict(params or {}), content, refusal=refusal)
