"""The wire between a connector and a stand-in, in process: it sees every request and can break the next one in a chosen way.

What it breaks is the same for every platform; a platform's own refusals (throttling) come from the stand-in's fault dial.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

import httpx

from channelsync.clock import Clock
from channelsync.testing.standins.base import AsgiApp

Kind = Literal["read", "write"]
KIND: ContextVar[Kind] = ContextVar("kind", default="read")
FOR_EVER = 1e9
ALWAYS = 1000


class Break(StrEnum):
    """How one exchange goes wrong."""

    REFUSED = "refused"  # the connection is not accepted; nothing leaves
    LOST_REQUEST = "lost_request"  # it never arrives and nobody answers
    LOST_ANSWER = "lost_answer"  # it takes effect and nobody answers
    RESET = "reset"  # it takes effect and the connection breaks
    ERROR_AFTER = "error_after"  # it takes effect and a gateway answers 502 with HTML
    HTML = "html"  # it takes effect and a page with status 200 comes instead of the answer
    TRUNCATED = "truncated"  # it takes effect and the answer is cut in half
    EMPTY = "empty"  # it takes effect and the answer has no body
    NOT_FOUND = "not_found"  # it never arrives; a proxy answers 404 with HTML
    STRANGE = "strange"  # it takes effect and the answer is JSON of another shape


@dataclass(frozen=True, slots=True)
class Seen:
    kind: Kind
    request: httpx.Request


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def response(self, body: bytes | None = None) -> httpx.Response:
        """As the client gets it, a stream that it reads itself. body: another one instead."""
        content = self.body if body is None else body
        return httpx.Response(self.status, headers=self.headers, stream=httpx.ByteStream(content))


@dataclass(slots=True)
class _Order:
    how: Break
    kind: Kind | None
    skip: int
    times: int


class Wire(httpx.AsyncBaseTransport):
    """Counts what passes (`seen`), and what was asked of the door (`calls`; the door repeats reads by itself). Breaks what it is told to. The shop finishes what it has begun, whether the client waits or not."""

    def __init__(self, app: AsgiApp, clock: Clock) -> None:
        self._inner = httpx.ASGITransport(app)
        self._clock = clock
        self._order: _Order | None = None
        self._running: set[asyncio.Task[Answer]] = set()
        self.seen: list[Seen] = []
        self.calls = 0

    def count(self, kind: Kind) -> int:
        return sum(seen.kind == kind for seen in self.seen)

    @contextmanager
    def broken(self, how: Break, *, kind: Kind | None = None, skip: int = 0, times: int = 1) -> Iterator[None]:
        """Inside, after `skip` requests of this kind, the next `times` ones go wrong. Fails if none did: a break that never was proves nothing."""
        self._order = order = _Order(how, kind, skip, times)
        try:
            yield
        finally:
            self._order = None
        assert order.times < times, f"no {kind or 'request'} came that could have been broken ({how})"

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        kind = KIND.get()
        await request.aread()
        self.seen.append(Seen(kind, request))
        how = self._draw(kind)
        if how is Break.REFUSED:
            raise httpx.ConnectError("connection refused")
        if how is Break.NOT_FOUND:
            return _page(404, b"<html><body>404 Not Found</body></html>")
        if how is Break.LOST_REQUEST:
            await self._clock.sleep(FOR_EVER)
        answer = await self._exchange(request)
        if how is Break.LOST_ANSWER:
            await self._clock.sleep(FOR_EVER)
        if how is Break.RESET:
            raise httpx.ReadError("connection reset by peer")
        return _WRONG.get(how, Answer.response)(answer)

    async def _exchange(self, request: httpx.Request) -> Answer:
        task = asyncio.ensure_future(self._whole(request))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await asyncio.shield(task)

    async def _whole(self, request: httpx.Request) -> Answer:
        response = await self._inner.handle_async_request(request)
        body = await response.aread()
        headers = {name: value for name, value in response.headers.items() if name not in {"content-length", "content-encoding"}}
        return Answer(response.status_code, headers, body)

    def _draw(self, kind: Kind) -> Break | None:
        order = self._order
        if order is None or order.kind not in {None, kind} or order.times < 1:
            return None
        if order.skip > 0:
            order.skip -= 1
            return None
        order.times -= 1
        return order.how


def _page(status: int, body: bytes) -> httpx.Response:
    return Answer(status, {"content-type": "text/html; charset=utf-8"}, body).response()


_WRONG: dict[Break | None, Callable[[Answer], httpx.Response]] = {
    Break.ERROR_AFTER: lambda _: _page(502, b"<html><body>Bad Gateway</body></html>"),
    Break.HTML: lambda _: _page(200, b"<!DOCTYPE html><html><body>Checking your browser</body></html>"),
    Break.TRUNCATED: lambda answer: answer.response(answer.body[: len(answer.body) // 2]),
    Break.EMPTY: lambda answer: answer.response(b""),
    Break.STRANGE: lambda answer: answer.response(b'{"strange": true}'),
}
