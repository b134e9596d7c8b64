"""What every stand-in shop has in common: what shoppers and staff do to it, the truth it remembers, and its fault dial.

No platform's dialect lives here. Time and randomness are injected: the same seed and the same clock give the same shop.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

from channelsync.clock import Clock

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]

Deliver = Callable[[str, Mapping[str, str], bytes], Awaitable[int]]
"""Posts one webhook (url, headers, raw body) and returns the HTTP status; raises OSError if nobody answered. Injected: real HTTP or in process."""


class SoldOut(Exception):
    """A shopper found nothing left to buy."""


@dataclass(frozen=True, slots=True)
class Item:
    """One product of the shop's catalogue, with the number it shows at the start.

    at: (name of a further location, number there), for shops that keep one per location; `shows` is then the first location's.
    """

    sku: str
    shows: int
    title: str = ""
    at: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one number, as the shop itself remembers it: the truth that judges us.

    cause: sale, restore (cancel or refund gave units back), write (an API client), edit (staff in the shop's admin).
    order: the shop's order ref for sale and restore. write: the key under which the client sent it (X-Request-Id or idempotency key).
    withheld: units the shop held back by itself right after the change; what shoppers could still buy is `after - withheld`.
    location: which of the shop's locations, where it keeps a number for each.
    """

    at: datetime
    monotonic: float
    sku: str
    before: int
    after: int
    cause: str
    order: str | None = None
    write: str | None = None
    withheld: int = 0
    location: str = ""


@dataclass(slots=True)
class TrueLine:
    """One order line as it truly is. `open` = quantity - shipped - cancelled units still owed to the customer.

    location: which of the shop's locations it is taken from, where it keeps a number for each.
    """

    sku: str
    quantity: int
    shipped: int = 0
    cancelled: int = 0
    returned: int = 0
    location: str = ""

    @property
    def open(self) -> int:
        return self.quantity - self.shipped - self.cancelled


@dataclass(slots=True)
class TrueOrder:
    """An order as the shop knows it. `placed_at` is when its stock effect happened; `pending`: an unpaid checkout that only withholds."""

    ref: str
    placed_at: datetime
    monotonic: float
    lines: list[TrueLine] = field(default_factory=list)
    pending: bool = False


@dataclass(frozen=True, slots=True)
class Faults:
    """The fault dial: probabilities from 0 to 1 per request or delivery, drawn from the stand-in's own random source.

    Requests: refused before any effect (throttle, server_error_before, drop_before = the request vanishes, the client times out), answered
    wrongly after the effect (server_error_after, drop_after = the effect happens and the answer vanishes, html = an HTML page with status 200,
    truncated = half of the JSON), or delayed by up to `slow_seconds`.
    item_refused: each write of a request, refused alone in the platform's own words; where the platform takes a list as a whole, so is the list.
    Webhooks: lost, duplicated, late by up to `late_seconds` (which also reorders them).
    """

    throttle: float = 0.0
    server_error_before: float = 0.0
    server_error_after: float = 0.0
    drop_before: float = 0.0
    drop_after: float = 0.0
    html: float = 0.0
    truncated: float = 0.0
    slow: float = 0.0
    slow_seconds: float = 1.0
    webhook_lost: float = 0.0
    webhook_duplicate: float = 0.0
    webhook_late: float = 0.0
    late_seconds: float = 20.0
    item_refused: float = 0.0

    @classmethod
    def some(cls) -> Faults:
        """A bad day: every kind of fault, none so often that nothing works."""
        return cls(
            throttle=0.02, server_error_before=0.02, server_error_after=0.01, drop_before=0.01, drop_after=0.01, html=0.01, truncated=0.01,
            slow=0.05, slow_seconds=0.3, webhook_lost=0.05, webhook_duplicate=0.3, webhook_late=0.1, late_seconds=5.0,
        )  # fmt: skip

    @classmethod
    def named(cls, text: str) -> Faults:
        """Parse `some`, `none` or `throttle=0.1,drop_after=0.05`. Raises ValueError naming the unknown part."""
        if text in ("", "none"):
            return cls()
        if text == "some":
            return cls.some()
        known = {f.name for f in fields(cls)}
        values: dict[str, float] = {}
        for part in text.split(","):
            name, _, number = part.partition("=")
            if name.strip() not in known:
                raise ValueError(f"unknown fault {name.strip()!r}; known: {', '.join(sorted(known))}")
            values[name.strip()] = float(number)
        return cls(**values)


