"""Where units physically are, as the config says. A location that leaves the config stays here: its movements are history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, RowMapping, select

from channelsync.ledger.dialects import insert_into
from channelsync.ledger.schema import locations


@dataclass(frozen=True, slots=True)
class LocationSpec:
    """kind: warehouse, retail, fulfilment or virtual. priority: lower ships first."""

    code: str
    name: str = ""
    kind: str = "warehouse"
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Location:
    id: int
    code: str
    name: str
    kind: str
    priority: int


def ensure(conn: Connection, items: Sequence[LocationSpec], now: datetime) -> list[int]:
    """Make the locations that are missing and bring the others up to the config; their ids, in order. The code is the identity."""
    if not items:
        return []
    insert = insert_into(conn, locations)
    new = {name: insert.excluded[name] for name in ("name", "kind", "priority")}
    rows = {item.code: {"code": item.code, "name": item.name or item.code, "kind": item.kind, "priority": item.priority} for item in items}
    conn.execute(insert.on_conflict_do_update(index_elements=["code"], set_=new), [rows[code] for code in sorted(rows)])
    ids = {location.code: location.id for location in every(conn)}
    return [ids[item.code] for item in items]


def every(conn: Connection) -> list[Location]:
    """All locations, those that ship first first."""
    rows = conn.execute(select(locations).order_by(locations.c.priority, locations.c.code)).mappings()
    return [_location(row) for row in rows]


def _location(row: RowMapping) -> Location:
    return Location(row["id"], row["code"], row["name"], row["kind"], row["priority"])
