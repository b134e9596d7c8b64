"""What is truly left: the physical units less what every order of every shop has promised, with the history of each order's promise."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass, field

from channelsync.testing.simulation.events import Claimed
from channelsync.testing.simulation.goods import Goods

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
    """What one order promises of one item. Once the shop took units out of its number, those count; before, the order's claim."""

    promised: _Steps = field(default_factory=_Steps)
    taken: _Steps = field(default_factory=_Steps)
    was_taken: bool = False
    claimed: int = 0

    def step(self, at: float) -> int:
        return self.promised.move(at, self.taken.now if self.was_taken else self.claimed)


class Promises:
    """Shipping moves nothing here: the unit leaves the house and the order together. A unit that comes back on sale ends its promise.

    Orders promise pieces of items; what is left is counted in units.
    """

    def __init__(self, goods: Goods | None = None) -> None:
        self._goods = goods or Goods()
        self._supply: dict[str, int] = defaultdict(int)
        self._promised: dict[str, int] = defaultdict(int)
        self._by_shop: dict[tuple[str, str], int] = defaultdict(int)
        self._items: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)  # (shop, unit) -> items made of it, with how many
        self._lines: dict[tuple[str, str], dict[str, _Line]] = defaultdict(dict)

    def supply(self, unit: str, units: int) -> None:
        self._supply[unit] += units

    def took(self, at: float, shop: str, order: str, item: str, pieces: int) -> None:
        """The shop took pieces for an order out of its number (< 0: gave them back)."""
        line = self._line(shop, item, order)
        line.taken.move(at, line.taken.now + pieces)
        line.was_taken = True
        self._moved(shop, item, line.step(at))

    def claim(self, event: Claimed) -> None:
        line = self._line(event.shop, event.item, event.order)
        line.claimed = event.pieces
        self._moved(event.shop, event.item, line.step(event.at))

    def _line(self, shop: str, item: str, order: str) -> _Line:
        for unit, count in self._goods.recipe(shop, item).items():
            self._items[shop, unit][item] = count
        return self._lines[shop, item].setdefault(order, _Line())

    def _moved(self, shop: str, item: str, pieces: int) -> None:
        for unit, count in self._goods.recipe(shop, item).items():
            self._promised[unit] += pieces * count
            self._by_shop[shop, unit] += pieces * count

    def left(self, unit: str) -> int:
        """R: what can still be sold."""
        return self._supply[unit] - self._promised[unit]

    def promised(self, shop: str, unit: str, *, untaken: str | None = None) -> int:
        """Units promised by a shop's orders; of the item `untaken` only those still in its number: it shows without the others already."""
        if untaken is None:
            return self._by_shop[shop, unit]
        return sum(
            count * line.promised.now
            for item, count in self._items[shop, unit].items()
            for line in self._lines[shop, item].values()
            if not (item == untaken and line.was_taken)
        )

    def by_order(self, shop: str, unit: str) -> dict[str, int]:
        """Units promised by each of a shop's orders."""
        found: dict[str, int] = defaultdict(int)
        for item, count in self._items[shop, unit].items():
            for order, line in self._lines[shop, item].items():
                found[order] += count * line.promised.now
        return found

    def least(self, shop: str, unit: str, since: float, until: float, *, untaken: str | None = None) -> int:
        """The least a list that lagged somewhere between the two instants can have shown: each order at its own lowest."""
        return sum(
            count * line.promised.least(since, until)
            for item, count in self._items[shop, unit].items()
            for line in self._lines[shop, item].values()
            if not (item == untaken and line.was_taken)
        )

    def least_taken(self, shop: str, item: str, since: float, until: float) -> int:
        """The same for pieces the shop took out of the item's number."""
        return sum(line.taken.least(since, until) for line in self._lines[shop, item].values())

    def taken_since(self, shop: str, item: str, since: float) -> int:
        """Pieces the shop took out of the item's number since then, order by order."""
        return sum(max(0, line.taken.now - line.taken.least(since, since)) for line in self._lines[shop, item].values())
