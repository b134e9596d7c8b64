"""Bundles: SKUs that are made of other SKUs and have no stock of their own. What they are made of; changing it is in `bundling`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from channelsync.ledger.schema import AVAILABLE, bundle_parts, listings, shelf_feeds, shelves, skus, stock_levels
from channelsync.ledger.spelt import Spelt, one_of

CHUNK: Final = 400

Recipe = tuple[tuple[int, int], ...]
"""(sku_id, units in one bundle), by sku_id."""


_PARTS = bundle_parts.c
_RECIPES = Spelt(
    select(_PARTS.bundle_id, _PARTS.sku_id, _PARTS.quantity)
    .where(one_of(_PARTS.bundle_id, "ids"))
    .order_by(_PARTS.bundle_id, _PARTS.sku_id)
)


def recipes(conn: Connection, sku_ids: Iterable[int]) -> dict[int, Recipe]:
    """Of those of the SKUs that are bundles, their parts."""
    ids = sorted(set(sku_ids))
    found: dict[int, Recipe] = {}
    for start in range(0, len(ids), CHUNK):
        for bundle_id, sku_id, quantity in _RECIPES.rows(conn, ids=ids[start : start + CHUNK]):
            found[bundle_id] = (*found.get(bundle_id, ()), (sku_id, quantity))
    return found


@dataclass(frozen=True, slots=True)
class Pool:
    """How many of a bundle can be put together for one shelf. counted: all of its parts are."""

    counted: bool
    available: int


def pools(conn: Connection, shelf_ids: Iterable[int]) -> dict[int, Pool]:
    """Of those of the shelves that sell bundles: at each location that feeds it the part that is shortest, then the sum.

    Floors: a part that is missing by one is a whole bundle missing. Nothing is put together from parts at different locations.
    """
    ids = sorted(set(shelf_ids))
    least: dict[int, dict[int, int]] = {}
    counted: dict[int, bool] = {}
    for start in range(0, len(ids), CHUNK):
        for row in conn.execute(_parts_at_shelves().where(shelves.c.id.in_(ids[start : start + CHUNK]))):
            counted[row.id] = counted.get(row.id, True) and row.counted
            places = least.setdefault(row.id, {})
            if row.location_id is not None:
                whole = row.available // row.quantity
                places[row.location_id] = min(places.get(row.location_id, whole), whole)
    return {id_: Pool(counted[id_], sum(places.values())) for id_, places in least.items()}


def everywhere(conn: Connection, sku_ids: Iterable[int]) -> dict[int, int]:
    """Of those of the SKUs that are bundles, how many can be put together, over all locations."""
    recipe_of = recipes(conn, sku_ids)
    level = stock_levels.c
    parts = {sku_id for recipe in recipe_of.values() for sku_id, _ in recipe}
    query = select(level.sku_id, level.location_id, AVAILABLE).where(level.sku_id.in_(sorted(parts)))
    at: dict[int, dict[int, int]] = {}
    for sku_id, location_id, units in conn.execute(query) if parts else ():
        at.setdefault(location_id, {})[sku_id] = units
    return {
        bundle_id: sum(min(there.get(sku_id, 0) // units for sku_id, units in recipe) for there in at.values())
        for bundle_id, recipe in recipe_of.items()
    }


def shelves_that_sell_them(conn: Connection) -> list[int]:
    query = select(shelves.c.id).join(listings, listings.c.id == shelves.c.listing_id)
    return list(conn.scalars(query.where(listings.c.sku_id.in_(select(bundle_parts.c.bundle_id)))))


def _parts_at_shelves() -> Any:
    level = stock_levels.c
    available = func.coalesce(AVAILABLE, 0)
    columns = (shelves.c.id, shelf_feeds.c.location_id, bundle_parts.c.quantity, skus.c.counted, available.label("available"))
    return (
        select(*columns)
        .join(listings, listings.c.id == shelves.c.listing_id)
        .join(bundle_parts, bundle_parts.c.bundle_id == listings.c.sku_id)
        .join(skus, skus.c.id == bundle_parts.c.sku_id)
        .outerjoin(shelf_feeds, shelf_feeds.c.shelf_id == shelves.c.id)
        .outerjoin(stock_levels, (level.sku_id == bundle_parts.c.sku_id) & (level.location_id == shelf_feeds.c.location_id))
    )


def mates(conn: Connection, sku_ids: Iterable[int]) -> dict[int, set[int]]:
    """Of each SKU, all that sell from the same units: itself, its parts, bundles it is in, and bundles that share a part with it."""
    ids = set(sku_ids)
    near = _touching(conn, ids)
    parts_of, sold_in = _by(near, bundle=True), _by(near, bundle=False)
    wide = _by(_touching(conn, {part for id_ in ids for part in parts_of.get(id_, ())}), bundle=False)
    found = {}
    for id_ in ids:
        parts = parts_of.get(id_, set())
        found[id_] = {id_} | parts | sold_in.get(id_, set()) | {bundle for part in parts for bundle in wide.get(part, ())}
    return found


def shared(mine: ColumnElement[int | None], theirs: ColumnElement[int | None]) -> tuple[ColumnElement[bool], ...]:
    """When two different SKUs sell from the same units, as conditions for `exists`: one is part of the other, or they share a part."""
    part, other = bundle_parts.alias("part"), bundle_parts.alias("other_part")
    return (
        and_(part.c.bundle_id == mine, part.c.sku_id == theirs),
        and_(part.c.sku_id == mine, part.c.bundle_id == theirs),
        and_(part.c.bundle_id == mine, part.c.sku_id == other.c.sku_id, other.c.bundle_id == theirs, mine != theirs),
    )


def _touching(conn: Connection, ids: set[int]) -> set[tuple[int, int]]:
    """(bundle, part) of every recipe row that names one of the SKUs."""
    wanted, found = sorted(ids), set[tuple[int, int]]()
    for start in range(0, len(wanted), CHUNK):
        chunk = wanted[start : start + CHUNK]
        query = select(bundle_parts.c.bundle_id, bundle_parts.c.sku_id)
        found |= {
            (row[0], row[1])
            for row in conn.execute(query.where(or_(bundle_parts.c.bundle_id.in_(chunk), bundle_parts.c.sku_id.in_(chunk))))
        }
    return found


def _by(rows: set[tuple[int, int]], *, bundle: bool) -> dict[int, set[int]]:
    found: dict[int, set[int]] = {}
    for bundle_id, sku_id in rows:
        key, value = (bundle_id, sku_id) if bundle else (sku_id, bundle_id)
        found.setdefault(key, set()).add(value)
    return found
