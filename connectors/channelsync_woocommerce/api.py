"""Requests to one shop: addresses, keys and headers. What answers mean stands in `answers`."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from channelsync.contract import Clock, Http, HttpRequest
from channelsync_woocommerce.answers import Answer, understand
from channelsync_woocommerce.settings import Settings

T = TypeVar("T")

API = "/wp-json/wc/v3"
PER_PAGE = 100


class Api:
    """The shop's REST API. Page caches in front of it are asked to stay out."""

    def __init__(self, settings: Settings, http: Http, clock: Clock) -> None:
        self._settings, self._http, self._clock = settings, http, clock

    async def get(self, path: str, params: Mapping[str, str] | None = None, *, method: str = "GET", root: str = API) -> Answer:
        return await self._http.read(self._request(method, root + path, params), understand)

    async def send(self, method: str, path: str, body: Any, read: Callable[[Answer], T], *, key: str | None = None) -> T:
        """One write; `read` judges the answer. The key travels as X-Request-Id: for the shop's logs, it protects nothing."""
        request = self._request(method, API + path, None, body, key)
        return await self._http.write(request, lambda response: read(understand(response)))

    def time_of(self, answer: Answer) -> datetime:
        """The shop's clock, or ours where the shop hides its own."""
        return answer.at or self._clock.now()

    def _request(self, method: str, path: str, params: Mapping[str, str] | None, body: Any = None, key: str | None = None) -> HttpRequest:
        headers = {"accept": "application/json", "cache-control": "no-cache"}
        sent = dict(params or {})
        pair = (self._settings.consumer_key.get_secret_value(), self._settings.consumer_secret.get_secret_value())
        if self._settings.auth == "query":
            sent |= {"consumer_key": pair[0], "consumer_secret": pair[1]}
        else:
            headers["authorization"] = "Basic " + base64.b64encode(":".join(pair).encode()).decode()
        content = None
        if body is not None:
            headers["content-type"] = "application/json"
            content = json.dumps(body).encode()
        if key:
            headers["x-request-id"] = key
        return HttpRequest(method, self._settings.url + path, headers, sent, content)
