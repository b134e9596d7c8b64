"""From the names people use (SKU text, location code) to the ids that levels hang on, for a whole batch at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection, select

from channelsync.ledger import bounds, bundles, skus
from channelsync.ledger.levels import LevelKey
from channelsync.ledger.refusals import Refusal, UnknownLocation, UnknownSku
from channelsync.ledger.schema import locations
from channelsync.ledger.skus import Sku
from channelsync.ledger.spelt import Spelt, one_of


@dataclass(frozen=True, slots=True)
class Places:
    """What exists among the names of a batch. recipes: of those of the SKUs that are bundles; parts: the SKUs in them, by id."""

    skus: Mapping[str, Sku]
    locations: Mapping[str, int]
    recipes: Mapping[int, bundles.Recipe] = field(default_factory=dict)
    parts: Mapping[int, Sku] = field(default_factory=dict)

    def key(self, sku: str, location: str) -> LevelKey | Refusal:
        if sku not in self.skus:
            return UnknownSku(sku)
        if location not in self.locations:
            return UnknownLocation(location)
        return self.skus[sku].id, self.locations[location]

    def keys(self, names: Iterable[tuple[str, str]]) -> set[LevelKey]:
        """The keys of all names that exist, a bundle's being those of its parts."""
        found = {key for sku, location in set(names) if not isinstance(key := self.key(sku, location), Refusal)}
        return {(sku_id, key[1]) for key in found for sku_id, _ in self.recipes.get(key[0], ((key[0], 1),))}


_LOCATIONS = Spelt(select(locations.c.code, locations.c.id).where(one_of(locations.c.code, "codes")))


def resolve(conn: Connection, names: Iterable[tuple[str, str]]) -> Places:
    """names: (SKU text, location code)."""
    wanted = set(names)
    codes = bounds.findable(location for _, location in wanted)
    found = skus.find(conn, (sku for sku, _ in wanted))
    recipes = bundles.recipes(conn, (sku.id for sku in found.values() if sku.bundle))
    parts = skus.by_id(conn, {sku_id for recipe in recipes.values() for sku_id, _ in recipe})
    return Places(found, {row[0]: row[1] for row in _LOCATIONS.rows(conn, codes=codes)}, recipes, parts)
