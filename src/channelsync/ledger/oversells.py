"""Oversells that stock verbs make or end. More promised than there is: a fact that people must see, from the moment it is one until it is none.

Oversells by channels' own sales are recorded by `orders`; one rule ends both kinds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, Connection, bindparam, case, exists, func, select, update

from channelsync.ledger import findings
from channelsync.ledger.levels import Level, LevelKey
from channelsync.ledger.schema import findings as table
from channelsync.ledger.schema import skus, stock_levels
from channelsync.ledger.skus import Backorder
from channelsync.ledger.spelt import Spelt, one_of
from channelsync.ledger.types import Utc

KIND: Final = "oversell"
CHUNK: Final = 400


def watch(conn: Connection, before: Mapping[LevelKey, Level], after: Mapping[LevelKey, Level], now: datetime) -> None:
    """Physical units changed, and are written: record what they no longer cover, end what they cover again."""
    fallen = {key: level.available for key, level in after.items() if level.available < min(0, before[key].available)}
    wrong = beyond_policy(conn, {key[0] for key in fallen})
    for key, available in sorted(fallen.items()):
        if key[0] in wrong:
            findings.record(conn, KIND, None, key[0], "", {"location_id": key[1], "available": available}, now)
    end(conn, {key[0] for key, level in after.items() if level.available > before[key].available}, now)


def beyond_policy(conn: Connection, sku_ids: Iterable[int]) -> set[int]:
    """Those of the SKUs of which more is promised than may be. Where backorders are wanted, a negative number is a promise, up to their limit."""
    ids = sorted(set(sku_ids))
    found: set[int] = set()
    for start in range(0, len(ids), CHUNK):
        found |= set(_BEYOND.scalars(conn, those=ids[start : start + CHUNK]))
    return found


def _too_much() -> ColumnElement[bool]:
    """Of a row of `skus`, as it is written now."""
    level = stock_levels.c
    available = level.on_hand - level.soft - level.hard - level.pending_debit - level.held_elsewhere
    promised = (
        select(func.coalesce(func.sum(-available), 0)).where(level.sku_id == skus.c.id, available < 0).correlate(skus).scalar_subquery()
    )
    may_be = case((skus.c.backorder == Backorder.DENY.value, 0), else_=skus.c.backorder_limit)
    return promised > may_be  # without a limit it is NULL, and nothing is more than that


_BEYOND = Spelt(select(skus.c.id).where(one_of(skus.c.id, "those"), _too_much()))
_END = Spelt(
    update(table)
    .where(table.c.kind == KIND, table.c.resolved_at.is_(None), one_of(table.c.sku_id, "those"))
    .where(~exists().where(skus.c.id == table.c.sku_id, _too_much()))
    .values(resolved_at=bindparam("now", type_=Utc()))
)


def end(conn: Connection, sku_ids: Iterable[int], now: datetime) -> None:
    """Resolve the oversells of these SKUs that are over: no more is promised than may be."""
    ids = sorted(set(sku_ids))
    for start in range(0, len(ids), CHUNK):
        _END.run(conn, those=ids[start : start + CHUNK], now=now)
