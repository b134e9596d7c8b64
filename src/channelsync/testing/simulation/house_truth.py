"""What is left of the units that a warehouse system owns, told as supplies. The warehouse's own books and the shops' orders are the truth here.

    left = its units - its reserves for others - what our orders still owe of them

An order owes what its shop has not called off, shipped or not, until the warehouse has posted the shipment: until then its number contains them.
What it has posted is gone, even if the shop calls it off later. A unit that a shop restocks is gone until a sales return brings it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping

from channelsync.testing.simulation.goods import Goods
from channelsync.testing.simulation.houses import House
from channelsync.testing.simulation.plan import MAIN
from channelsync.testing.standins.base import StandIn

Supply = Callable[[str, int, bool], None]
"""(SKU, units, told)"""


class HouseTruth:
    """left: what the judge believes is left of a unit. supply: corrects it."""

    def __init__(self, house: House, shops: Mapping[str, StandIn], goods: Goods, left: Callable[[str], int], supply: Supply) -> None:
        self._house, self._shops, self._goods, self._left, self._supply = house, shops, goods, left, supply
        self._known: dict[str, int] = {}
        self.had: dict[str, set[int]] = defaultdict(set)
        """SKU -> every number of units that has ever lain there."""

    def catch_up(self) -> None:
        """Tell how the warehouse's own affairs and the orders have changed what is left, as far as promises do not say it."""
        owed, settled = Counter[str](), Counter[str]()
        for sku, wanted, posted in self._orders():
            owed[sku] += wanted
            settled[sku] += min(wanted, posted)
        for sku in self._house.skus:
            self.had[sku].add(self._house.units(sku))
            there = self.units(sku) + settled[sku]  # what was shipped and then called off has gone without a word
            moved, self._known[sku] = there - self._known.get(sku, 0), there
            if moved:
                self._supply(sku, moved, False)
            if rest := there - owed[sku] - self._left(self._goods.unit(sku, MAIN)):
                self._supply(sku, rest, True)

    def units(self, sku: str) -> int:
        return self._house.units(sku) - self._house.foreign(sku)

    def returned(self, sku: str) -> int:
        """Units that came back to the shops after they had left the house."""
        lines = ((name, line) for name, shop in self._shops.items() for order in shop.orders.values() for line in order.lines)
        return sum(line.returned * self._parts(name, line.sku, line.location).get(sku, 0) for name, line in lines)

    def went_from_here(self, shop: str, ref: str) -> bool:
        """The warehouse has shipped goods of an order that its shop has moved to another place by now. It is one parcel: nobody packs a second."""
        lines = [self._parts(shop, line.sku, line.location) for line in self._shops[shop].orders[ref].lines]
        return not all(lines) and any(self._house.shipped().get(f"{shop}/{ref}", {}).values())

    def to_hold(self, sku: str) -> int:
        """What the warehouse should keep for paid orders that it has not shipped yet."""
        documented, wanted = self._house.shipped(), 0
        for name, shop in self._shops.items():
            for ref, order in shop.orders.items():
                if order.pending:
                    continue
                lines = (self._parts(name, line.sku, line.location).get(sku, 0) * (line.quantity - line.cancelled) for line in order.lines)
                wanted += max(0, sum(lines) - documented.get(f"{name}/{ref}", {}).get(sku, 0))
        return wanted

    def undocumented(self) -> int:
        """Units that shops have shipped and no document says so."""
        documented, shipped = self._house.shipped(), 0
        for name, shop in self._shops.items():
            for ref, order in shop.orders.items():
                gone: dict[str, int] = defaultdict(int)
                for line in order.lines:
                    for sku, count in self._parts(name, line.sku, line.location).items():
                        gone[sku] += line.shipped * count
                shipped += sum(max(0, units - documented.get(f"{name}/{ref}", {}).get(sku, 0)) for sku, units in gone.items())
        return shipped

    def _orders(self) -> Iterator[tuple[str, int, int]]:
        """(SKU, wanted, posted) of each order: what its shop has not called off, and what the warehouse has shipped of it."""
        documented = self._house.shipped()
        for name, shop in self._shops.items():
            for ref, order in shop.orders.items():
                wanted: dict[str, int] = defaultdict(int)
                for line in order.lines:
                    for sku, count in self._parts(name, line.sku, line.location).items():
                        wanted[sku] += (line.quantity - line.cancelled) * count
                posted = documented.get(f"{name}/{ref}", {})
                for sku in sorted({*wanted, *posted}):
                    yield sku, wanted.get(sku, 0), posted.get(sku, 0)

    def _parts(self, shop: str, sku: str, location: str) -> Mapping[str, int]:
        """SKU -> units that the warehouse owns in one piece."""
        recipe = self._goods.recipe(shop, self._goods.item(shop, sku, location))
        return {sku: recipe[unit] for sku in self._house.skus if (unit := self._goods.unit(sku, MAIN)) in recipe}
