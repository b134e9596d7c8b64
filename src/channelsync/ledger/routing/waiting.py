"""Which lines are not to stay where they are held, and could leave from elsewhere: more is held there than there is, or nobody ships them from there.

Reads only, and never more than was asked for, however many wait. What no other location has is passed over without a look at its lines.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import BigInteger, Connection, Integer, bindparam, func, literal_column, or_, select

from channelsync.contract import ShipTo
from channelsync.ledger.levels import LevelKey
from channelsync.ledger.routing.areas import NOT
from channelsync.ledger.routing.board import Board, Place
from channelsync.ledger.routing.routes import Way
from channelsync.ledger.schema import AVAILABLE, order_destinations, order_lines, order_routes, stock_levels
from channelsync.ledger.spelt import Spelt, one_of

AUTO_MAX: Final = 5
"""So often a line is moved by itself. Then it stays until a person says where to."""

Mark = tuple[int, int, int]
"""SKU and location to go on with, and the order_lines row behind which to go on there; 0: with the first."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A line that is held at one place. row: of order_lines. parts: all that it holds there, by SKU id. free: nothing forbids that it moves by itself."""

    row: int
    order_id: int
    ref: str
    parts: Mapping[int, int]
    to: ShipTo
    way: Way | None
    free: bool


_AT: Final = stock_levels.c
_LEVELS = Spelt(select(_AT.sku_id, _AT.location_id, AVAILABLE.label("free"), _AT.on_hand).where(one_of(_AT.sku_id, "those")))


@dataclass(slots=True)
class Look:
    """What is free of some SKUs, by level. owned: locations where an authority counts; their number may be ahead of what it has said to be shipped."""

    board: Board
    owned: frozenset[int]
    free: Counter[LevelKey] = field(default_factory=Counter)
    there: dict[LevelKey, int] = field(default_factory=dict)
    """On hand."""

    def at(self, conn: Connection, sku_ids: Iterable[int]) -> None:
        """As it is now."""
        for sku_id, location_id, free, on_hand in _LEVELS.rows(conn, those=sorted(set(sku_ids))):
            self.free[sku_id, location_id] = free
            self.there[sku_id, location_id] = on_hand

    def keys(self, sku_ids: Iterable[int], after: Mark) -> Iterator[LevelKey]:
        """Levels from there on whose lines are worth a look, in key order."""
        wanted = set(sku_ids)
        for key in sorted(key for key in self.free if key[0] in wanted and key >= after[:2]):
            if self.worth(key):
                yield key

    def worth(self, key: LevelKey) -> bool:
        place = self._place(key[1])
        everywhere = place is not None and not place.areas
        if key[1] in self.owned or (everywhere and self.free[key] >= 0):
            return False
        return any(self.free[key[0], each.location_id] > 0 for each in self.board.places if each is not place)

    def first_come(self, key: LevelKey) -> bool:
        """All that is held there waits: nothing lies there, or nothing leaves from there. Elsewhere the first orders keep what lies there."""
        return self.there.get(key, 0) <= 0 or self._place(key[1]) is None

    def why(self, at: int, parts: Mapping[int, int], to: ShipTo, way: Way | None) -> str:
        """Why it is not to stay there, in words; "": it may. What a storefront has reserved there is shipped from there, as long as there is some."""
        place = self._place(at)
        if at in self.owned:
            return ""
        if any(self.free[sku_id, at] < 0 for sku_id in parts):
            return "has run out"
        if way is Way.CART or (place is not None and place.areas.fit(to).level != NOT):
            return ""
        return "may not ship" if place is None else "does not ship there"

    def elsewhere(self, at: int, parts: Mapping[int, int], to: ShipTo) -> bool:
        """Another location that ships there has all of it."""
        return any(
            all(self.free[sku_id, each.location_id] >= units for sku_id, units in parts.items()) and each.areas.fit(to).level != NOT
            for each in self.board.places
            if each.location_id != at
        )

    def _place(self, location_id: int) -> Place | None:
        return next((place for place in self.board.places if place.location_id == location_id), None)


_LINE = order_lines.c
_ZERO: Final = literal_column("0", Integer)
_HELD = or_(_LINE.soft > _ZERO, _LINE.hard > _ZERO)
_START, _LIMIT = bindparam("start", type_=BigInteger), bindparam("limit", type_=BigInteger)

