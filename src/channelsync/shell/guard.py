"""What a shop answers with a ban rather than a pause: hard limits that the door keeps before anything leaves. Rates are the limiter's business."""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from http import HTTPStatus

from channelsync.clock import Clock
from channelsync.contract.http import Guardrail, HttpRequest
from channelsync.errors import RateLimited, Unavailable

WINDOW_SECONDS = 60.0
KEPT_MAX = 5000
"""Events remembered of each kind; a door that makes more in a minute has limits far below this."""


class HeldBack(Unavailable):
    """We refused the call ourselves: the shop bans whoever makes too many of its kind."""


class _Minute:
    """What happened within the last minute, by kind; bounded."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._events: deque[tuple[float, str]] = deque(maxlen=KEPT_MAX)

    def note(self, kind: str) -> None:
        self._events.append((self._clock.monotonic(), kind))

    def full(self, kind: str, limit: int | None) -> float | None:
        """The seconds until one more of this kind is allowed; None if it is allowed now."""
        if limit is None:
            return None
        since = self._clock.monotonic() - WINDOW_SECONDS
        while self._events and self._events[0][0] <= since:
            self._events.popleft()
        times = [at for at, known in self._events if known == kind]
        return times[-limit] - since if len(times) >= limit else None


class Guard:
    """The guardrail of one channel. Without a rail it lets everything pass."""

    def __init__(self, clock: Clock) -> None:
        self._rail = Guardrail()
        self._errors, self._refusals, self._writes = _Minute(clock), _Minute(clock), _Minute(clock)
        self._slots: asyncio.Semaphore | None = None

    def set(self, rail: Guardrail) -> None:
        self._rail = rail
        self._slots = asyncio.Semaphore(rail.in_flight) if rail.in_flight else None

    def check(self, request: HttpRequest) -> None:
        """Raises HeldBack. Writes count when they leave, errors and refusals when they are answered."""
        rail = self._rail
        self._stop(self._refusals.full("", rail.refusals), f"{rail.refusals} calls a minute refused for their rate")
        if rail.identical_errors is not None:
            self._stop(
                self._errors.full(_fingerprint(request), rail.identical_errors), f"{rail.identical_errors} equal failing calls a minute"
            )
        if request.method == "PUT":
            self._stop(
                self._writes.full(_entity(request), rail.writes_per_entity), f"{rail.writes_per_entity} writes a minute to the same thing"
            )

    @staticmethod
    def _stop(wait: float | None, what: str) -> None:
        if wait is not None:
            raise HeldBack(f"not sent: the shop bans clients that go on after {what}", retry_after=max(wait, 0.0))

    @contextmanager
    def watch(self, request: HttpRequest) -> Iterator[Callable[[int], None]]:
        """Around the call; the status goes to the function it gives. A refusal is counted even where it is raised."""
        if request.method == "PUT" and self._rail.writes_per_entity is not None:
            self._writes.note(_entity(request))
        try:
            yield lambda status: self._answered(request, status)
        except RateLimited:
            self._answered(request, HTTPStatus.TOO_MANY_REQUESTS)
            raise

    def _answered(self, request: HttpRequest, status: int) -> None:
        if status == HTTPStatus.TOO_MANY_REQUESTS and self._rail.refusals is not None:
            self._refusals.note("")
        if status >= HTTPStatus.BAD_REQUEST and self._rail.identical_errors is not None:
            self._errors.note(_fingerprint(request))

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Waits while the shop has as many calls of ours under way as it bears."""
        if self._slots is None:
            yield
            return
        async with self._slots:
            yield


def _entity(request: HttpRequest) -> str:
    return request.entity or request.url


def _fingerprint(request: HttpRequest) -> str:
    parts = (request.method, request.url, repr(sorted(request.params.items())))
    return hashlib.sha256("\n".join(parts).encode() + b"\n" + (request.body or b"")).hexdigest()
