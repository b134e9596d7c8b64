"""A door behind which one thing of the shop's answers is changed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

from channelsync.contract import Budget, Http, HttpRequest, HttpResponse

T = TypeVar("T")
Change = Callable[[HttpRequest, Any], None]


class Spoiling:
    """An `Http` before a real one. change: is given each request and the content of its answer, and may spoil it."""

    def __init__(self, inner: Http, change: Change) -> None:
        self._inner, self._change = inner, change
        self.budget: Budget = inner.budget

    async def read(self, request: HttpRequest, understand: Callable[[HttpResponse], T]) -> T:
        return await self._inner.read(request, lambda response: understand(self._spoiled(request, response)))

    async def write(self, request: HttpRequest, understand: Callable[[HttpResponse], T]) -> T:
        return await self._inner.write(request, lambda response: understand(self._spoiled(request, response)))

    def _spoiled(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        content = json.loads(response.body or b"null")
        self._change(request, content)
        return replace(response, body=json.dumps(content).encode()) if response.body else response
