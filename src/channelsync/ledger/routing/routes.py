"""What was decided for the lines of orders: rows that are only ever added, the last one of a line counts. What they tell of where an order goes
is forgotten with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from channelsync.ledger.routing.model import Choice
from channelsync.ledger.schema import order_routes


class Way(StrEnum):
    RULE = "rule"  # chosen when the line was first seen
    CART = "cart"  # where the storefront's reservation was
    HAND = "hand"  # a person said so
    ANEW = "anew"  # chosen again, as somebody asked
    AUTO = "auto"  # chosen again, as its location had run out or does not ship it


@dataclass(frozen=True, slots=True)
class Route:
    """told: the choice it came from, as `told_of` makes it, or what `forget` has left of it."""

    line: str
    location_id: int
    way: Way
    why: str
    told: dict[str, Any] = field(default_factory=dict)
    actor: str = ""
    decided_at: datetime | None = None


def told_of(choice: Choice) -> dict[str, Any]:
    considered = [{"location": each.location, "chosen": each.chosen, "why": each.why} for each in choice.considered]
    return {"summary": choice.summary, "considered": considered}


def add(conn: Connection, order_id: int, routes: Sequence[Route], now: datetime) -> None:
    rows = [
        {
            "order_id": order_id,
            "line_ref": route.line,
            "location_id": route.location_id,
            "way": route.way.value,
            "why": route.why,
            "told": route.told,
            "actor": route.actor,
            "decided_at": now,
        }
        for route in routes
    ]
    if rows:
        conn.execute(insert(order_routes), rows)


def of_order(conn: Connection, order_id: int) -> list[Route]:
    """Every decision for its lines, the first ones first."""
    query = select(order_routes).where(order_routes.c.order_id == order_id).order_by(order_routes.c.id)
    return [
        Route(row["line_ref"], row["location_id"], Way(row["way"]), row["why"], row["told"], row["actor"], row["decided_at"])
        for row in conn.execute(query).mappings()
    ]


def last(routes: Sequence[Route]) -> dict[str, Route]:
    """The one that counts, by line."""
    return {route.line: route for route in routes}


def forget(conn: Connection, order_ids: Sequence[int]) -> None:
    """Why locations were chosen or not tells of where these orders went, by distances and areas: it goes. Who, when, where to and why stay."""
    query = select(order_routes.c.id, order_routes.c.told).where(order_routes.c.order_id.in_(order_ids))
    gone = [
        {"_id": row.id, "_told": {**row.told, "considered": [], "forgotten": True}}
        for row in conn.execute(query)
        if row.told.get("considered")
    ]
    if gone:
        conn.execute(update(order_routes).where(order_routes.c.id == bindparam("_id")).values(told=bindparam("_told")), gone)
