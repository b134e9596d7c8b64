"""Lines that are not to stay where they are held, as a location has run out or does not ship where they go: they are chosen anew as far as another
location has them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from channelsync.ledger import order_mapping
from channelsync.ledger.routing import board as boards
from channelsync.ledger.routing import movable, waiting
from channelsync.ledger.routing.asking import routes_of
from channelsync.ledger.routing.movable import Held, Order
from channelsync.ledger.routing.rerouting import DECISIONS_MAX, apply, choose_anew
from channelsync.ledger.routing.routes import Route, Way
from channelsync.ledger.routing.waiting import AUTO_MAX, Look, Mark, Waiting

SKUS: Final = 16
GLANCES: Final = 32
"""For each line that may be moved, so many SKUs and lines are glanced at: a few milliseconds in all, as nothing of them is locked."""
OF_A_LEVEL: Final = 8
"""As many glances as it costs to find the lines of one level."""


@dataclass(frozen=True, slots=True)
class Relieve:
    """Move at most so many lines, and look at a bounded number, from there on; None: from the first level."""

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
    board, after = boards.read(conn), item.after or (0, 0, 0)
    if not board.on or not board.routed:
        return Relieved(0, None)
    look = Look(board, order_mapping.owned_locations(conn))
    sku_ids = waiting.sku_ids(conn, after[0], item.limit * SKUS)
    look.at(conn, sku_ids)
    moved, tries, glances = 0, item.limit, item.limit * GLANCES
    for key in look.keys(sku_ids, after):
        mark = after[2] if key == after[:2] else 0
        if glances <= 0:
            return Relieved(moved, (*key, mark))
        rows = waiting.lines(conn, look, key, mark, glances)
        for line in rows:
            if not look.worth(key):
                break
            if not tries:
                return Relieved(moved, (*key, mark))
            mark = line.row
            if line.free and look.why(key[1], line.parts, line.to, line.way) and look.elsewhere(key[1], line.parts, line.to):
                tries -= 1
                moved += _move(conn, look, line, now)
        if len(rows) == glances:
            return Relieved(moved, (*key, rows[-1].row))
        glances -= len(rows) + OF_A_LEVEL
    return Relieved(moved, (sku_ids[-1] + 1, 0, 0) if len(sku_ids) == item.limit * SKUS else None)


def _move(conn: Connection, look: Look, line: Waiting, now: datetime) -> int:
    """How many lines have moved: one or none. All is looked at again under the lock: what was read may be another's by now."""
    order = movable.read(conn, line.order_id)
    held = None if order is None else order.lines.get(line.ref)
    if order is None or held is None or held.stuck or not _may(order, held):
        return 0
    look.at(conn, held.wanted.parts)
    why = look.why(held.at, held.wanted.parts, order.to, line.way)
    if not why:
        return 0
    choice, wanted = choose_anew(conn, look.board, order, [held])
    (route,) = routes_of(look.board, choice, wanted, Way.AUTO)
    if choice.lines[0].missing or route.location_id == held.at:
        return 0
    why = f"{look.board.codes[held.at]} {why}"
    told = {**route.told, "summary": f"{why}; {route.told['summary']}"}
    if apply(conn, order, [Route(route.line, route.location_id, Way.AUTO, route.why, told)], "", why, now):
        return 0
    look.at(conn, held.wanted.parts)
    return 1


def _may(order: Order, held: Held) -> bool:
    mine = [route for route in order.decided if route.line == held.line.ref]
    by_itself = sum(route.way is Way.AUTO for route in mine)
    return bool(mine) and mine[-1].way is not Way.HAND and by_itself < AUTO_MAX and len(order.decided) < DECISIONS_MAX
