"""What is there and what was sold, summed up: per SKU, per location or per channel. Reads only.

sold: units that orders placed in the last days hold or have shipped, so cancelled ones do not count; what is reserved by hand is no order. shipped:
units that left by the log in that time, reservations included. Costs are not known, so there is no value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, select

from channelsync.ledger.levels import MovementType
from channelsync.ledger.schema import channels, locations, movements, order_lines, orders, skus, stock_levels
from channelsync.ledger.stock_pages import first_since

PAGE_MAX = 500


class By(StrEnum):
    SKU = "sku"
    LOCATION = "location"
    CHANNEL = "channel"


@dataclass(frozen=True, slots=True)
class StatsRow:
    """name: of the SKU, location or channel. on_hand, available None: a channel has none of its own. orders: with units of it, in that time."""

    id: int
    name: str
    on_hand: int | None
    available: int | None
    orders: int
    sold: int
    shipped: int


@dataclass(frozen=True, slots=True)
class _Sold:
    orders: int = 0
    sold: int = 0


def stats(conn: Connection, by: By, since: datetime, *, after: int = 0, limit: int = 100) -> list[StatsRow]:
    """In the order of their ids, from the first one behind `after`; also those that sold nothing."""
    table, name = {By.SKU: (skus, skus.c.sku), By.LOCATION: (locations, locations.c.code), By.CHANNEL: (channels, channels.c.name)}[by]
    query = select(table.c.id, name).where(table.c.id > after).order_by(table.c.id).limit(max(1, min(limit, PAGE_MAX)))
    rows = [(int(row[0]), str(row[1])) for row in conn.execute(query)]
    ids = [number for number, _ in rows]
    there, sold, shipped = _there(conn, by, ids), _sold(conn, by, ids, since), _shipped(conn, by, ids, since)
    found = []
    for number, text in rows:
        on_hand, available = there.get(number, (None, None) if by is By.CHANNEL else (0, 0))
        ordered = sold.get(number, _Sold())
        found.append(StatsRow(number, text, on_hand, available, ordered.orders, ordered.sold, shipped.get(number, 0)))
    return found


def _there(conn: Connection, by: By, ids: Sequence[int]) -> dict[int, tuple[int | None, int | None]]:
    if by is By.CHANNEL:
        return {}
    level = stock_levels.c
    key = level.sku_id if by is By.SKU else level.location_id
    free = level.on_hand - level.soft - level.hard - level.pending_debit - level.held_elsewhere
    query = select(key, func.sum(level.on_hand), func.sum(free)).where(key.in_(ids)).group_by(key)
    return {int(row[0]): (int(row[1]), int(row[2])) for row in conn.execute(query)}


def _sold(conn: Connection, by: By, ids: Sequence[int], since: datetime) -> dict[int, _Sold]:
    key: ColumnElement[Any] = {By.SKU: order_lines.c.sku_id, By.LOCATION: order_lines.c.location_id, By.CHANNEL: orders.c.channel_id}[by]
    units = order_lines.c.soft + order_lines.c.hard + order_lines.c.shipped
    query: Select[Any] = (
        select(key, func.count(func.distinct(orders.c.id)), func.sum(units))
        .select_from(order_lines)
        .join(orders, orders.c.id == order_lines.c.order_id)
        .where(key.in_(ids), orders.c.placed_at >= since, units > 0)
        .group_by(key)
    )
    return {int(row[0]): _Sold(int(row[1]), int(row[2] or 0)) for row in conn.execute(query)}


def _shipped(conn: Connection, by: By, ids: Sequence[int], since: datetime) -> dict[int, int]:
    """By when it was recorded: the log is in that order, so its young end is found without an index of its own."""
    log = movements.c
    key: ColumnElement[Any] = {By.SKU: log.sku_id, By.LOCATION: log.location_id, By.CHANNEL: log.channel_id}[by]
    left = log.type == MovementType.FULFIL.value
    query = select(key, func.sum(-log.on_hand)).where(key.in_(ids), log.id > first_since(conn, since), left).group_by(key)
    return {int(row[0]): int(row[1] or 0) for row in conn.execute(query)}
