"""From the names people use (SKU text, location code) to the ids that levels hang on, for a whole batch at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, select

from channelsync.ledger import bounds, skus
from channelsync.ledger.levels import LevelKey
from channelsync.ledger.refusals import Refusal, UnknownLocation, UnknownSku
from channelsync.ledger.schema import locations


@dataclass(frozen=True, slots=True)
class Places:
    """What exists among the names of a batch."""

    skus: Mapping[str, skus.Sku]
    locations: Mapping[str, int]

    def key(self, sku: str, location: str) -> LevelKey | Refusal:
        if sku not in self.skus:
            return UnknownSku(sku)
        if location not in self.locations:
            return UnknownLocation(location)
        return self.skus[sku].id, self.locations[location]

    def keys(self, names: Iterable[tuple[str, str]]) -> set[LevelKey]:
        """The keys of all names that exist."""
        return {key for sku, location in set(names) if not isinstance(key := self.key(sku, location), Refusal)}


def resolve(conn: Connection, names: Iterable[tuple[str, str]]) -> Places:
    """names: (SKU text, location code)."""
    wanted = set(names)
    codes = bounds.findable(location for _, location in wanted)
    query = select(locations.c.code, locations.c.id).where(locations.c.code.in_(codes))
    return Places(skus.find(conn, (sku for sku, _ in wanted)), {row[0]: row[1] for row in conn.execute(query)})
