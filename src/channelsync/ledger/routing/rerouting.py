"""`reroute`: a person says where lines of an order are shipped from, or has it chosen anew. Never after shipping."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, select

from channelsync.ledger import bounds, orders, skus
from channelsync.ledger.keys import Answer, Keyed, idempotent
from channelsync.ledger.orders import Verdict
from channelsync.ledger.refusals import InsufficientStock, NotAllowed, Refusal, UnknownLocation
from channelsync.ledger.routing import board as boards
from channelsync.ledger.routing import movable, routes
from channelsync.ledger.routing.asking import Free, Wanted, ask, routes_of
from channelsync.ledger.routing.board import Board
from channelsync.ledger.routing.model import Choice
from channelsync.ledger.routing.movable import Held, Order
from channelsync.ledger.routing.routes import Route, Way
from channelsync.ledger.schema import channels

DECISIONS_MAX: Final = 1_000
"""Of one order, kept for ever."""


class UnknownOrder(Refusal):
    code = "unknown_order"

    def __init__(self, ref: str, channel: str | None) -> None:
        super().__init__(
            f"{repr(channel) if channel else 'no channel'} has told of {'no' if channel else 'an'} order {ref!r}; `channelsync orders` lists them"
        )
        self.ref, self.channel = ref, channel


@dataclass(frozen=True, slots=True)
class Reroute(Keyed):
    """order: its own id at the shop, or its number. channel: needed where two channels have such an order. to: a location's code; None: choose
    anew. lines: their refs; none: all that may move. anyway: also to where units of it are missing.
    """

    order: str
    channel: str | None = None
    to: str | None = None
    lines: tuple[str, ...] = ()
    anyway: bool = False
    reason: str = ""
    actor: str = ""


@dataclass(frozen=True, slots=True)
class Moved:
    """One line: where it was held, where it is now, and why. units: of the ledger's SKUs, held for it."""

    line: str
    before: str
    location: str
    units: int
    why: str


@dataclass(frozen=True, slots=True)
class Routed(Answer):
    """summary: one sentence. lines: those that were decided; one whose location is the same has not moved."""

    channel: str
    order: str
    summary: str
    lines: tuple[Moved, ...]


@idempotent(Routed)
def reroute(conn: Connection, items: Sequence[Reroute], now: datetime) -> Sequence[Routed | Refusal]:
    """The holds of the lines move. Refused: a line that the shop places itself, or of which something has left; UnknownOrder, UnknownLocation,
    InsufficientStock (without `anyway`).
    """
    return [_reroute(conn, item, now) for item in items]


def _reroute(conn: Connection, item: Reroute, now: datetime) -> Routed | Refusal:
    problem = bounds.texts(reference=item.order, location=item.to, reason=item.reason, actor=item.actor)
    problem = problem or next(filter(None, (bounds.texts(reference=ref) for ref in item.lines)), None)
    if problem is None and len(item.lines) > bounds.MAX_LINES:
        problem = NotAllowed(f"{len(item.lines)} lines are named, at most {bounds.MAX_LINES} may be; name none to move all of them")
    found = problem or _find(conn, item)
    if isinstance(found, Refusal):
        return found
    order, channel = found
    lines = _lines(order, item)
    if isinstance(lines, Refusal):
        return lines
    board = boards.read(conn)
    decided = _anew(conn, board, order, lines, item) if item.to is None else _by_hand(conn, board, order, lines, item)
    if isinstance(decided, Refusal):
        return decided
    if problem := apply(conn, order, decided, item.actor, item.reason or f"routed {decided[0].way.value}", now):
        return problem
    codes = board.codes
    told = tuple(
        Moved(route.line, codes[order.lines[route.line].at], codes[route.location_id], order.lines[route.line].units, route.why)
        for route in decided
    )
    return Routed(channel, order.ref, str(decided[0].told["summary"]), told)


def _find(conn: Connection, item: Reroute) -> tuple[Order, str] | Refusal:
    known = {row.id: row.name for row in conn.execute(select(channels.c.id, channels.c.name))}
    among = [channel_id for channel_id, name in known.items() if item.channel in (None, name)]
    rows = movable.named(conn, item.order, among)
    if len(rows) > 1:
        where = ", ".join(sorted(known[row["channel_id"]] for row in rows))
        return NotAllowed(f"several orders are called {item.order!r} ({where}); name the channel and the order's own id")
    order = movable.read(conn, rows[0]["id"]) if rows else None
    return UnknownOrder(item.order, item.channel) if order is None else (order, known[order.channel_id])


