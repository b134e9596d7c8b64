"""The search behind `orders(...)` and `productVariants(...)`: the query syntax, and an order index that lags behind the truth.

A search decides *which* orders a page holds and in what order; their content is always fresh. `order(id)` never comes through here.
"""

from __future__ import annotations

import heapq
import random
import re
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterator
from datetime import datetime

from graphql import GraphQLError

from channelsync.clock import Clock
from channelsync.testing.standins.shopify.records import Order

TERM = re.compile(r"""(?:AND\s+)?(\w+):(>=|<=|>|<)?(?:'([^']*)'|"([^"]*)"|(\S+))\s*""")
Key = tuple[datetime, int]
"""Where an order stands in the index: its indexed updatedAt, then its number."""


class Terms:
    """A parsed search query: `field:op'value'` terms, all of which must hold. Raises GraphQLError for anything else."""

    def __init__(self, text: str | None, known: frozenset[str]) -> None:
        self.terms: list[tuple[str, str, str]] = []
        text = (text or "").strip()
        position = 0
        while position < len(text):
            match = TERM.match(text, position)
            if match is None or match[1] not in known:
                raise GraphQLError(f"this stand-in cannot search for {text[position:]!r}", extensions={"code": "BAD_REQUEST"})
            self.terms.append((match[1], match[2] or "=", next(part for part in match.groups()[2:] if part is not None)))
            position = match.end()

    def lowest(self, name: str) -> datetime | None:
        """The closed lower bound on a time field, if there is one."""
        return next((instant(value) for field, operator, value in self.terms if field == name and operator == ">="), None)

    def accept(self, value_of: Callable[[str], datetime | str | None]) -> bool:
        return all(_holds(value_of(field), operator, wanted) for field, operator, wanted in self.terms)


def instant(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise GraphQLError(f"invalid timestamp {text!r}", extensions={"code": "BAD_REQUEST"}) from None
    if moment.tzinfo is None:
        raise GraphQLError(f"timestamp {text!r} has no time zone", extensions={"code": "BAD_REQUEST"})
    return moment


def _holds(value: datetime | str | None, operator: str, wanted: str) -> bool:
    if not isinstance(value, datetime):
        return value == wanted or wanted == "any" or (wanted == "not_closed" and value != "closed")
    bound = instant(wanted)
    return {">=": value >= bound, "<=": value <= bound, ">": value > bound, "<": value < bound, "=": value == bound}[operator]


class OrderIndex:
    """Orders by updatedAt as the search sees them: each change becomes visible after a random delay of up to `lag` seconds."""

    FIELDS = frozenset({"updated_at", "created_at", "status", "fulfillment_status", "id", "name"})

    def __init__(self, clock: Clock, source: random.Random, lag: float) -> None:
        self.clock, self.random, self.lag = clock, source, lag
        self._waiting: list[tuple[float, int, int, datetime, str]] = []  # visible at, serial, order number, updatedAt, status
        self._serial = 0
        self._applied: dict[int, int] = {}  # order number -> serial of the change that is visible
        self._keys: dict[int, Key] = {}
        self._status: dict[int, str] = {}
        self._sorted: list[Key] = []

    def changed(self, order: Order) -> None:
        """The order just changed; the search will know later."""
        self._serial += 1
        visible = self.clock.monotonic() + (self.random.random() * self.lag if self.lag else 0.0)
        heapq.heappush(self._waiting, (visible, self._serial, order.number, order.updated_at, order.status))

    def forget(self, order: Order) -> None:
        """A deleted order leaves the search at once."""
        self._waiting = [entry for entry in self._waiting if entry[2] != order.number]
        heapq.heapify(self._waiting)
        self._remove(order.number)

    def find(self, terms: Terms, orders: dict[int, Order], after: Key | None) -> Iterator[tuple[Key, Order]]:
        """Visible orders that match, by (updatedAt, number), from behind `after` on."""
        self._catch_up()
        start = bisect_right(self._sorted, after) if after else 0
        if (lowest := terms.lowest("updated_at")) is not None:
            start = max(start, bisect_left(self._sorted, (lowest, 0)))
        for key in self._sorted[start:]:
            order = orders[key[1]]
            if terms.accept(lambda name, key=key, order=order: self._value(name, key, order)):  # type: ignore[misc]
                yield key, order

    def _value(self, name: str, key: Key, order: Order) -> datetime | str | None:
        if name == "updated_at":
            return key[0]
        if name == "status":
            return self._status[key[1]]
        values: dict[str, datetime | str] = {
            "fulfillment_status": order.shipping,
            "created_at": order.created_at,
            "id": str(order.number),
            "name": order.name,
        }
        return values[name]

    def _catch_up(self) -> None:
        now = self.clock.monotonic()
        while self._waiting and self._waiting[0][0] <= now:
            _, serial, number, updated_at, status = heapq.heappop(self._waiting)
            if self._applied.get(number, 0) > serial:
                continue  # a later change became visible first
            self._remove(number)
            self._applied[number], self._status[number] = serial, status
            self._keys[number] = key = (updated_at, number)
            insort(self._sorted, key)

    def _remove(self, number: int) -> None:
        if (key := self._keys.pop(number, None)) is not None:
            del self._sorted[bisect_left(self._sorted, key)]
