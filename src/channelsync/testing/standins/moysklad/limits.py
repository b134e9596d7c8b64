"""What the platform bears: 45 units per 3 seconds, five requests at once, and the rules after which it switches a user off for good."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from channelsync.testing.standins.moysklad.query import ApiError
from channelsync.testing.standins.moysklad.state import WEIGHTS, State

LONG_REPORTS = ("/report/stock/all", "/report/stock/bystore")
LONG_WEIGHT = 5
MINUTE = 60.0
ERRORS_MAX, REFUSALS_MAX, PUTS_MAX = 200, 200, 100


class _Counter:
    """Events of the last minute, by kind."""

    def __init__(self) -> None:
        self.events: deque[tuple[float, str]] = deque(maxlen=20_000)

    def add(self, now: float, kind: str) -> int:
        """How many of this kind there were within the minute, this one included."""
        self.events.append((now, kind))
        while self.events[0][0] <= now - MINUTE:
            self.events.popleft()
        return sum(known == kind for _, known in self.events)


class Limits:
    """One user's budget. switched_off: how often the account's owner would have had to write to the support."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.used, self.window, self.running = 0, -1e9, 0
        self.errors, self.refusals, self.puts = _Counter(), _Counter(), _Counter()
        self.switched_off, self.cut, self.most_at_once = 0, False, 0

    def spend(self, path: str) -> None:
        """Raises the refusal for the rate (1049)."""
        if self.cut:
            raise ApiError(403, 1061, "Отсутствует доступ к API для данного пользователя")
        weight = LONG_WEIGHT if path in LONG_REPORTS else WEIGHTS[self.state.dials.credential]
        now = self.state.clock.monotonic()
        if now - self.window >= self.state.dials.window_seconds:
            self.window, self.used = now, 0
        if self.used + weight > self.state.dials.units:
            raise self.refusal()
        self.used += weight

    def refusal(self) -> ApiError:
        self._count(self.refusals, "", REFUSALS_MAX)
        return ApiError(429, 1049, "Превышено ограничение на количество запросов в единицу времени", self.headers(429))

    @contextmanager
    def running_one_more(self) -> Iterator[None]:
        """Raises the refusal for requests at the same time (1073), which names no pause."""
        if self.running >= self.state.dials.parallel:
            self._count(self.refusals, "", REFUSALS_MAX)
            raise ApiError(429, 1073, "Превышено ограничение на одновременное количество запросов", {"X-Lognex-Auth": "429005"})
        self.running += 1
        self.most_at_once = max(self.most_at_once, self.running)
        try:
            yield
        finally:
            self.running -= 1

    def headers(self, status: int) -> dict[str, str]:
        reset = max(0, round((self.window + self.state.dials.window_seconds - self.state.clock.monotonic()) * 1000))
        told = {
            "X-RateLimit-Limit": str(self.state.dials.units),
            "X-RateLimit-Remaining": str(max(0, self.state.dials.units - self.used)),
            "X-Lognex-Retry-TimeInterval": str(round(self.state.dials.window_seconds * 1000)),
            "X-Lognex-Reset": str(reset),
        }
        return told | ({"X-Lognex-Retry-After": str(reset), "X-Lognex-Auth": "429002"} if status == 429 else {})

    def answered(self, method: str, path: str, query: str, body: bytes, status: int) -> None:
        if status >= 400 and status != 429:
            self._count(self.errors, hashlib.sha256(f"{method} {path}?{query}\n".encode() + body).hexdigest(), ERRORS_MAX)

    def put(self, entity: str) -> None:
        self._count(self.puts, entity, PUTS_MAX)

    def _count(self, counter: _Counter, kind: str, most: int) -> None:
        if counter.add(self.state.clock.monotonic(), kind) > most and not self.cut:
            self.cut, self.switched_off = True, self.switched_off + 1

    def restore(self) -> None:
        """The support gives the access back."""
        self.cut = False
        self.errors, self.refusals, self.puts = _Counter(), _Counter(), _Counter()