class StandIn(Protocol):
    """What the demo, the conformance kit and the simulator do to a shop, whatever its dialect. One number per SKU (one location).

    `app` is the platform's API as an ASGI app. `settings(url)` is the `[channels.<name>]` table for a connector that talks to it at `url`
    (secrets inline, `connector` included). `changes` and `orders` are the truth, in order of happening. `mishaps` counts what the fault dial did,
    by kind, and what the shop's own limits refused.
    """

    name: str
    clock: Clock
    random: random.Random
    faults: Faults
    mishaps: Counter[str]
    app: AsgiApp
    changes: list[Change]
    orders: dict[str, TrueOrder]

    def stock(self, items: Iterable[Item]) -> None:
        """Add products to the catalogue."""

    def settings(self, url: str) -> dict[str, Any]: ...

    def shows(self, sku: str) -> int:
        """The number the shop shows through its API."""

    def sellable(self, sku: str) -> int:
        """What a shopper could buy now: the number less what the shop withholds."""

    def buy(self, basket: Mapping[str, int], *, paid: bool = True, reservation_ref: str | None = None) -> str:
        """A shopper checks out; raises SoldOut if any line is not sellable (nothing happens then). Returns the order's ref.

        paid=False leaves an unpaid checkout where the platform has such a thing (else it behaves as paid).
        """

    def pay(self, order: str) -> None: ...

    def cancel(self, order: str, *, restock: bool = True) -> None: ...

    def ship(self, order: str) -> None:
        """Everything that is still open leaves the house. The shop's shown number does not change by it."""

    def refund(self, order: str, sku: str, units: int, *, restock: bool = True) -> None:
        """Refund some units of a line (shipped: a return; not shipped: a partial cancel)."""

    def edit(self, sku: str, shows: int) -> None:
        """Staff type a number into the shop's admin."""

    def withheld(self, sku: str) -> int: ...

    def next_due(self) -> float | None:
        """Monotonic time of the next webhook delivery or expiring hold; None if nothing is pending."""

    async def work(self) -> None:
        """Do everything that is due now: deliver webhooks through `deliver`, expire holds. Called by `run` and by the simulator."""

    async def run(self) -> None:
        """Call `work` whenever something is due, for ever."""


@runtime_checkable
class HasPlaces(Protocol):
    """A stand-in that keeps a number for each of several locations of its own."""

    def places(self) -> tuple[str, ...]:
        """Their refs, as readings, writes and order lines name them."""

    def shows_at(self, sku: str, location: str) -> int: ...


async def run_when_due(shop: StandIn, *, tick: float = 0.02) -> None:
    """The loop behind `StandIn.run`."""
    while True:
        await shop.work()
        due = shop.next_due()
        wait = tick if due is None else max(0.0, min(tick, due - shop.clock.monotonic()))
        await shop.clock.sleep(max(wait, 0.001))


@dataclass(slots=True, order=True)
class Outgoing:
    """A webhook waiting to be delivered; ordered by its due time."""

    due: float
    serial: int
    url: str = field(compare=False)
    headers: Mapping[str, str] = field(compare=False)
    body: bytes = field(compare=False)
    tries: int = field(default=0, compare=False)


Answer = tuple[int, Mapping[str, str], bytes]
"""Status, headers, body."""


THROTTLED = 429


