"""The network between one daemon and one shop, in process and in virtual time: slow, refusing, losing, and going on after the client gave up."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import httpx

from channelsync.clock import Clock
from channelsync.testing.simulation.garbage import Garbage
from channelsync.testing.simulation.points import Place
from channelsync.testing.simulation.steps import Steps
from channelsync.testing.standins.base import StandIn

FOR_EVER = 1e7

Fate = Literal["request", "answer", "throttled"]
"""Lost on the way there, lost on the way back, or told to come again."""


@dataclass(slots=True)
class Weather:
    """Probabilities per request. late_seconds: a request may reach the shop this late, long after the client has given up (below the shop's D).

    garbled: the answer is replaced by something that nobody can read (`garbage`).
    writes_only: nothing happens to requests without an X-Request-Id, by which writes of a memory shop are known.
    """

    refused: float = 0.0
    late: float = 0.0
    late_seconds: float = 0.0
    lost: float = 0.0
    answer_lost: float = 0.0
    garbled: float = 0.0
    latency: tuple[float, float] = (0.005, 0.06)
    writes_only: bool = False

    def over(self, request: httpx.Request) -> Weather:
        """What it is for this request."""
        spared = self.writes_only and "x-request-id" not in request.headers
        return Weather(latency=self.latency) if spared else self


class Line:
    """The way to one shop. It outlives the daemon: what is on the wire goes on.

    down: the shop accepts no connection. revoked: it knows our credentials no more.
    """

    def __init__(
        self,
        shop: StandIn,
        clock: Clock,
        source: random.Random,
        weather: Weather,
        faults: Counter[str],
        passed: Callable[[], None],
        garbage: Garbage,
    ) -> None:
        self._app = httpx.ASGITransport(shop.app)
        self._clock, self._random, self.weather, self._faults, self._passed = clock, source, weather, faults, passed
        self._running: set[asyncio.Task[_Answer]] = set()
        self._garbage = garbage
        self.down = self.revoked = False
        self.requests = 0
        self._fates: list[tuple[float, Fate]] = []

    def lose(self, what: Fate, within: float) -> None:
        """What becomes of the next write, if one comes within so many seconds."""
        self._fates.append((self._clock.monotonic() + within, what))

    def _fate(self, request: httpx.Request) -> Fate | None:
        self._fates = [(until, what) for until, what in self._fates if until >= self._clock.monotonic()]
        return self._fates.pop(0)[1] if self._fates and _writes(request) else None

    async def exchange(self, request: httpx.Request) -> httpx.Response:
        self.requests += 1
        await request.aread()
        weather, draw = self.weather.over(request), self._random.random
        if self.down or draw() < weather.refused:
            self._faults["refused"] += 1
            await self._clock.sleep(0.001)
            raise httpx.ConnectError("connection refused")
        if self.revoked:
            self._faults["credentials revoked"] += 1
            return httpx.Response(401, headers={"content-type": "application/json"}, stream=httpx.ByteStream(b'{"errors":"unauthorized"}'))
        fate = self._fate(request)
        if fate == "throttled":
            self._faults["throttled"] += 1
            return httpx.Response(429, headers={"retry-after": "1"}, stream=httpx.ByteStream(b""))
        if draw() < weather.lost or fate == "request":
            self._faults["request lost"] += 1
            await self._clock.sleep(FOR_EVER)
        delay = self._latency()
        if draw() < weather.late:
            self._faults["request late"] += 1
            delay += draw() * weather.late_seconds
        task = asyncio.ensure_future(self._serve(request, delay))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        answer = await asyncio.shield(task)
        if weather.garbled and (made := self._garbage.instead(weather.garbled)):
            self._faults[f"answer is {made.kind}"] += 1
            answer = _Answer(answer.status, list(made.headers), made.body)
        if draw() < weather.answer_lost or fate == "answer":
            self._faults["answer lost"] += 1
            await self._clock.sleep(FOR_EVER)
        await self._clock.sleep(self._latency())
        return httpx.Response(answer.status, headers=answer.headers, stream=httpx.ByteStream(answer.body))

    async def _serve(self, request: httpx.Request, delay: float) -> _Answer:
        """Inside the shop: goes to its end whether the client waits or not."""
        await self._clock.sleep(delay)
        response = await self._app.handle_async_request(request)
        body = await response.aread()
        self._passed()
        kept = [(name, value) for name, value in response.headers.multi_items() if name not in {"content-length", "content-encoding"}]
        return _Answer(response.status_code, kept, body)

    def _latency(self) -> float:
        low, high = self.weather.latency
        return low + self._random.random() * (high - low)


def _writes(request: httpx.Request) -> bool:
    """GraphQL posts its questions, too."""
    if request.url.path.endswith("graphql.json"):
        return b"mutation" in request.content
    return request.method not in ("GET", "HEAD")


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: list[tuple[str, str]]
    body: bytes


class Socket(httpx.AsyncBaseTransport):
    """One daemon's end of a line: a step before a request leaves and one after its answer came."""

    def __init__(self, line: Line, steps: Steps) -> None:
        self._line, self._steps = line, steps

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._steps.step(Place.REQUEST)
        try:
            response = await self._line.exchange(request)
        except httpx.TransportError:
            self._steps.step(Place.ANSWER)
            raise
        self._steps.step(Place.ANSWER)
        return response
