"""What is truly left: the physical units less what every order of every shop has promised, with the history of each order's promise."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass, field

from channelsync.testing.simulation.events import Claimed

STEPS_MAX = 200
"""Kept per order line; older ones are forgotten. No order is edited so often within one judgement."""


@dataclass(slots=True)
class _Steps:
    """A number of units over time."""

    times: list[float] = field(default_factory=lambda: [float("-inf")])
    units: list[int] = field(default_factory=lambda: [0])

    @property
    def now(self) -> int:
        return self.units[-1]

    def move(self, at: float, units: int) -> int:
        """Note the number as it is from now on; how much it moved."""
        moved = units - self.now
        if moved:
            self.times.append(at)
            self.units.append(units)
            del self.times[1:-STEPS_MAX], self.units[1:-STEPS_MAX]
        return moved

    def least(self, since: float, until: float) -> int:
        first = max(0, bisect_right(self.times, since) - 1)
        last = bisect_right(self.times, until)
        return min(self.units[first:last], default=0)


@dataclass(slots=True)
class _Line:
    """What one order promises of one SKU. Once the shop took units out of its number, those count; before, the order's claim."""

    promised: _Steps = field(default_factory=_Steps)
    taken: _Steps = field(default_factory=_Steps)
    was_taken: bool = False
    claimed: int = 0

    def step(self, at: float) -> int:
        return self.promised.move(at, self.taken.now if self.was_taken else self.claimed)


class Promises:
    """Shipping moves nothing here: the unit leaves the house and the order together. A unit that comes back on sale ends its promise."""

    def __init__(self) -> None:
        self._supply: dict[str, int] = defaultdict(int)
        self._promised: dict[str, int] = defaultdict(int)
        self._by_shop: dict[tuple[str, str], int] = defaultdict(int)
        self._lines: dict[tuple[str, str], dict[str, _Line]] = defaultdict(dict)

    def supply(self, sku: str, units: int) -> None:
        self._supply[sku] += units

    def took(self, at: float, shop: str, order: str, sku: str, units: int) -> None:
        """The shop took units for an order out of its number (< 0: gave them back)."""
        line = self._lines[shop, sku].setdefault(order, _Line())
        line.taken.move(at, line.taken.now + units)
        line.was_taken = True
        self._moved(shop, sku, line.step(at))

    def claim(self, event: Claimed) -> None:
        line = self._lines[event.shop, event.sku].setdefault(event.order, _Line())
        line.claimed = event.units
        self._moved(event.shop, event.sku, line.step(event.at))

    def _moved(self, shop: str, sku: str, units: int) -> None:
        self._promised[sku] += units
        self._by_shop[shop, sku] += units

    def left(self, sku: str) -> int:
        """R: what can still be sold."""
        return self._supply[sku] - self._promised[sku]

    def promised(self, shop: str, sku: str, *, untaken: bool = False) -> int:
        """Units promised by a shop's orders; `untaken`: only those still in the shop's number."""
        if untaken:
            return sum(line.promised.now for line in self._lines[shop, sku].values() if not line.was_taken)
        return self._by_shop[shop, sku]

    def least(self, shop: str, sku: str, since: float, until: float, *, untaken: bool = False) -> int:
        """The least a list that lagged somewhere between the two instants can have shown: each order at its own lowest."""
        lines = self._lines[shop, sku].values()
        return sum(line.promised.least(since, until) for line in lines if not (untaken and line.was_taken))

    def least_taken(self, shop: str, sku: str, since: float, until: float) -> int:
        """The same for units the shop took out of its number."""
        return sum(line.taken.least(since, until) for line in self._lines[shop, sku].values())

    def taken_since(self, shop: str, sku: str, since: float) -> int:
        """Units the shop took out of its number since then, order by order."""
        return sum(max(0, line.taken.now - line.taken.least(since, since)) for line in self._lines[shop, sku].values())