class FaultyApp:
    """Wraps a stand-in's request handler as an ASGI app and turns its fault dial.

    `handle(method, path, query, headers, body)` answers one request; `throttled()` builds the platform's own refusal.
    A dropped request or answer hangs for `hang_seconds` and then breaks the connection, so that the client's time-out decides.
    """

    def __init__(
        self,
        shop: StandIn,
        handle: Callable[[str, str, str, Mapping[str, str], bytes], Awaitable[Answer]],
        throttled: Callable[[], Answer],
        *,
        hang_seconds: float = 30.0,
    ) -> None:
        self.shop, self.handle, self.throttled, self.hang_seconds = shop, handle, throttled, hang_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        body = await _body(receive)
        headers = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]}
        answer = await self._with_faults(scope["method"], scope["path"], scope["query_string"].decode("latin-1"), headers, body)
        if answer is None:
            await self.shop.clock.sleep(self.hang_seconds)
            answer = (504, {"content-type": "text/html"}, b"<html>gateway time-out</html>")
        status, extra, content = answer
        raw = [(k.lower().encode("latin-1"), v.encode("latin-1")) for k, v in extra.items()]
        raw.append((b"content-length", str(len(content)).encode()))
        await send({"type": "http.response.start", "status": status, "headers": raw})
        await send({"type": "http.response.body", "body": content})

    async def _with_faults(self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Answer | None:
        dial, draw = self.shop.faults, self.shop.random.random
        if draw() < dial.slow:
            self._met("slow")
            await self.shop.clock.sleep(draw() * dial.slow_seconds)
        if draw() < dial.throttle:
            self._met("throttled")
            return self.throttled()
        if draw() < dial.server_error_before:
            self._met("status 502 before the effect")
            return 502, {"content-type": "text/html"}, b"<html><body>Bad Gateway</body></html>"
        if draw() < dial.drop_before:
            self._met("dropped before the effect")
            return None
        answer = await self.handle(method, path, query, headers, body)
        return self._spoiled(answer)

    def _spoiled(self, answer: Answer) -> Answer | None:
        """What becomes of an answer after the effect."""
        dial, draw = self.shop.faults, self.shop.random.random
        if answer[0] == THROTTLED or b'"THROTTLED"' in answer[2][:400]:
            self._met("throttled")
        if draw() < dial.server_error_after:
            self._met("status 500 after the effect")
            return 500, {"content-type": "text/html"}, b"<html><body>Internal Server Error</body></html>"
        if draw() < dial.drop_after:
            self._met("dropped after the effect")
            return None
        if draw() < dial.html:
            self._met("html with 200")
            return 200, {"content-type": "text/html; charset=utf-8"}, b"<!DOCTYPE html><html><body>Checking your browser</body></html>"
        if draw() < dial.truncated:
            self._met("truncated")
            return answer[0], answer[1], answer[2][: len(answer[2]) // 2]
        return answer

    def _met(self, kind: str) -> None:
        self.shop.mishaps[kind] += 1


async def _body(receive: Receive) -> bytes:
    chunks: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b"".join(chunks)
        chunks.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(chunks)


class Postman:
    """The shop's outgoing webhooks: late, lost, doubled and reordered by the fault dial; retried as the platform retries.

    retries: seconds to wait before each further try after a failure; () = never (WooCommerce).
    """

    def __init__(
        self,
        shop: StandIn,
        deliver: Deliver | None,
        *,
        delay: Callable[[], float],
        retries: Sequence[float] = (),
        on_result: Callable[[Outgoing, bool], None] | None = None,
    ) -> None:
        self.shop, self.deliver, self.delay, self.retries, self.on_result = shop, deliver, delay, retries, on_result
        self.queue: list[Outgoing] = []
        self.delivered = 0
        self._serial = self._newest = 0

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> None:
        dial, draw, mishaps = self.shop.faults, self.shop.random.random, self.shop.mishaps
        if draw() < dial.webhook_lost:
            mishaps["webhook lost"] += 1
            return
        copies = 2 if draw() < dial.webhook_duplicate else 1
        mishaps["webhook doubled"] += copies - 1
        for _ in range(copies):
            late = draw() * dial.late_seconds if draw() < dial.webhook_late else 0.0
            mishaps["webhook late"] += late > 0
            self._serial += 1
            self.queue.append(Outgoing(self.shop.clock.monotonic() + self.delay() + late, self._serial, url, headers, body))
        self.queue.sort()

    def next_due(self) -> float | None:
        return self.queue[0].due if self.queue else None

    async def send_due(self) -> None:
        now = self.shop.clock.monotonic()
        due = [outgoing for outgoing in self.queue if outgoing.due <= now]
        self.queue = [outgoing for outgoing in self.queue if outgoing.due > now]
        await asyncio.gather(*(self._send(outgoing) for outgoing in due))

    async def _send(self, outgoing: Outgoing) -> None:
        if self.deliver is None:
            return
        self.shop.mishaps["webhook out of order"] += outgoing.serial < self._newest
        self._newest = max(self._newest, outgoing.serial)
        try:
            status = await self.deliver(outgoing.url, outgoing.headers, outgoing.body)
            ok = 200 <= status < 300
        except OSError:
            ok = False
        self.delivered += ok
        if self.on_result:
            self.on_result(outgoing, ok)
        if not ok and outgoing.tries < len(self.retries):
            outgoing.due = self.shop.clock.monotonic() + self.retries[outgoing.tries]
            outgoing.tries += 1
            self.queue.append(outgoing)
            self.queue.sort()
