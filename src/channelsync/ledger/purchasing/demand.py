"""What is read for suggestions: which SKUs at which locations come into question, what they sold, what is there, and what people have said."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import BigInteger, ColumnElement, Connection, and_, exists, func, or_, select, true, tuple_, type_coerce

from channelsync.ledger.levels import LevelKey, MovementType
from channelsync.ledger.reorder_levels import EVERYWHERE
from channelsync.ledger.schema import (
    AVAILABLE,
    BUCKETS,
    bundle_parts,
    locations,
    low_stock,
    movements,
    order_lines,
    orders,
    purchase_lines,
    purchase_orders,
    reorder_levels,
    stock_levels,
)
from channelsync.ledger.stock_pages import first_since
from channelsync.ledger.types import EPOCH

CHUNK: Final = 400
DAY: Final = timedelta(days=1) // timedelta(microseconds=1)
_LOG = movements.c
FREED: Final = _LOG.on_hand - _LOG.soft - _LOG.hard - _LOG.pending_debit - _LOG.held_elsewhere
"""How a movement changes what is available."""


@dataclass(frozen=True, slots=True)
class Said:
    """A reorder level of one scope: (SKU id, location id or EVERYWHERE)."""

    low: int
    reorder: int | None


@dataclass(frozen=True, slots=True)
class Sales:
    """Units in the window, reservations that were shipped without an order included."""

    sold: int
    out_days: int


def sold_by_day(conn: Connection, now: datetime, days: int, only: Collection[int] | None = None) -> dict[LevelKey, dict[int, int]]:
    """Units that orders placed in the last days hold or have shipped, by how many days ago. What was sold before the opening is left out: of
    those days it is not known what was there. only: of these SKUs; None: of all.
    """
    line = order_lines.c
    units, ago = line.soft + line.hard + line.shipped, _ago(orders.c.placed_at, now)
    query = (
        select(line.sku_id, line.location_id, ago.label("ago"), func.sum(units))
        .join_from(order_lines, orders, orders.c.id == line.order_id)
        .where(orders.c.placed_at >= now - timedelta(days=days), orders.c.before_opening.is_(False), units > 0, _any_of(line.sku_id, only))
        .group_by(line.sku_id, line.location_id, ago)
    )
    found: dict[LevelKey, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for sku_id, location_id, day, sold in conn.execute(query):
        found[sku_id, location_id][max(0, day)] += int(sold)
    begin = first_since(conn, now - timedelta(days=days))
    by_hand = and_(_LOG.type == MovementType.FULFIL.value, _LOG.channel_id.is_(None))
    ago = _ago(_LOG.recorded_at, now)
    query = select(_LOG.sku_id, _LOG.location_id, ago.label("ago"), func.sum(-_LOG.on_hand)).where(
        _LOG.id > begin, by_hand, _any_of(_LOG.sku_id, only)
    )
    for sku_id, location_id, day, sold in conn.execute(query.group_by(_LOG.sku_id, _LOG.location_id, ago)):
        found[sku_id, location_id][max(0, day)] += int(sold)
    return found


def _any_of(column: ColumnElement[int], only: Collection[int] | None) -> ColumnElement[bool]:
    return true() if only is None else column.in_(only)


def _ago(instant: ColumnElement[Any], now: datetime) -> ColumnElement[int]:
    """Whole days before `now`, in the database."""
    return ((now - EPOCH) // timedelta(microseconds=1) - type_coerce(instant, BigInteger)) // DAY


def sales(
    conn: Connection, keys: Sequence[LevelKey], sold: Mapping[LevelKey, Mapping[int, int]], now: datetime, days: int
) -> dict[LevelKey, Sales]:
    """A day counts as out of stock if nothing was available at its beginning and at its end, and nothing sold."""
    available = {key: units[0] for key, units in there(conn, keys).items()}
    moved = _moved_by_day(conn, keys, now, days)
    found = {}
    for key in keys:
        of_day, end, out = sold.get(key, {}), available.get(key, 0), 0
        for day in range(days):
            begin = end - moved.get((*key, day), 0)
            out += end <= 0 and begin <= 0 and not of_day.get(day)
            end = begin
        found[key] = Sales(sum(of_day.values()), out)
    return found


def _moved_by_day(conn: Connection, keys: Sequence[LevelKey], now: datetime, days: int) -> dict[tuple[int, int, int], int]:
    """(SKU id, location id, days ago) -> by how much what is available has changed."""
    begin, ago = first_since(conn, now - timedelta(days=days)), _ago(_LOG.recorded_at, now)
    found: dict[tuple[int, int, int], int] = defaultdict(int)
    for start in range(0, len(keys), CHUNK):
        here = tuple_(_LOG.sku_id, _LOG.location_id).in_(keys[start : start + CHUNK])
        query = select(_LOG.sku_id, _LOG.location_id, ago.label("ago"), func.sum(FREED)).where(here, _LOG.id > begin)
        for sku_id, location_id, day, units in conn.execute(query.group_by(_LOG.sku_id, _LOG.location_id, ago)):
            found[sku_id, location_id, max(0, day)] += int(units)
    return found


def there(conn: Connection, keys: Iterable[LevelKey]) -> dict[LevelKey, tuple[int, int]]:
    """(available, incoming) of every level of the SKUs in the keys."""
    ids, found = sorted({sku_id for sku_id, _ in keys}), dict[LevelKey, tuple[int, int]]()
    level = stock_levels.c
    for start in range(0, len(ids), CHUNK):
        query = select(level.sku_id, level.location_id, AVAILABLE, level.incoming).where(level.sku_id.in_(ids[start : start + CHUNK]))
        found |= {(row[0], row[1]): (int(row[2]), int(row[3])) for row in conn.execute(query)}
    return found


def said(conn: Connection) -> dict[tuple[int, int], Said]:
    """What people have said of single SKUs; and of what is low by the config's level, that level."""
    config, people = low_stock.c, reorder_levels.c
    found = {(row[0], row[1]): Said(row[2], None) for row in conn.execute(select(config.sku_id, config.location_id, config.level))}
    for sku_id, location_id, low, reorder in conn.execute(select(people.sku_id, people.location_id, people.low, people.reorder)):
        by_config = found.get((sku_id, location_id))
        if low is not None:
            found[sku_id, location_id] = Said(low, reorder)
        elif by_config is not None:
            found[sku_id, location_id] = Said(by_config.low, reorder)
    return found


