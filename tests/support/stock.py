"""A small warehouse for the ledger's tests: locations, SKUs with units, and a look at what is written."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from sqlalchemy import Connection, func, insert, select

from channelsync.ledger import levels, places, stock
from channelsync.ledger.levels import Level
from channelsync.ledger.refusals import Refusal
from channelsync.ledger.reservations import Line, Reserve
from channelsync.ledger.schema import BUCKETS, channels, locations, movements, order_lines, reservations, stock_levels

NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)


def open_locations(conn: Connection, *codes: str) -> None:
    conn.execute(insert(locations), [{"code": code, "name": code, "kind": "warehouse"} for code in codes])


def put(conn: Connection, sku: str, quantity: int, location: str = "main") -> None:
    """Seed a level that must not exist yet."""
    (answer,) = stock.seed(conn, [stock.Change(sku, location, quantity)], NOW)
    assert not isinstance(answer, Refusal), answer


def level(conn: Connection, sku: str, location: str = "main") -> Level:
    key = places.resolve(conn, [(sku, location)]).key(sku, location)
    assert not isinstance(key, Refusal), key
    return levels.read(conn, [key])[key]


def want(sku: str, quantity: int, reference: str = "cart", location: str = "main") -> Reserve:
    return Reserve(reference, (Line(sku, location, quantity),))


def assert_adds_up(conn: Connection) -> None:
    """Levels are the sum of their movements, and the claims the sum of what is open."""
    key = movements.c.sku_id, movements.c.location_id
    logged = select(*key, *(func.sum(movements.c[bucket]) for bucket in BUCKETS)).group_by(*key)
    kept = select(stock_levels.c.sku_id, stock_levels.c.location_id, *(stock_levels.c[bucket] for bucket in BUCKETS))
    zero = (0,) * len(BUCKETS)
    assert _rows(conn.execute(logged), zero) == _rows(conn.execute(kept), zero)
    level_claims = {(row[0], row[1]): (row.soft, row.hard) for row in conn.execute(select(stock_levels)) if row.soft or row.hard}
    claims: dict[tuple[int, int], tuple[int, int]] = {}
    for row in conn.execute(select(reservations).where(reservations.c.state == "open")):
        _add(claims, (row.sku_id, row.location_id), row.open if row.kind == "soft" else 0, row.open if row.kind == "hard" else 0)
    for row in conn.execute(select(order_lines)):
        _add(claims, (row.sku_id, row.location_id), row.soft, row.hard)
    assert {key: sums for key, sums in claims.items() if any(sums)} == level_claims


def _add(claims: dict[tuple[int, int], tuple[int, int]], key: tuple[int, int], soft: int, hard: int) -> None:
    before = claims.get(key, (0, 0))
    claims[key] = before[0] + soft, before[1] + hard


def _rows(rows: Iterable[object], zero: tuple[int, ...]) -> dict[tuple[int, int], tuple[int, ...]]:
    found = {}
    for row in rows:
        values = tuple(int(value) for value in row)  # type: ignore[attr-defined]
        if values[2:] != zero:
            found[values[0], values[1]] = values[2:]
    return found


def open_channel(conn: Connection, name: str = "shop", location: str | None = "main") -> int:
    place = None if location is None else conn.scalar(select(locations.c.id).where(locations.c.code == location))
    row = {"name": name, "connector": "memory", "location_id": place, "created_at": NOW}
    return int(conn.execute(insert(channels).values(row).returning(channels.c.id)).scalar_one())
