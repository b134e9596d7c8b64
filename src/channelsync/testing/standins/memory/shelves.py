"""The memory shop's catalogue and its numbers. Every number changes here, whoever changes it, and leaves a `Change`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from channelsync.clock import Clock
from channelsync.testing.standins.base import Change, Item

Cause = Literal["sale", "restore", "write", "edit"]


@dataclass(slots=True)
class Product:
    """ref: the listing's id. variant: the other id under which order lines may name it. serial: place in the catalogue.

    text: the SKU text that the shop tells, if not `sku`, by which this stand-in knows it. gone: deleted.
    sells_on: its own backorder switch; None: this product has none, the shop's habit holds and is not told.
    """

    ref: str
    variant: str
    serial: int
    sku: str
    title: str
    changed_at: datetime
    tracked: bool = True
    text: str | None = None
    gone: bool = False
    sells_on: bool | None = None

    @property
    def told_sku(self) -> str:
        return self.sku if self.text is None else self.text


class Shelves:
    """One number per (SKU, location). `withheld` tells what open checkouts hold back of a SKU; `moved` hears of every change."""

    def __init__(
        self,
        clock: Clock,
        locations: tuple[str, ...],
        changes: list[Change],
        withheld: Callable[[str], int],
        moved: Callable[[str, str], None],
    ) -> None:
        self._clock, self.locations, self._changes, self._withheld, self._moved = clock, locations, changes, withheld, moved
        self._made = 0
        self.products: dict[str, Product] = {}
        self._by_ref: dict[str, Product] = {}
        self._numbers: dict[tuple[str, str], int] = {}

    def add(self, items: Iterable[Item]) -> list[Product]:
        """New products; all units lie at the first location. Raises ValueError for a SKU that is there already."""
        added = []
        for item in items:
            if item.sku in self.products and not self.products[item.sku].gone:
                raise ValueError(f"the shop already sells {item.sku!r}")
            self._made += 1
            serial = self._made
            product = Product(f"item-{serial}", f"variant-{serial}", serial, item.sku, item.title or item.sku, self._clock.now())
            self.products[item.sku] = self._by_ref[product.ref] = product
            for place, location in enumerate(self.locations):
                self._numbers[item.sku, location] = 0 if place else item.shows
            added.append(product)
        return added

    def by_ref(self, ref: str) -> Product | None:
        return self._by_ref.get(ref)

    def remove(self, sku: str) -> Product:
        """Deleted, with its numbers. The name stays taken by what was deleted until it is entered again."""
        product = self.products[sku]
        for location in self.locations:
            if self._numbers[sku, location]:
                self.set(sku, location, 0, "edit")
        product.gone = True
        del self._by_ref[product.ref]
        return product

    def level(self, sku: str, location: str) -> int:
        return self._numbers[sku, location]

    def shows(self, sku: str) -> int:
        """Over all locations."""
        return sum(self._numbers[sku, location] for location in self.locations)

    def sellable(self, sku: str) -> int:
        return self.shows(sku) - self._withheld(sku)

    def set(self, sku: str, location: str, number: int, cause: Cause, *, order: str | None = None, write: str | None = None) -> None:
        before = self._numbers[sku, location]
        self._numbers[sku, location] = number
        now, tick = self._clock.now(), self._clock.monotonic()
        self._changes.append(Change(now, tick, sku, before, number, cause, order, write, self._withheld(sku), location))
        self._moved(sku, location)

    def move(self, sku: str, location: str, delta: int, cause: Cause, *, order: str | None = None) -> None:
        self.set(sku, location, self._numbers[sku, location] + delta, cause, order=order)

    def serve(self, sku: str, units: int) -> list[tuple[str, int]]:
        """From which locations a shopper's units come: the first that has them all, else split; what nobody has comes from the first."""
        for location in self.locations:
            if self._numbers[sku, location] >= units:
                return [(location, units)]
        parts: dict[str, int] = {}
        left = units
        for location in self.locations:
            parts[location] = min(left, max(0, self._numbers[sku, location]))
            left -= parts[location]
        parts[self.locations[0]] += left
        return [(location, part) for location, part in parts.items() if part]
