"""Bundles: SKUs that are made of other SKUs and have no stock of their own. What they are made of; changing it is in `bundling`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sqlalchemy import Connection, select

from channelsync.ledger.schema import bundle_parts

CHUNK: Final = 400

Recipe = tuple[tuple[int, int], ...]
"""(sku_id, units in one bundle), by sku_id."""


def recipes(conn: Connection, sku_ids: Iterable[int]) -> dict[int, Recipe]:
    """Of those of the SKUs that are bundles, their parts."""
    ids = sorted(set(sku_ids))
    found: dict[int, Recipe] = {}
    for start in range(0, len(ids), CHUNK):
        query = select(bundle_parts).where(bundle_parts.c.bundle_id.in_(ids[start : start + CHUNK]))
        for row in conn.execute(query.order_by(bundle_parts.c.bundle_id, bundle_parts.c.sku_id)):
            found[row.bundle_id] = (*found.get(row.bundle_id, ()), (row.sku_id, row.quantity))
    return found


def containing(conn: Connection, sku_ids: Iterable[int]) -> set[int]:
    """The bundles that any of these SKUs is part of."""
    ids = sorted(set(sku_ids))
    found: set[int] = set()
    for start in range(0, len(ids), CHUNK):
        found |= set(conn.scalars(select(bundle_parts.c.bundle_id).where(bundle_parts.c.sku_id.in_(ids[start : start + CHUNK]))))
    return found
