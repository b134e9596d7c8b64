"""The countries, regions and postcodes that a location serves, and how well a destination fits them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from channelsync.contract import ShipTo

POSTCODE, REGION, COUNTRY, ANYWHERE, PERHAPS, NOT = range(6)
"""How well, from best to worst. ANYWHERE: it has no lists. PERHAPS: too little is known of the destination. NOT: it does not ship there."""

_BETWEEN: Final = re.compile(r"[\s-]+")


@dataclass(frozen=True, slots=True)
class Fit:
    """length: of the postcode prefix that fits. entry: of the lists, as it is written there."""

    level: int
    length: int = 0
    entry: str = ""


@dataclass(frozen=True, slots=True)
class Areas:
    """countries: "DE". regions: "US-CA" or "US-California". postcodes: a country and how its postcodes begin, "DE-10". None at all: everywhere."""

    countries: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    postcodes: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.countries or self.regions or self.postcodes)

    def __str__(self) -> str:
        return ", ".join((*self.countries, *self.regions, *self.postcodes))

    def fit(self, to: ShipTo) -> Fit:
        """The best entry for the destination: the longest postcode prefix, else its region, else its country."""
        if not self:
            return Fit(ANYWHERE)
        if not to.country:
            return Fit(PERHAPS)
        found = [*self._by_postcode(to), *self._by_region(to), *(Fit(COUNTRY, 0, each) for each in self.countries if each == to.country)]
        if found:
            return min(found, key=lambda fit: (fit.level, -fit.length, fit.entry))
        return Fit(PERHAPS if self._untold(to) else NOT)

    def _by_postcode(self, to: ShipTo) -> Iterator[Fit]:
        told = _squeezed(to.postcode)
        for entry in self.postcodes:
            country, begin = split(entry)
            begin = _squeezed(begin)
            if country == to.country and told.startswith(begin) and begin:
                yield Fit(POSTCODE, len(begin), entry)

    def _by_region(self, to: ShipTo) -> Iterator[Fit]:
        told = _region(to.country, to.region)
        for entry in self.regions:
            country, region = split(entry)
            if told and country == to.country and _region(country, region) == told:
                yield Fit(REGION, 0, entry)

    def _untold(self, to: ShipTo) -> bool:
        """Would more about the destination have decided?"""
        by_region = not to.region and any(split(entry)[0] == to.country for entry in self.regions)
        return by_region or (not to.postcode and any(split(entry)[0] == to.country for entry in self.postcodes))


def split(entry: str) -> tuple[str, str]:
    """An entry's country, and the rest of it."""
    country, _, rest = entry.partition("-")
    return country, rest


def _squeezed(postcode: str) -> str:
    """Shops write SW1A 1AA and sw1a1aa."""
    return _BETWEEN.sub("", postcode).upper()


def _region(country: str, region: str) -> str:
    """Shops write CA and US-CA."""
    return " ".join(region.casefold().removeprefix(f"{country.casefold()}-").split())
