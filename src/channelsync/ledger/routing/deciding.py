"""An order's lines get their location when they are first seen. What is decided once stands: the same order told again keeps its route."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Final

from sqlalchemy import select

from channelsync.contract import OrderLine, OrderState
from channelsync.ledger import line_sources, net_effect
from channelsync.ledger.levels import LevelKey
from channelsync.ledger.net_effect import Posted
from channelsync.ledger.order_rows import LineRow
from channelsync.ledger.order_work import OrderWork
from channelsync.ledger.routing import destinations, routes
from channelsync.ledger.routing.asking import Free, Wanted, ask, labels, routes_of
from channelsync.ledger.routing.routes import Route, Way
from channelsync.ledger.schema import reservations

ALIVE: Final = (OrderState.PENDING, OrderState.OPEN)


def decide(work: OrderWork, rows: Sequence[LineRow], *, early: bool) -> dict[str, int]:
    """The location of each line that has a route, by its ref; lines that are new get theirs now. early: an order from before the opening, whose
    units lie where the shop sells from.
    """
    board = work.known.board
    if not board.on and not board.routed:
        return {}
    stored = routes.last(routes.of_order(work.conn, work.order_id))
    known = {ref: route.location_id for ref, route in stored.items()}
    _keep_destination(work)
    new = [] if early or not board.on else _new(work, rows, known)
    if new:
        decided = _decide(work, rows, new, known)
        routes.add(work.conn, work.order_id, decided, work.now)
        known |= {route.line: route.location_id for route in decided}
    return known


def _keep_destination(work: OrderWork) -> None:
    """Where it goes now; forgotten as soon as it is of no use: nothing is left to ship."""
    told = work.snapshot
    open_lines = told.state in ALIVE and not told.test and any(line.stocked and line.outstanding for line in told.lines)
    if open_lines and work.known.board.on:
        if not work.again or told.ship_to is not None:
            destinations.keep(work.conn, work.order_id, told.ship_to)
    else:
        destinations.keep(work.conn, work.order_id, None)


def _new(work: OrderWork, rows: Sequence[LineRow], known: Mapping[str, int]) -> list[Wanted]:
    """Lines without a route that want units now and never had any: those that hold some where the shop sells from stay there."""
    if work.snapshot.state not in ALIVE:
        return []
    touched = {row.line_ref for row in rows if row.posted.without_own() != Posted()}
    named = labels([(line.ref, line.sku) for line in work.snapshot.lines])
    found = []
    for line in work.snapshot.lines:
        if line.ref not in known and line.ref not in touched and line_sources.routable(line) and not line.shipped:
            found += _wanted(work, line, named[line.ref])
    return found


def _wanted(work: OrderWork, line: OrderLine, label: str) -> list[Wanted]:
    """Nothing for a line that holds nothing, or that waits for its listing or its location to be mapped."""
    target = work.target(line.listing)
    home = target.at(work.channel, line.location) if target is not None and target.sku_id is not None else None
    posted = net_effect.desired(work.snapshot, line, now=work.shop_now or work.now, policy=work.channel.policy)
    units = posted.soft + posted.hard
    if target is None or home is None or not units:
        return []
    parts = Counter[int]()
    for source in target.sources(home):
        parts[source.sku_id] += source.pack * units
    return [Wanted(line.ref, label, parts, home.location_id)]


def _decide(work: OrderWork, rows: Sequence[LineRow], new: Sequence[Wanted], known: Mapping[str, int]) -> list[Route]:
    board, sku_ids = work.known.board, {sku_id for line in new for sku_id in line.parts}
    claims = _claims(work, sku_ids)
    places = {place.location_id for place in board.places} | {location_id for _, location_id in claims}
    free = Free.locked(work.conn, sku_ids, places, claims, _others(work, rows, {line.ref for line in new}))
    found, rest = _where_the_cart_is(work, new, claims, free)
    used = {row.at.location_id for row in rows if row.posted.soft or row.posted.hard} | {route.location_id for route in found}
    if not rest:
        return found
    choice, lines = ask(work.conn, board, destinations.of(work.conn, work.order_id), rest, free, used)
    return found + routes_of(board, choice, lines, Way.RULE)


def _others(work: OrderWork, rows: Sequence[LineRow], new: Container[str]) -> set[LevelKey]:
    """Levels that the order's other lines are held at, or will be."""
    found = {(row.at.sku_id, row.at.location_id) for row in rows}
    for line in work.snapshot.lines:
        target = work.target(line.listing) if line.stocked and line.ref not in new else None
        place = target.at(work.channel, line.location) if target is not None and target.sku_id is not None else None
        if target is not None and place is not None:
            found |= {(source.sku_id, source.location_id) for source in target.sources(place)}
    return found


def _claims(work: OrderWork, sku_ids: Iterable[int]) -> dict[LevelKey, int]:
    """What the storefront's reservation holds for this order, by level."""
    if work.snapshot.reservation_ref is None:
        return {}
    table = reservations.c
    mine = table.reference == work.snapshot.reservation_ref, table.state == "open", table.sku_id.in_(sorted(sku_ids))
    claims = Counter[LevelKey]()
    for row in work.conn.execute(select(table.sku_id, table.location_id, table.open).where(*mine)):
        claims[row.sku_id, row.location_id] += row.open
    return dict(claims)


def _where_the_cart_is(
    work: OrderWork, new: Sequence[Wanted], claims: Mapping[LevelKey, int], free: Free
) -> tuple[list[Route], list[Wanted]]:
    """A line that the storefront has reserved leaves from where it is reserved: the order takes that claim over. The others are to be chosen."""
    left, found, rest = Counter(claims), list[Route](), list[Wanted]()
    codes = work.known.board.codes
    for line in sorted(new, key=lambda line: line.ref):
        at = [
            place for place in sorted({location for _, location in claims}) if all(left[sku, place] >= n for sku, n in line.parts.items())
        ]
        if not at:
            rest.append(line)
            continue
        left.subtract({(sku_id, at[0]): units for sku_id, units in line.parts.items()})
        free.take(line.parts, at[0])
        summary = {"summary": f"it leaves from {codes[at[0]]}, where the storefront has reserved it", "considered": []}
        found.append(Route(line.ref, at[0], Way.CART, "reserved there by the storefront", summary))
    return found, rest
