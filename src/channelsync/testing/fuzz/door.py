"""Two doors to a shop: one that keeps what was answered, and one that answers from what was kept, without network, loop or time."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlsplit

from channelsync.contract import Budget, Downloads, Http, HttpRequest, HttpResponse
from channelsync.errors import Unavailable
from channelsync.testing.fuzz.sound import Unsound

T = TypeVar("T")

CALLS_MAX = 80
"""A parser that asks on and on is stopped as a door would stop it."""
GRAPHQL = b'{"query":'
FILE = "FILE"


class NotRecorded(Unavailable):
    """The parser asks for what the recording has no answer to, and the shop would have one."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One answer, and what it was asked for: method, path and GraphQL document, or FILE."""

    asked: str
    answer: HttpResponse


@dataclass(frozen=True, slots=True)
class Recording:
    """Everything that was answered while one verb ran, in order. subject: what the verb was asked about, if it was."""

    exchanges: tuple[Exchange, ...]
    subject: Any = None


def asked_by(request: HttpRequest) -> str:
    document = request.body.partition(b'"variables"')[0].decode() if request.body and request.body.startswith(GRAPHQL) else ""
    return f"{request.method} {urlsplit(request.url).path} {document}".strip()


class Recorder:
    """An `Http` before the real one, which must be able to download."""

    def __init__(self, inner: Http) -> None:
        self._inner = inner
        self.budget: Budget = inner.budget
        self.exchanges: list[Exchange] = []

    async def read(self, request: HttpRequest, understand: Callable[[HttpResponse], T]) -> T:
        return await self._inner.read(request, self._noted(request, understand))

    async def write(self, request: HttpRequest, understand: Callable[[HttpResponse], T]) -> T:
        return await self._inner.write(request, self._noted(request, understand))

    @asynccontextmanager
    async def download(self, url: str, *, limit: int) -> AsyncIterator[Iterator[bytes]]:
        assert isinstance(self._inner, Downloads)
        async with self._inner.download(url, limit=limit) as lines:
            kept = list(lines)
        self.exchanges.append(Exchange(FILE, HttpResponse(200, {}, b"\n".join(kept))))
        yield iter(kept)

    def taken(self, subject: Any = None) -> Recording:
        """What was answered since the last time."""
        taken, self.exchanges = Recording(tuple(self.exchanges), subject), []
        return taken

    def _noted(self, request: HttpRequest, understand: Callable[[HttpResponse], T]) -> Callable[[HttpResponse], T]:
        def noted(response: HttpResponse) -> T:
            self.exchanges.append(Exchange(asked_by(request), response))
            return understand(response)

        return noted


@dataclass
class SoundBudget:
    """A `Budget` that takes only numbers one can reckon with."""

    def learn(self, *, remaining: float, maximum: float, per_second: float, resets_in: float | None = None, sliding: bool = False) -> None:
        for number in (remaining, maximum, per_second, resets_in or 0.0):
            if not isinstance(number, int | float) or not math.isfinite(number):
                raise Unsound(f"the budget is told {remaining!r} of {maximum!r}, {per_second!r} per second")


@dataclass
class Replay:
    """An `Http` that answers what is asked with what was recorded for it, the last answer ever again; what was never asked is not there."""

    exchanges: Sequence[Exchange]
    budget: Budget = field(default_factory=SoundBudget)
    calls: int = 0

    def __post_init__(self) -> None:
        self._waiting: dict[str, list[HttpResponse]] = {}
        for exchange in reversed(self.exchanges):
            self._waiting.setdefault(exchange.asked, []).append(exchange.answer)

    async def read(self, request: HttpRequest, understand: Callable[[HttpResponse], T]) -> T:
        return understand(self._answer(asked_by(request)))

    write = read

    @asynccontextmanager
    async def download(self, url: str, *, limit: int) -> AsyncIterator[Iterator[bytes]]:
        yield iter(self._answer(FILE).body.split(b"\n"))

    def _answer(self, asked: str) -> HttpResponse:
        self.calls += 1
        if self.calls > CALLS_MAX:
            raise Unavailable(f"asked more than {CALLS_MAX} times")
        found = self._waiting.get(asked)
        if not found and GRAPHQL.decode() in asked:
            raise NotRecorded(f"never asked: {asked[:120]}")
        if not found:
            return HttpResponse(404, {"content-type": "application/json"}, b"{}")
        return found.pop() if len(found) > 1 else found[0]


def drive(verb: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never really waits, without a loop."""
    try:
        verb.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    verb.close()
    raise RuntimeError("the verb waits for something that a replayed door does not bring")
