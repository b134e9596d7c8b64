"""Stock for programs to read: SKUs and their levels with filters, in pages, each level with the version it has. Reads only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, and_, func, or_, select

from channelsync.ledger import bundles, costs
from channelsync.ledger.levels import Level
from channelsync.ledger.purchasing import coming
from channelsync.ledger.refusals import UnknownLocation, UnknownSku
from channelsync.ledger.schema import BUCKETS, bundle_parts, locations, movements, skus, stock_levels

PAGE_MAX = 500
CHUNK = 400
NEAR = 32
"""Movements: so close to the end of the log, and then so many times as far, is looked first."""
OPEN_FOR = timedelta(minutes=1)
"""Longer than any transaction of ours stays open."""


@dataclass(frozen=True, slots=True)
class LevelRow:
    """One StockLevel. version: the number of its last movement; 0 if it never had one. It changes whenever the level does."""

    sku: str
    location: str
    level: Level
    version: int


@dataclass(frozen=True, slots=True)
class SkuRow:
    """available: over all locations; of a bundle, how many can be put together. parts: of a bundle, SKU -> units in one.
    unit_cost: decimal text; None: not known. incoming: on its way to all locations; incoming_on: the earliest day a purchase order names for it.
    """

    id: int
    sku: str
    title: str
    backorder: str
    backorder_limit: int | None
    expected_text: str
    expected_on: date | None
    reference_limit: int | None
    unit_cost: str | None
    release_delay: int
    available: int
    levels: tuple[LevelRow, ...]
    parts: Mapping[str, int]
    incoming_on: date | None = None

    @property
    def incoming(self) -> int:
        return sum(row.level.incoming for row in self.levels)

    @property
    def version(self) -> int:
        return max((row.version for row in self.levels), default=0)


@dataclass(frozen=True, slots=True)
class Filter:
    """text: somewhere in name or title. location: with a level there. changed_after: with a movement of a larger number."""

    text: str = ""
    location: str | None = None
    changed_after: int | None = None


def page(conn: Connection, wanted: Filter, after: int, limit: int) -> list[SkuRow]:
    """In the order of their ids, from the first one behind `after`. Raises UnknownLocation."""
    query = select(skus).where(skus.c.id > after).order_by(skus.c.id).limit(max(1, min(limit, PAGE_MAX)))
    return _rows(conn, _filtered(conn, query, wanted))


def one(conn: Connection, sku: str) -> SkuRow:
    """Raises UnknownSku."""
    rows = _rows(conn, select(skus).where(skus.c.sku == sku))
    if not rows:
        raise UnknownSku(sku)
    return rows[0]


def level(conn: Connection, sku: str, location: str) -> LevelRow:
    """Raises UnknownSku, UnknownLocation. A place where nothing ever lay has a level of zeros and version 0."""
    found = one(conn, sku)
    _location_id(conn, location)
    return next((row for row in found.levels if row.location == location), LevelRow(sku, location, Level(), 0))


def at_location(conn: Connection, location: str, after: int, limit: int) -> list[tuple[int, LevelRow]]:
    """(SKU id, level) of all that ever lay there, by SKU id. Raises UnknownLocation."""
    place = _location_id(conn, location)
    query = (
        select(stock_levels, skus.c.sku)
        .join(skus, skus.c.id == stock_levels.c.sku_id)
        .where(stock_levels.c.location_id == place, stock_levels.c.sku_id > after)
        .order_by(stock_levels.c.sku_id)
        .limit(max(1, min(limit, PAGE_MAX)))
    )
    rows = conn.execute(query).mappings().all()
    versions = _versions(conn, [row["sku_id"] for row in rows])
    return [(row["sku_id"], LevelRow(row["sku"], location, _level(row), versions.get((row["sku_id"], place), 0))) for row in rows]


def complete_until(conn: Connection, now: datetime) -> int:
    """A movement number: whoever has read everything up to it misses nothing when he goes on behind it, though he may read some things twice.

    SQLite has one writer, so it is the last one. PostgreSQL gives numbers before the commit: a transaction that is still open may hold a smaller one.
    """
    last = _newest(conn)
    return last if conn.dialect.name == "sqlite" else first_since(conn, now - OPEN_FOR)


def first_since(conn: Connection, instant: datetime) -> int:
    """The number before the first movement recorded at or after `instant`. Numbers grow with time, so it is found by halving, from the young end of
    the log: nearly always it is close to it, and how long the log is must not matter then.
    """

    def is_older(number: int) -> bool:
        query = select(movements.c.recorded_at).where(movements.c.id <= number).order_by(movements.c.id.desc()).limit(1)
        recorded_at = conn.scalar(query)
        return recorded_at is None or recorded_at < instant

    newest = high = _newest(conn)
    reach, low = NEAR, max(0, newest - NEAR)
    while low and not is_older(low):
        reach, high = reach * NEAR, low - 1
        low = max(0, newest - reach)
    while low < high:
        middle = (low + high + 1) // 2
        if is_older(middle):
            low = middle
        else:
            high = middle - 1
    return low


def _newest(conn: Connection) -> int:
    return int(conn.scalar(select(func.coalesce(func.max(movements.c.id), 0))) or 0)


def _filtered(conn: Connection, query: Select[Any], wanted: Filter) -> Select[Any]:
    if wanted.text:
        query = query.where(or_(*(column.icontains(wanted.text, autoescape=True) for column in (skus.c.sku, skus.c.title))))
    if wanted.location is not None:
        place = _location_id(conn, wanted.location)
        query = query.where(skus.c.id.in_(select(stock_levels.c.sku_id).where(stock_levels.c.location_id == place)))
    if wanted.changed_after is not None:
        moved = select(movements.c.sku_id).where(movements.c.id > wanted.changed_after)
        made_of_it = select(bundle_parts.c.bundle_id).where(bundle_parts.c.sku_id.in_(moved))
        query = query.where(or_(skus.c.id.in_(moved), skus.c.id.in_(made_of_it)))
    return query


def _rows(conn: Connection, query: Select[Any]) -> list[SkuRow]:
    found = conn.execute(query).mappings().all()
    ids = [row["id"] for row in found]
    levels, parts, whole, expected = _levels(conn, ids), _parts(conn, ids), bundles.everywhere(conn, ids), coming.expected(conn, ids)
    return [
        SkuRow(
            id=row["id"],
            sku=row["sku"],
            title=row["title"],
            backorder=row["backorder"],
            backorder_limit=row["backorder_limit"],
            expected_text=row["expected_text"],
            expected_on=None if row["expected_on"] is None else date.fromisoformat(row["expected_on"]),
            reference_limit=row["reference_limit"],
            unit_cost=costs.text_of(row["unit_cost"]),
            release_delay=row["release_delay"],
            available=whole.get(row["id"], sum(each.level.available for each in levels.get(row["id"], ()))),
            levels=tuple(levels.get(row["id"], ())),
            parts=parts.get(row["id"], {}),
            incoming_on=expected.get(row["id"]),
        )
        for row in found
    ]


def _levels(conn: Connection, ids: Sequence[int]) -> dict[int, list[LevelRow]]:
    versions = _versions(conn, ids)
    found: dict[int, list[LevelRow]] = {}
    for chunk in _chunks(ids):
        query = (
            select(stock_levels, skus.c.sku, locations.c.code)
            .join(skus, skus.c.id == stock_levels.c.sku_id)
            .join(locations, locations.c.id == stock_levels.c.location_id)
            .where(stock_levels.c.sku_id.in_(chunk))
            .order_by(stock_levels.c.sku_id, locations.c.priority, locations.c.id)
        )
        for row in conn.execute(query).mappings():
            version = versions.get((row["sku_id"], row["location_id"]), 0)
            found.setdefault(row["sku_id"], []).append(LevelRow(row["sku"], row["code"], _level(row), version))
    return found


def _versions(conn: Connection, ids: Sequence[int]) -> dict[tuple[int, int], int]:
    """By the log's index (sku, location, number): one step for each level."""
    newest_of = (
        select(func.max(movements.c.id))
        .where(and_(movements.c.sku_id == stock_levels.c.sku_id, movements.c.location_id == stock_levels.c.location_id))
        .scalar_subquery()
    )
    found: dict[tuple[int, int], int] = {}
    for chunk in _chunks(ids):
        query = select(stock_levels.c.sku_id, stock_levels.c.location_id, newest_of).where(stock_levels.c.sku_id.in_(chunk))
        found |= {(row[0], row[1]): int(row[2] or 0) for row in conn.execute(query)}
    return found


def _parts(conn: Connection, ids: Sequence[int]) -> dict[int, dict[str, int]]:
    found: dict[int, dict[str, int]] = {}
    for chunk in _chunks(ids):
        query = (
            select(bundle_parts.c.bundle_id, skus.c.sku, bundle_parts.c.quantity)
            .join(skus, skus.c.id == bundle_parts.c.sku_id)
            .where(bundle_parts.c.bundle_id.in_(chunk))
            .order_by(skus.c.sku)
        )
        for bundle_id, sku, quantity in conn.execute(query):
            found.setdefault(bundle_id, {})[sku] = int(quantity)
    return found


def _location_id(conn: Connection, code: str) -> int:
    found = conn.scalar(select(locations.c.id).where(locations.c.code == code))
    if found is None:
        raise UnknownLocation(code)
    return int(found)


def _level(row: RowMapping) -> Level:
    return Level(**{bucket: row[bucket] for bucket in BUCKETS})


def _chunks(ids: Sequence[int]) -> Iterable[Sequence[int]]:
    return (ids[start : start + CHUNK] for start in range(0, len(ids), CHUNK))
