"""The real door of `channelsync.contract.http`: budget, circuit, retry and one HTTP call, in this order from outside to inside.

read:  retry ( circuit? -> guardrail? -> wait for budget -> circuit [ call -> understand ] )
write:         circuit? -> guardrail? -> wait for budget -> circuit [ call -> understand ]
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import IO, TypeVar

import httpx

from channelsync.clock import Clock
from channelsync.contract.http import Budget, HttpRequest, HttpResponse
from channelsync.engine.leasing import may_leave
from channelsync.errors import Misunderstood, RateLimited
from channelsync.shell.circuit import Circuit
from channelsync.shell.echo import Echoes
from channelsync.shell.http_client import HttpClient
from channelsync.shell.limiter import RateBudget
from channelsync.shell.redact import Redactor
from channelsync.shell.retry import ReadRetry, RetryRules

T = TypeVar("T")

LINE_MAX = 1024 * 1024
READ_WAIT_SECONDS = 60.0
WRITE_WAIT_SECONDS = 5.0  # a write was computed from numbers that age; better to compute it again than to let it wait


class ShopHttp:
    """The `Http` of one channel."""

    def __init__(
        self, client: HttpClient, budget: RateBudget, circuit: Circuit, retry: ReadRetry, redactor: Redactor | None = None
    ) -> None:
        self.budget: Budget = budget
        self.circuit = circuit
        self._bucket = budget
        self._client = client
        self._retry = retry
        self._echoes = Echoes(redactor or Redactor())

    @property
    def bucket(self) -> RateBudget:
        """The budget with its numbers, for people to look at."""
        return self._bucket

    async def read(self, request: HttpRequest, understand: Callable[[HttpResponse], T]) -> T:
        return await self._retry.run(lambda: self._once(request, understand, write=False))

    async def write(self, request: HttpRequest, understand: Callable[[HttpResponse], T]) -> T:
        return await self._once(request, understand, write=True)

    @asynccontextmanager
    async def download(self, url: str, *, limit: int) -> AsyncIterator[Iterator[bytes]]:
        """Outside of budget and circuit: the host is another one, and its troubles are not the shop's."""
        with tempfile.TemporaryFile() as file:
            await self._retry.run(lambda: self._client.save(url, file, limit))
            file.seek(0)
            yield _lines(file)

    async def _once(self, request: HttpRequest, understand: Callable[[HttpResponse], T], *, write: bool) -> T:
        self.circuit.check()
        guard = self._bucket.guarded
        guard.check(request)
        await self._bucket.take(request.cost, write=write, wait_max=WRITE_WAIT_SECONDS if write else READ_WAIT_SECONDS)
        with self.circuit.watch():
            try:
                async with guard.slot():
                    with self._bucket.on_its_way(request.cost), guard.watch(request) as answered:
                        response = await self._client.send(request, may_leave=may_leave.get() if write else None)
                        answered(response.status)
                result = understand(self._echoes.cleaned(request, response))
            except RateLimited as error:
                self._bucket.refused(error.retry_after)
                raise
            self._bucket.accepted()
            return result


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    while line := file.readline(LINE_MAX + 1):
        if len(line) > LINE_MAX:
            raise Misunderstood(f"a line of the downloaded file is longer than {LINE_MAX} bytes")
        yield line.rstrip(b"\r\n")


@asynccontextmanager
async def shop_http(
    channel: str,
    *,
    clock: Clock,
    source: random.Random,
    timeout: float = 30.0,
    transport: httpx.AsyncBaseTransport | None = None,
    rules: RetryRules | None = None,
    private_hosts: bool = False,
    redactor: Redactor | None = None,
) -> AsyncIterator[ShopHttp]:
    """The door of one channel, closed at the end. `transport` replaces the network, e.g. `httpx.ASGITransport(stand_in.app)`.

    private_hosts: it may lead to plain http and into our own network. redactor: learns the credentials that calls carry.
    """
    client = HttpClient(clock, timeout=timeout, transport=transport, private_hosts=private_hosts)
    try:
        yield ShopHttp(client, RateBudget(clock), Circuit(channel, clock), ReadRetry(clock, source, rules), redactor)
    finally:
        await client.aclose()