def _lines(order: Order, item: Reroute) -> list[Held] | Refusal:
    """Those that are to move: the named ones, all of which must be able to, else all that are."""
    for ref in item.lines:
        held = order.lines.get(ref)
        if held is None:
            return NotAllowed(f"line {ref!r} of order {order.ref!r} holds nothing; lines that do: {', '.join(order.lines) or 'none'}")
        if held.stuck:
            return NotAllowed(f"line {ref!r} of order {order.ref!r} stays where it is: {held.stuck}")
    found = [order.lines[ref] for ref in dict.fromkeys(item.lines)] or [held for held in order.lines.values() if not held.stuck]
    if not found:
        why = "; ".join(f"line {ref}: {held.stuck}" for ref, held in list(order.lines.items())[:3]) or "it holds nothing"
        return NotAllowed(f"no line of order {order.ref!r} can be moved: {why}")
    if len(order.decided) + len(found) > DECISIONS_MAX:
        return NotAllowed(f"order {order.ref!r} was routed {len(order.decided)} times, that is all that is kept: leave it where it is")
    return found


def _by_hand(conn: Connection, board: Board, order: Order, lines: Sequence[Held], item: Reroute) -> list[Route] | Refusal:
    to = board.id_of(item.to or "")
    if to is None:
        return UnknownLocation(item.to or "")
    sku_ids = {sku_id for held in lines for sku_id in held.wanted.parts}
    free = Free.locked(conn, sku_ids, [to], order.own(lines))
    before = free.units.copy()
    for held in lines:
        free.take(held.wanted.parts, to)
    short = {sku_id: -free.units[sku_id, to] for sku_id in sorted(sku_ids) if free.units[sku_id, to] < 0}
    names = {sku.id: sku.sku for sku in skus.by_id(conn, short).values()}
    if short and not item.anyway:
        first = next(iter(short))
        there = before[first, to]
        remedy = "choose another location, bring units there, or say that it goes there all the same (--anyway, `anyway`)"
        return InsufficientStock(names[first], item.to or "", there - free.units[first, to], there, remedy=remedy)
    asked = Counter[int]()
    for held in lines:
        asked.update(held.wanted.parts)
    lacks = ", ".join(f"{min(units, asked[sku_id])} {names[sku_id]}" for sku_id, units in short.items())
    why = "by hand" + (f": {item.reason}" if item.reason else "") + (f"; lacks {lacks}" if lacks else "")
    told = {"summary": f"shipped from {item.to}: {why}", "considered": []}
    return [Route(held.line.ref, to, Way.HAND, why, told, item.actor) for held in lines]


def _anew(conn: Connection, board: Board, order: Order, lines: Sequence[Held], item: Reroute) -> list[Route] | Refusal:
    if not board.on:
        return NotAllowed("routing is off, so nothing can be chosen: set `enabled = true` under [routing] in the config, or say where to")
    return anew(conn, board, order, lines, Way.ANEW, item.actor)


def anew(conn: Connection, board: Board, order: Order, lines: Sequence[Held], way: Way, actor: str) -> list[Route]:
    """What is chosen for these lines now; the order's other lines are shipped from where they are."""
    choice, wanted = choose_anew(conn, board, order, lines)
    return routes_of(board, choice, wanted, way, actor)


def choose_anew(conn: Connection, board: Board, order: Order, lines: Sequence[Held]) -> tuple[Choice, list[Wanted]]:
    sku_ids = {sku_id for held in lines for sku_id in held.wanted.parts}
    free = Free.locked(conn, sku_ids, (place.location_id for place in board.places), order.own(lines))
    moving = {held.line.ref for held in lines}
    used = {held.at for ref, held in order.lines.items() if ref not in moving}
    return ask(conn, board, order.to, [held.wanted for held in lines], free, used)


def apply(conn: Connection, order: Order, decided: Sequence[Route], actor: str, reason: str, now: datetime) -> NotAllowed | None:
    """Keep the decisions and let the order follow them: all of it, or nothing."""
    savepoint = conn.begin_nested()
    routes.add(conn, order.id, decided, now)
    (result,) = orders.apply(conn, [order.again(actor, reason)], now)
    if result.verdict is Verdict.APPLIED:
        savepoint.commit()
        return None
    savepoint.rollback()
    return NotAllowed(f"order {order.ref!r} cannot be moved: {result.reason or result.verdict.value}")
