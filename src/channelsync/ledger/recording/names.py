"""Every name that comes from outside becomes one of ours. What a name was, nobody can tell from its alias: they are given in order of appearance."""

from __future__ import annotations

from collections.abc import Hashable

WINDS = ("north", "south", "west", "east")


class Names:
    """Aliases of one kind: the same key has the same alias for as long as this lives."""

    def __init__(self, stem: str, first: int = 0) -> None:
        self._stem, self._first = stem, first
        self._given: dict[Hashable, str] = {}

    def of(self, key: Hashable) -> str:
        if key not in self._given:
            self._given[key] = self._next(len(self._given))
        return self._given[key]

    def _next(self, number: int) -> str:
        return f"{self._stem}-{number + self._first}"

    def __contains__(self, key: Hashable) -> bool:
        return key in self._given

    @property
    def all(self) -> tuple[str, ...]:
        return tuple(self._given.values())


class ChannelNames(Names):
    """north, south, west, east, then shop-5 and so on."""

    def __init__(self) -> None:
        super().__init__("shop", 1)

    def _next(self, number: int) -> str:
        return WINDS[number] if number < len(WINDS) else super()._next(number)


class Aliases:
    """All that a recording names."""

    def __init__(self) -> None:
        self.skus, self.bundles, self.places = Names("SKU"), Names("SET"), Names("place", 1)
        self.orders, self.reservations, self.channels = Names("order", 1), Names("cart", 1), ChannelNames()
