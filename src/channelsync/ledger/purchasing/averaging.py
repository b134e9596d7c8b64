"""What one unit costs after a receipt: the weighted average of what lay there and what came. Arithmetic, and the reading of what lies where."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from sqlalchemy import Connection, bindparam, func, select, update

from channelsync.ledger.schema import skus, stock_levels, transfer_lines

CHUNK: Final = 400


def averaged(units: int, cost: int | None, received: int, at: int | None) -> int | None:
    """The cost of one unit, in ten-thousandths, half up. units: what lies there, at `cost`; received: 1 or more, at `at`; None: not known.

    Without a cost of what came nothing changes. Without one of what lies there, or with nothing there, that of what came holds.
    """
    if at is None:
        return cost
    if cost is None or units <= 0:
        return at
    whole = units + received
    return (2 * (units * cost + received * at) + whole) // (2 * whole)


class Averages:
    """Unit costs of SKUs through a batch of receipts. Their rows must be locked; make it after the levels are."""

    def __init__(self, conn: Connection, sku_ids: Iterable[int]) -> None:
        self._conn, ids = conn, sorted(set(sku_ids))
        self._units = _units(conn, ids)
        self._before = _costs(conn, ids)
        self._costs = dict(self._before)

    def take(self, sku_id: int, received: int, at: int | None) -> tuple[int | None, int | None]:
        """So many units came, at that cost. (cost before, cost after)"""
        before = self._costs[sku_id]
        after = averaged(self._units[sku_id], before, received, at)
        self._units[sku_id] += received
        self._costs[sku_id] = after
        return before, after

    def write(self) -> None:
        rows = [{"_id": sku_id, "_cost": cost} for sku_id, cost in self._costs.items() if cost != self._before[sku_id]]
        if rows:
            self._conn.execute(update(skus).where(skus.c.id == bindparam("_id")).values(unit_cost=bindparam("_cost")), rows)


def _units(conn: Connection, ids: list[int]) -> dict[int, int]:
    """On hand everywhere, and between our own places."""
    found = dict.fromkeys(ids, 0)
    for table, units in ((stock_levels, stock_levels.c.on_hand), (transfer_lines, transfer_lines.c.in_transit)):
        for start in range(0, len(ids), CHUNK):
            here = select(table.c.sku_id, func.sum(units)).where(table.c.sku_id.in_(ids[start : start + CHUNK]), units > 0)
            for sku_id, there in conn.execute(here.group_by(table.c.sku_id)):
                found[sku_id] += int(there)
    return found


def _costs(conn: Connection, ids: list[int]) -> Mapping[int, int | None]:
    found: dict[int, int | None] = {}
    for start in range(0, len(ids), CHUNK):
        query = select(skus.c.id, skus.c.unit_cost).where(skus.c.id.in_(ids[start : start + CHUNK]))
        found |= {row.id: row.unit_cost for row in conn.execute(query)}
    return found