def drafted(conn: Connection) -> dict[LevelKey, int]:
    """Units on purchase orders that are not ordered yet."""
    place = purchase_orders.c.location_id
    query = (
        select(purchase_lines.c.sku_id, place, func.sum(purchase_lines.c.ordered))
        .join_from(purchase_lines, purchase_orders, purchase_orders.c.id == purchase_lines.c.order_id)
        .where(purchase_orders.c.state == "draft")
        .group_by(purchase_lines.c.sku_id, place)
    )
    return {(row[0], row[1]): int(row[2]) for row in conn.execute(query)}


def ours(conn: Connection) -> dict[int, str]:
    """The locations where on hand is the ledger's, those that ship first first: id -> code."""
    query = select(locations.c.id, locations.c.code).where(locations.c.authority_id.is_(None))
    return {row.id: row.code for row in conn.execute(query.order_by(locations.c.priority, locations.c.code))}


def main_places(conn: Connection, sku_ids: Iterable[int], places: Iterable[int]) -> dict[int, int]:
    """Where a SKU is bought for all locations together: the first of `places` at which it ever lay. A level alone says little: whoever looks for
    units at a location makes one; where it never lay at all, it is the first that has a level.
    """
    rank = {place: number for number, place in enumerate(places)}
    found: dict[int, int] = {}
    wanted = set(sku_ids)
    lain = _lain(conn, wanted)
    levels = there(conn, ((sku_id, EVERYWHERE) for sku_id in wanted))
    for sku_id, place in sorted(levels, key=lambda key: (key not in lain, rank.get(key[1], len(rank)))):
        if place in rank:
            found.setdefault(sku_id, place)
    return found


def _lain(conn: Connection, sku_ids: Iterable[int]) -> set[LevelKey]:
    """Where units of the SKUs are, are claimed or are coming; and where any ever moved."""
    wanted, found, level = sorted(set(sku_ids)), set[LevelKey](), stock_levels.c
    moved = exists().where(_LOG.sku_id == level.sku_id, _LOG.location_id == level.location_id, or_(*(_LOG[name] != 0 for name in BUCKETS)))
    for start in range(0, len(wanted), CHUNK):
        here = level.sku_id.in_(wanted[start : start + CHUNK])
        query = select(level.sku_id, level.location_id).where(here, or_(*(level[name] != 0 for name in BUCKETS), moved))
        found |= {(row[0], row[1]) for row in conn.execute(query)}
    return found


def bundled(conn: Connection) -> set[int]:
    return set(conn.scalars(select(bundle_parts.c.bundle_id).distinct()))
