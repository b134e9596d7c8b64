"""Locations that have run out: lines that were routed there are chosen anew, the latest orders first, as far as another location has them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, and_, exists, or_, select

from channelsync.ledger.routing import board as boards
from channelsync.ledger.routing import movable
from channelsync.ledger.routing.board import Board
from channelsync.ledger.routing.movable import Held, Order
from channelsync.ledger.routing.rerouting import DECISIONS_MAX, anew, apply
from channelsync.ledger.routing.routes import Way
from channelsync.ledger.schema import AVAILABLE, order_lines, order_routes, stock_levels

AUTO_MAX: Final = 5
"""So often a line is moved by itself. Then it stays until a person says where to."""


@dataclass(frozen=True, slots=True)
class Relieve:
    """Look at so many lines, from those below `before` (an order_lines id; None: the newest)."""

    limit: int
    before: int | None = None


@dataclass(frozen=True, slots=True)
class Relieved:
    """moved: lines that are shipped from elsewhere now. next: where to go on; None: all were looked at."""

    moved: int
    next: int | None


def relieve(conn: Connection, items: Sequence[Relieve], now: datetime) -> list[Relieved]:
    """Nothing while routing is off. A line moves only to where all of it is; by hand, after shipping and where the shop decides, none does."""
    return [_relieve(conn, item, now) for item in items]


def _relieve(conn: Connection, item: Relieve, now: datetime) -> Relieved:
    board = boards.read(conn)
    if not board.on or not board.routed:
        return Relieved(0, None)
    below = _SHORT if item.before is None else _SHORT.where(order_lines.c.id < item.before)
    rows = conn.execute(below.limit(item.limit)).all()
    moved = sum(
        _move(conn, board, order_id, line_ref, now) for order_id, line_ref in dict.fromkeys((row.order_id, row.line_ref) for row in rows)
    )
    return Relieved(moved, rows[-1].id if len(rows) == item.limit else None)


_LEVEL = stock_levels.c
_ROUTED = exists().where(order_routes.c.order_id == order_lines.c.order_id, order_routes.c.line_ref == order_lines.c.line_ref)
_SHORT = (
    select(order_lines.c.id, order_lines.c.order_id, order_lines.c.line_ref)
    .join(stock_levels, and_(_LEVEL.sku_id == order_lines.c.sku_id, _LEVEL.location_id == order_lines.c.location_id))
    .where(or_(order_lines.c.soft > 0, order_lines.c.hard > 0), AVAILABLE < 0, _ROUTED)
    .order_by(order_lines.c.id.desc())
)


def _move(conn: Connection, board: Board, order_id: int, line_ref: str, now: datetime) -> int:
    """How many lines have moved: one or none. All is looked at again under the locks: a later order may have made room by now."""
    order = movable.read(conn, order_id)
    held = None if order is None else order.lines.get(line_ref)
    if order is None or held is None or held.stuck or not _may(order, held) or not _is_short(conn, held):
        return 0
    (route,) = anew(conn, board, order, [held], Way.AUTO, "")
    whole = route.location_id != held.at and _has(conn, held, route.location_id)
    if not whole:
        return 0
    before = board.codes[held.at]
    told = {**route.told, "summary": f"{before} has run out; {route.told['summary']}"}
    moved = [type(route)(route.line, route.location_id, Way.AUTO, route.why, told)]
    return 0 if apply(conn, order, moved, "", f"{before} has run out", now) else 1


def _may(order: Order, held: Held) -> bool:
    mine = [route for route in order.decided if route.line == held.line.ref]
    by_itself = sum(route.way is Way.AUTO for route in mine)
    return bool(mine) and mine[-1].way is not Way.HAND and by_itself < AUTO_MAX and len(order.decided) < DECISIONS_MAX


def _is_short(conn: Connection, held: Held) -> bool:
    return any(units < 0 for units in _available(conn, held, held.at).values())


def _has(conn: Connection, held: Held, location_id: int) -> bool:
    there = _available(conn, held, location_id)
    return all(there.get(sku_id, 0) >= units for sku_id, units in held.wanted.parts.items())


def _available(conn: Connection, held: Held, location_id: int) -> dict[int, int]:
    query = select(_LEVEL.sku_id, AVAILABLE).where(_LEVEL.sku_id.in_(sorted(held.wanted.parts)), _LEVEL.location_id == location_id)
    return {row[0]: row[1] for row in conn.execute(query)}
