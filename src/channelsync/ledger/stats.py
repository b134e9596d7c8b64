"""What is there and what was sold, summed up: per SKU, per location or per channel. Reads only.

sold: units that orders placed in the last days hold or have shipped, so cancelled ones do not count; what is reserved by hand is no order. shipped:
units that left by the log in that time, reservations included. value: what is on hand times what one unit costs; quarantined and damaged units
have none. What is in transit between our own locations is at neither of them, and has a value of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, select

from channelsync.ledger import costs
from channelsync.ledger.levels import MovementType
from channelsync.ledger.schema import (
    AVAILABLE,
    channels,
    locations,
    movements,
    order_lines,
    orders,
    skus,
    stock_levels,
    transfer_lines,
    transfers,
)
from channelsync.ledger.stock_pages import first_since

PAGE_MAX = 500


class By(StrEnum):
    SKU = "sku"
    LOCATION = "location"
    CHANNEL = "channel"


@dataclass(frozen=True, slots=True)
class StatsRow:
    """name: of the SKU, location or channel. on_hand, available None: a channel has none of its own. orders: with units of it, in that time.

    value: decimal text in the store's currency, of the units on hand whose cost is known; None for a SKU of unknown cost and for channels.
    uncosted: units on hand whose cost is not known, which `value` leaves out; None for channels. in_transit: units on transfers, of the SKU or to the
    location; None for channels. in_transit_value: theirs, at what one unit costs now, like `value`.
    """

    id: int
    name: str
    on_hand: int | None
    available: int | None
    orders: int
    sold: int
    shipped: int
    value: str | None
    uncosted: int | None
    in_transit: int | None
    in_transit_value: str | None


@dataclass(frozen=True, slots=True)
class _Worth:
    """In ten-thousandths; None: not known."""

    value: int | None
    uncosted: int | None


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
    worth, moving = _worth(conn, by, ids), _in_transit(conn, by, ids)
    found = []
    for number, text in rows:
        on_hand, available = there.get(number, (None, None) if by is By.CHANNEL else (0, 0))
        ordered = sold.get(number, _Sold())
        value, uncosted = costs.text_of(worth[number].value), worth[number].uncosted
        left, (units, theirs) = shipped.get(number, 0), moving[number]
        sums = ordered.orders, ordered.sold, left, value, uncosted, units, costs.text_of(theirs)
        found.append(StatsRow(number, text, on_hand, available, *sums))
    return found


def _there(conn: Connection, by: By, ids: Sequence[int]) -> dict[int, tuple[int | None, int | None]]:
    if by is By.CHANNEL:
        return {}
    level = stock_levels.c
    key = level.sku_id if by is By.SKU else level.location_id
    query = select(key, func.sum(level.on_hand), func.sum(AVAILABLE)).where(key.in_(ids)).group_by(key)
    return {int(row[0]): (int(row[1]), int(row[2])) for row in conn.execute(query)}


def _worth(conn: Connection, by: By, ids: Sequence[int]) -> dict[int, _Worth]:
    """Multiplied here, not by the database: no sum of money of any size is rounded or overflows."""
    if by is By.CHANNEL:
        return dict.fromkeys(ids, _Worth(None, None))
    key = skus.c.id if by is By.SKU else stock_levels.c.location_id
    units = func.coalesce(func.sum(stock_levels.c.on_hand), 0)
    query = (
        select(key, skus.c.unit_cost, units)
        .select_from(skus.outerjoin(stock_levels, stock_levels.c.sku_id == skus.c.id))
        .where(key.in_(ids))
        .group_by(key, skus.c.unit_cost)
    )
    found = dict.fromkeys(ids, _Worth(None if by is By.SKU else 0, 0))
    for number, cost, on_hand in conn.execute(query):
        before = found[number]
        if cost is None:
            found[number] = _Worth(before.value, int(on_hand))
        else:
            found[number] = _Worth((before.value or 0) + cost * int(on_hand), before.uncosted)
    return found


def _in_transit(conn: Connection, by: By, ids: Sequence[int]) -> dict[int, tuple[int | None, int | None]]:
    """Units on transfers, and their value in ten-thousandths. At today's cost, in which they have been averaged: shipping changes no sum of values."""
    if by is By.CHANNEL:
        return dict.fromkeys(ids, (None, None))
    key = transfer_lines.c.sku_id if by is By.SKU else transfers.c.to_id
    moving = (
        select(key, skus.c.unit_cost, func.sum(transfer_lines.c.in_transit))
        .join_from(transfer_lines, transfers, transfers.c.id == transfer_lines.c.transfer_id)
        .join(skus, skus.c.id == transfer_lines.c.sku_id)
        .where(key.in_(ids), transfer_lines.c.in_transit > 0)
        .group_by(key, skus.c.unit_cost)
    )
    found: dict[int, tuple[int | None, int | None]] = dict.fromkeys(ids, (0, 0))
    for number, cost, units in conn.execute(moving):
        before = found[number]
        known = None if cost is None and by is By.SKU else (before[1] or 0) + (cost or 0) * int(units)
        found[number] = ((before[0] or 0) + int(units), known)
    return found


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
