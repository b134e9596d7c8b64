"""The shell's own door to a shop, over the wire of the kit: what a connector meets here is what it meets in the daemon."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

from channelsync.clock import Clock
from channelsync.contract import Budget, HttpRequest, HttpResponse
from channelsync.shell.circuit import Circuit
from channelsync.shell.http import ShopHttp
from channelsync.shell.http_client import HttpClient
from channelsync.shell.limiter import RateBudget
from channelsync.shell.retry import ReadRetry
from channelsync.testing.conformance.wire import KIND, Wire
from channelsync.testing.standins.base import AsgiApp

T = TypeVar("T")

TIMEOUT_SECONDS = 5.0


class WatchedHttp:
    """An `Http` that tells the wire which requests are meant to have an effect."""

    def __init__(self, inner: ShopHttp, wire: Wire) -> None:
        self._inner, self.wire = inner, wire
        self.budget: Budget = inner.budget

    async def read(self, request: HttpRequest, understand: Callable[[HttpResponse], T]) -> T:
        self.wire.calls += 1
        return await self._inner.read(request, understand)

    def download(self, url: str, *, limit: int) -> AbstractAsyncContextManager[Iterator[bytes]]:
        self.wire.calls += 1
        return self._inner.download(url, limit=limit)

    async def write(self, request: HttpRequest, understand: Callable[[HttpResponse], T]) -> T:
        self.wire.calls += 1
        token = KIND.set("write")
        try:
            return await self._inner.write(request, understand)
        finally:
            KIND.reset(token)


def open_http(app: AsgiApp, clock: Clock, *, seed: int = 1, timeout: float = TIMEOUT_SECONDS) -> WatchedHttp:
    """The door to a stand-in's `app`, in process. `timeout`: seconds of the clock for a whole call."""
    wire = Wire(app, clock)
    client = HttpClient(clock, timeout=timeout, transport=wire)
    return WatchedHttp(ShopHttp(client, RateBudget(clock), Circuit("shop", clock), ReadRetry(clock, random.Random(seed), None)), wire)
