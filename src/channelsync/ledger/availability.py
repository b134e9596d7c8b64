"""What may be said of a SKU to people who want to buy it: what is available where it counts, and whether it is sold beyond that. Reads only.

How much of it is told is not decided here (shell/storefront). A SKU that was never counted and is not sold beyond what is there is not known.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, RowMapping, select

from channelsync.ledger import bounds, bundles
from channelsync.ledger.bundles import Recipe
from channelsync.ledger.schema import AVAILABLE, locations, movements, skus, stock_levels
from channelsync.ledger.skus import Backorder

CHUNK = 400


@dataclass(frozen=True, slots=True)
class Standing:
    """available: over the locations that count. beyond: how one more is sold when none is left; DENY: it is not, or its limit is reached.

    moves_with: the SKUs (ids) whose movements may change it.
    """

    sku: str
    available: int
    beyond: Backorder
    text: str
    on: date | None
    moves_with: frozenset[int]


def standings(conn: Connection, texts: Iterable[str], codes: Collection[str] = ()) -> dict[str, Standing]:
    """By exact SKU text; what is not known is left out. codes: the locations that count; empty: all."""
    wanted = bounds.findable(texts)
    rows = _rows(conn, skus.c.sku.in_, wanted)
    recipes = bundles.recipes(conn, rows)
    parts = _rows(conn, skus.c.id.in_, sorted({sku_id for recipe in recipes.values() for sku_id, _ in recipe} - set(rows)))
    query = select(locations.c.id)
    counting = set(conn.scalars(query.where(locations.c.code.in_(list(codes))) if codes else query))
    view = _View({**parts, **rows}, _available(conn, [*rows, *parts]), counting)
    found = (view.of_bundle(row, recipes[id_]) if id_ in recipes else view.of_sku(row) for id_, row in rows.items())
    return {each.sku: each for each in found if each is not None}


def newest_movements(conn: Connection, limit: int) -> list[tuple[int, int]]:
    """(number, SKU id) of the last movements, newest first."""
    query = select(movements.c.id, movements.c.sku_id).order_by(movements.c.id.desc()).limit(limit)
    return [(row[0], row[1]) for row in conn.execute(query)]


@dataclass(frozen=True, slots=True)
class _View:
    skus: Mapping[int, RowMapping]
    available: Mapping[int, Mapping[int, int]]
    counting: set[int]

    def of_sku(self, row: RowMapping) -> Standing | None:
        there = self.available.get(row["id"], {})
        beyond = _policy(row) if self._room(row) != 0 else Backorder.DENY
        if not row["counted"] and _policy(row) is Backorder.DENY:
            return None
        units = sum(units for place, units in there.items() if place in self.counting)
        return Standing(row["sku"], units, beyond, row["expected_text"], _day(row), frozenset({row["id"]}))

    def of_bundle(self, row: RowMapping, recipe: Recipe) -> Standing | None:
        """As many as can be put together at each place. Beyond that it is sold as its parts are: where every one that is short may be promised."""
        parts = [(self.skus[sku_id], units) for sku_id, units in recipe]
        if any(not part["counted"] and _policy(part) is Backorder.DENY for part, _ in parts):
            return None
        units = sum(min(self._at(part, place) // each for part, each in parts) for place in self.counting)
        chances = (self._short(parts, place) for place in sorted(self.counting))
        short = next((chance for chance in chances if chance is not None), None)
        beyond, late = Backorder.DENY, list[RowMapping]()
        if short is not None:
            late = short or [part for part, _ in parts]
            beyond = Backorder.PREORDER if any(_policy(part) is Backorder.PREORDER for part in late) else Backorder.ALLOW
        text = next((part["expected_text"] for part in late if part["expected_text"]), "")
        days = [day for part in late if (day := _day(part)) is not None]
        return Standing(
            row["sku"], units, beyond, text, max(days, default=None), frozenset({row["id"], *(part["id"] for part, _ in parts)})
        )

    def _short(self, parts: Sequence[tuple[RowMapping, int]], place: int) -> list[RowMapping] | None:
        """The parts of one bundle that would be promised at this place; None: one of them may not be."""
        short = []
        for part, units in parts:
            there = self._at(part, place)
            if there >= units:
                continue
            room = self._room(part)
            if _policy(part) is Backorder.DENY or (room is not None and units - max(0, there) > room):
                return None
            short.append(part)
        return short

    def _room(self, row: RowMapping) -> int | None:
        """Units that may still be promised beyond what is there, over all locations; None: without limit."""
        if _policy(row) is Backorder.DENY:
            return 0
        if row["backorder_limit"] is None:
            return None
        promised = sum(max(0, -units) for units in self.available.get(row["id"], {}).values())
        return max(0, int(row["backorder_limit"]) - promised)

    def _at(self, row: RowMapping, place: int) -> int:
        return self.available.get(row["id"], {}).get(place, 0)


def _policy(row: RowMapping) -> Backorder:
    return Backorder(row["backorder"])


def _day(row: RowMapping) -> date | None:
    return None if row["expected_on"] is None else date.fromisoformat(row["expected_on"])


def _rows(conn: Connection, is_in: Any, wanted: Sequence[Any]) -> dict[int, RowMapping]:
    found: dict[int, RowMapping] = {}
    for start in range(0, len(wanted), CHUNK):
        found |= {row["id"]: row for row in conn.execute(select(skus).where(is_in(wanted[start : start + CHUNK]))).mappings()}
    return found


def _available(conn: Connection, sku_ids: Sequence[int]) -> dict[int, dict[int, int]]:
    level, found = stock_levels.c, dict[int, dict[int, int]]()
    ids = sorted(set(sku_ids))
    for start in range(0, len(ids), CHUNK):
        query = select(level.sku_id, level.location_id, AVAILABLE).where(level.sku_id.in_(ids[start : start + CHUNK]))
        for sku_id, location_id, available in conn.execute(query):
            found.setdefault(sku_id, {})[location_id] = int(available)
    return found
