"""Locations that have run out: lines that were routed there are chosen anew, the latest orders first, as far as another location has them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, and_, exists, or_, select

from channelsync.ledger.levels import LevelKey
from channelsync.ledger.routing import board as boards
from channelsync.ledger.routing import movable
from channelsync.ledger.routing.asking import routes_of
from channelsync.ledger.routing.board import Board
from channelsync.ledger.routing.movable import Held, Order
from channelsync.ledger.routing.rerouting import DECISIONS_MAX, apply, choose_anew
from channelsync.ledger.routing.routes import Way
from channelsync.ledger.schema import AVAILABLE, locations, order_lines, order_routes, stock_levels

AUTO_MAX: Final = 5
"""So often a line is moved by itself. Then it stays until a person says where to."""


Mark = tuple[int, int, int]
"""SKU, location, and the order_lines row before which to go on there; 0: behind that location."""


@dataclass(frozen=True, slots=True)
class Relieve:
    """Look at so many lines and levels, from there on; None: from the first level."""

    limit: int
    after: Mark | None = None


@dataclass(frozen=True, slots=True)
class Relieved:
    """moved: lines that are shipped from elsewhere now. next: where to go on; None: all were looked at."""

    moved: int
    next: Mark | None


def relieve(conn: Connection, items: Sequence[Relieve], now: datetime) -> list[Relieved]:
    """Nothing while routing is off. A line moves only to where all of it is; by hand, after shipping and where the shop decides, none does."""
    return [_relieve(conn, item, now) for item in items]


def _relieve(conn: Connection, item: Relieve, now: datetime) -> Relieved:
    board = boards.read(conn)
    if not board.on or not board.routed:
        return Relieved(0, None)
    moved, left = 0, item.limit
    keys = _short_keys(conn, item)
    for key in keys:
        rows = _lines_at(conn, key, item, left)
        moved += sum(_move(conn, board, order_id, line_ref, now) for _, order_id, line_ref in rows)
        if len(rows) == left:
            return Relieved(moved, (*key, rows[-1][0]))
        left -= len(rows)
    return Relieved(moved, (*keys[-1], 0) if len(keys) == item.limit else None)


_LEVEL = stock_levels.c
_LINE = order_lines.c
_HELD = or_(_LINE.soft > 0, _LINE.hard > 0)
_ROUTED = exists().where(order_routes.c.order_id == _LINE.order_id, order_routes.c.line_ref == _LINE.line_ref)
_SHORT = (
    select(_LINE.sku_id, _LINE.location_id)
    .join(stock_levels, and_(_LEVEL.sku_id == _LINE.sku_id, _LEVEL.location_id == _LINE.location_id))
    .join(locations, locations.c.id == _LINE.location_id)
    .where(_HELD, AVAILABLE < 0, locations.c.authority_id.is_(None))
    .group_by(_LINE.sku_id, _LINE.location_id)
    .order_by(_LINE.sku_id, _LINE.location_id)
)


def _short_keys(conn: Connection, item: Relieve) -> list[LevelKey]:
    """Levels that hold more for orders than there is, in key order."""
    query = _SHORT
    if item.after is not None:
        sku_id, location_id, before = item.after
        from_there = _LINE.location_id >= location_id if before else _LINE.location_id > location_id
        query = query.where(or_(_LINE.sku_id > sku_id, and_(_LINE.sku_id == sku_id, from_there)))
    return [(row.sku_id, row.location_id) for row in conn.execute(query.limit(item.limit))]


def _lines_at(conn: Connection, key: LevelKey, item: Relieve, limit: int) -> list[tuple[int, int, str]]:
    """(id, order, line) of what was routed there, the latest first."""
    query = select(_LINE.id, _LINE.order_id, _LINE.line_ref).where(_LINE.sku_id == key[0], _LINE.location_id == key[1], _HELD, _ROUTED)
    if item.after is not None and item.after[:2] == key:
        query = query.where(_LINE.id < item.after[2])
    return [(row.id, row.order_id, row.line_ref) for row in conn.execute(query.order_by(_LINE.id.desc()).limit(limit))]


def _move(conn: Connection, board: Board, order_id: int, line_ref: str, now: datetime) -> int:
    """How many lines have moved: one or none. All is looked at again under the locks: a later order may have made room by now."""
    order = movable.read(conn, order_id)
    held = None if order is None else order.lines.get(line_ref)
    if order is None or held is None or held.stuck or not _may(order, held) or not _is_short(conn, held):
        return 0
    choice, wanted = choose_anew(conn, board, order, [held])
    (route,) = routes_of(board, choice, wanted, Way.AUTO)
    if choice.lines[0].missing or route.location_id == held.at:
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


def _available(conn: Connection, held: Held, location_id: int) -> dict[int, int]:
    query = select(_LEVEL.sku_id, AVAILABLE).where(_LEVEL.sku_id.in_(sorted(held.wanted.parts)), _LEVEL.location_id == location_id)
    return {row[0]: row[1] for row in conn.execute(query)}
