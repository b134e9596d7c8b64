"""An order's routes for people and programs: where each line is shipped from, why, and what was decided before. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, RowMapping, select

from channelsync.contract import ShipTo
from channelsync.ledger import line_sources, order_json
from channelsync.ledger.routing import destinations, routes
from channelsync.ledger.routing.routes import Route
from channelsync.ledger.schema import channels, locations, order_lines, orders, skus


@dataclass(frozen=True, slots=True)
class Considered:
    """Why a location was chosen or was not."""

    location: str
    chosen: bool
    why: str


@dataclass(frozen=True, slots=True)
class RouteLine:
    """location: where it is, or was, shipped from. held, shipped: SKU units, of a bundle those of all its parts. way: rule, cart, hand, anew, auto; "shop": the shop itself says where; "home": never
    routed, it is where the shop sells from. summary and considered are those of its last decision. forgotten: what was considered is not known any more, as it told of
    where the order went.
    """

    line: str
    sku: str
    location: str
    held: int
    shipped: int
    way: str
    why: str
    actor: str
    decided_at: datetime | None
    summary: str
    considered: tuple[Considered, ...]
    forgotten: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """One of the routes a line ever had."""

    line: str
    location: str
    way: str
    why: str
    actor: str
    decided_at: datetime


@dataclass(frozen=True, slots=True)
class OrderRoute:
    """to: where it goes, while it holds units and routing is on; empty otherwise. decisions: the first one first."""

    channel: str
    order: str
    number: str
    state: str
    to: ShipTo
    lines: tuple[RouteLine, ...]
    decisions: tuple[Decision, ...]


SHOP = "the shop itself has it shipped from there"
HOME = "not routed: it is held where the shop sells from"


def one_route(conn: Connection, channel: str | None, ref: str) -> OrderRoute | None:
    """By the order's own id, or else by its number. None: no channel, or not this one, has told of such an order."""
    query = select(orders, channels.c.name.label("channel")).join(channels, channels.c.id == orders.c.channel_id)
    if channel is not None:
        query = query.where(channels.c.name == channel)
    by_ref = conn.execute(query.where(orders.c.ref == ref, orders.c.channel_id.in_(select(channels.c.id))).limit(1)).mappings().first()
    row = by_ref or conn.execute(query.where(orders.c.number == ref).order_by(orders.c.id.desc()).limit(1)).mappings().first()
    if row is None:
        return None
    codes = {place.id: place.code for place in conn.execute(select(locations.c.id, locations.c.code))}
    decided = routes.of_order(conn, row["id"])
    return OrderRoute(
        row["channel"],
        row["ref"],
        row["number"],
        row["state"],
        destinations.of(conn, row["id"]),
        _lines(conn, row, codes, routes.last(decided)),
        tuple(Decision(each.line, codes[each.location_id], each.way.value, each.why, each.actor, _at(each)) for each in decided),
    )


def _at(route: Route) -> datetime:
    assert route.decided_at is not None, "what is stored has its time"
    return route.decided_at


def _lines(conn: Connection, order: RowMapping, codes: dict[int, str], last: dict[str, Route]) -> tuple[RouteLine, ...]:
    """Of a line that was in several places, the one where it is now."""
    snapshot = order_json.read(order["snapshot"])
    told = {} if snapshot is None else {line.ref: line for line in snapshot.lines}
    query = select(order_lines, skus.c.sku).join(skus, skus.c.id == order_lines.c.sku_id).where(order_lines.c.order_id == order["id"])
    now: dict[str, list[RowMapping]] = {}
    for row in conn.execute(query.order_by(order_lines.c.id)).mappings():
        if row["quantity"]:
            now.setdefault(row["line_ref"], []).append(row)
    found = []
    for ref, rows in now.items():
        line, route = told.get(ref), last.get(ref)
        shops = line is not None and not line_sources.routable(line)
        route = None if shops else route
        why = route.why if route else SHOP if shops else HOME
        considered = () if route is None else tuple(Considered(**each) for each in route.told.get("considered", ()))
        found.append(
            RouteLine(
                ref,
                (line and line.sku) or rows[0]["sku"],
                codes[rows[0]["location_id"]],
                sum(row["soft"] + row["hard"] for row in rows),
                sum(row["shipped"] for row in rows),
                route.way.value if route else "shop" if shops else "home",
                why,
                route.actor if route else "",
                route.decided_at if route else None,
                str(route.told.get("summary", "")) if route else "",
                considered,
                bool(route and route.told.get("forgotten")),
            )
        )
    return tuple(found)
