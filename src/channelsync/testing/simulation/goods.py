"""What is sold where, and what it is made of: a shop's item may be a unit, a pack of six, or a set of several; two items may be made of the same.

A *unit* is what can be counted in a warehouse; in a world of several locations its name ends in "@<location>". An *item* is one number of a shop.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

Left = Callable[[str], int]
"""unit -> how many of it are left in truth."""


@dataclass(frozen=True, slots=True)
class Goods:
    """recipes: (shop, item) -> units in one piece of it; an item without a recipe is one unit of its own name.

    feeds: for each place that an item can be taken from, the units in one piece; orders are taken from the first, which is its recipe.
    offers: the most that a shop may offer of an item, given what is left of each unit. Without it: as many pieces as the units make.
    owned: locations where not the ledger but an authority counts.
    called: (shop, SKU text) -> the item that has this text there for now, where staff have given it another than its own.
    located: units are named with their location. split: shops that keep a number for each of their own locations; their items are named so, too.
    """

    recipes: Mapping[tuple[str, str], Mapping[str, int]] = field(default_factory=dict)
    feeds: Mapping[tuple[str, str], tuple[Mapping[str, int], ...]] = field(default_factory=dict)
    offers: Callable[..., int] | None = None
    located: bool = False
    split: frozenset[str] = frozenset()
    owned: frozenset[str] = frozenset()
    called: dict[tuple[str, str], str] = field(default_factory=dict)

    def recipe(self, shop: str, item: str) -> Mapping[str, int]:
        return self.recipes.get((shop, item)) or {item: 1}

    def behind(self, shop: str, item: str) -> frozenset[str]:
        """All units that the item's number depends on."""
        made = self.feeds.get((shop, item)) or (self.recipe(shop, item),)
        return frozenset(unit for place in made for unit in place)

    def owner_counts(self, unit: str) -> bool:
        """An authority counts it."""
        return bool(self.owned) and (unit.rpartition("@")[2] in self.owned if self.located else True)

    def unit(self, sku: str, location: str) -> str:
        """The unit that lies at a ledger location."""
        return f"{sku}@{location}" if self.located else sku

    def item(self, shop: str, sku: str, location: str) -> str:
        """The number of what the shop calls `sku` at one of its own locations."""
        name = self.name(shop, sku)
        return f"{name}@{location}" if shop in self.split else name

    def name(self, shop: str, text: str) -> str:
        """What this world knows an article by that the shop calls so."""
        return self.called.get((shop, text), text)

    def most(self, shop: str, item: str, left: Left) -> int:
        if self.offers is not None:
            return max(0, self.offers(shop, item, left))
        return max(0, self.pieces(shop, item, left))

    def there(self, shop: str, item: str, left: Left) -> int:
        """As many as all its places make, whatever the rules let the shop show of them."""
        made = self.feeds.get((shop, item)) or (self.recipe(shop, item),)
        if len(made[0]) > 1:  # a set is put together at one place
            return sum(min(left(unit) // count for unit, count in place.items()) for place in made)
        [count] = made[0].values()
        return sum(left(unit) for place in made for unit in place) // count

    def pieces(self, shop: str, item: str, left: Left) -> int:
        """As many as the scarcest of its units allows."""
        return min(left(unit) // count for unit, count in self.recipe(shop, item).items())
