"""The locations that may ship, as the config says; kept in the ledger, so that every verb knows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime

from sqlalchemy import Connection, delete, exists, insert, select

from channelsync.ledger.routing import destinations
from channelsync.ledger.routing.areas import Areas
from channelsync.ledger.schema import locations, order_routes, routing_places
from channelsync.ledger.spelt import Spelt


@dataclass(frozen=True, slots=True)
class Place:
    """A location that may ship. point: degrees. priority: lower ships first."""

    location_id: int
    code: str
    priority: int
    point: tuple[float, float] | None
    areas: Areas


@dataclass(frozen=True, slots=True)
class Board:
    """places: none while routing is off. routed: some order has a route, though routing may be off by now. codes: of all locations, by id."""

    places: tuple[Place, ...]
    routed: bool
    codes: Mapping[int, str]

    @property
    def on(self) -> bool:
        return bool(self.places)

    def id_of(self, code: str) -> int | None:
        return next((location_id for location_id, known in self.codes.items() if known == code), None)


@dataclass(frozen=True, slots=True)
class PlaceSpec:
    location_id: int
    point: tuple[float, float] | None = None
    areas: Areas = field(default_factory=Areas)


def configure(conn: Connection, items: Sequence[PlaceSpec], now: datetime) -> None:
    """The locations that may ship are these; none: routing is off, and where orders go is forgotten. Routes that were decided stand."""
    conn.execute(delete(routing_places))
    if not items:
        destinations.forget_all(conn)
        return
    conn.execute(insert(routing_places), [_row(item) for item in items])


def _row(item: PlaceSpec) -> dict[str, object]:
    north, east = item.point or (None, None)
    return {"location_id": item.location_id, "latitude": north, "longitude": east, "areas": asdict(item.areas)}


_PLACES = Spelt(
    select(locations.c.id, locations.c.code, locations.c.priority, routing_places)
    .outerjoin(routing_places, routing_places.c.location_id == locations.c.id)
    .order_by(locations.c.id)
)
_ROUTED = Spelt(select(exists().select_from(order_routes)))


def read(conn: Connection) -> Board:
    rows = _PLACES.mappings(conn)
    places = tuple(
        Place(row["id"], row["code"], row["priority"], _point(row["latitude"], row["longitude"]), _areas(row["areas"]))
        for row in rows
        if row["location_id"] is not None
    )
    routed = bool(_ROUTED.scalar(conn))
    return Board(places, routed, {row["id"]: row["code"] for row in rows})


def _point(north: float | None, east: float | None) -> tuple[float, float] | None:
    return None if north is None or east is None else (north, east)


def _areas(kept: Mapping[str, Sequence[str]]) -> Areas:
    return Areas(tuple(kept["countries"]), tuple(kept["regions"]), tuple(kept["postcodes"]))