_FIRST = select(func.min(_LINE.sku_id).label("sku_id")).where(_HELD, _LINE.sku_id >= _START).cte("walk", recursive=True)
_NEXT = select(func.min(_LINE.sku_id)).where(_HELD, _LINE.sku_id > _FIRST.c.sku_id).scalar_subquery()
_WALK = _FIRST.union_all(select(_NEXT).where(_FIRST.c.sku_id.is_not(None)))
_SKUS = Spelt(select(_WALK.c.sku_id).where(_WALK.c.sku_id.is_not(None)).limit(_LIMIT))


def sku_ids(conn: Connection, start: int, limit: int) -> Sequence[int]:
    """SKUs that are held for orders, in their order, from this one on. Found from one to the next, however many lines hold each."""
    return _SKUS.scalars(conn, start=start, limit=limit)


_UNITS = (_LINE.soft + _LINE.hard).label("units")


def _lines(*, first_come: bool) -> Spelt:
    by_age = _LINE.id if first_come else _LINE.id.desc()
    behind = _LINE.id > bindparam("mark") if first_come else _LINE.id < bindparam("mark")
    some = (
        select(_LINE.id, _LINE.order_id, _LINE.line_ref, _LINE.bundle_id, _LINE.shipped, _LINE.documented, _UNITS)
        .where(_HELD, _LINE.sku_id == bindparam("sku_id"), _LINE.location_id == bindparam("location_id"), behind)
        .order_by(by_age)
        .limit(_LIMIT)
        .subquery("some")
    )
    mine = order_routes.c.order_id == some.c.order_id, order_routes.c.line_ref == some.c.line_ref
    query = select(
        some,
        select(order_routes.c.way).where(*mine).order_by(order_routes.c.id.desc()).limit(1).scalar_subquery().label("way"),
        select(func.count()).where(*mine, order_routes.c.way == Way.AUTO.value).scalar_subquery().label("by_itself"),
        *(column for column in order_destinations.c if column.name != "order_id"),
    )
    query = query.outerjoin(order_destinations, order_destinations.c.order_id == some.c.order_id)
    return Spelt(query.order_by(some.c.id if first_come else some.c.id.desc()))


_LINES: Final = {first_come: _lines(first_come=first_come) for first_come in (False, True)}


def lines(conn: Connection, look: Look, key: LevelKey, mark: int, limit: int) -> list[Waiting]:
    """At most so many that hold units there, behind that row: the first orders first where all of it waits, else the latest."""
    first_come = look.first_come(key)
    values = {"sku_id": key[0], "location_id": key[1], "mark": mark or (0 if first_come else 2**62), "limit": limit}
    rows = _LINES[first_come].mappings(conn, **values)
    parts = _bundles(conn, look, [row for row in rows if row["bundle_id"] is not None], key[1])
    return [_waiting(row, parts.get((row["order_id"], row["line_ref"]), {key[0]: row["units"]})) for row in rows]


def _waiting(row: Mapping[str, Any], parts: Mapping[int, int]) -> Waiting:
    to = ShipTo() if row["country"] is None else ShipTo(row["country"], row["region"], row["postcode"], row["latitude"], row["longitude"])
    way = None if row["way"] is None else Way(row["way"])
    free = way not in (None, Way.HAND) and row["by_itself"] < AUTO_MAX and not row["shipped"] and not row["documented"]
    return Waiting(row["id"], row["order_id"], row["line_ref"], parts, to, way, free)


_PARTS = Spelt(
    select(_LINE.order_id, _LINE.line_ref, _LINE.sku_id, _UNITS).where(
        one_of(_LINE.order_id, "orders"), _LINE.location_id == bindparam("at"), _HELD
    )
)


def _bundles(conn: Connection, look: Look, rows: Sequence[Mapping[str, Any]], location_id: int) -> dict[tuple[int, str], dict[int, int]]:
    """What bundles hold there in all, by order and line."""
    order_ids = {row["order_id"] for row in rows}
    if not order_ids:
        return {}
    found: dict[tuple[int, str], dict[int, int]] = {}
    for order_id, ref, sku_id, units in _PARTS.rows(conn, orders=sorted(order_ids), at=location_id):
        found.setdefault((order_id, ref), {})[sku_id] = units
    look.at(conn, {sku_id for parts in found.values() for sku_id in parts})
    return found
