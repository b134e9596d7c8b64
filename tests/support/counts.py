"""Somebody who counts, for the tests of count sheets: verbs for one request, that must go well or are refused."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select

from channelsync.ledger import fulfilment, reservations
from channelsync.ledger.counts.applying import Applied, Apply, apply_sheet
from channelsync.ledger.counts.entering import Counted, Enter, Entered, enter_counts
from channelsync.ledger.counts.opening import Open, Opened, open_sheet
from channelsync.ledger.fulfilment import Fulfil
from channelsync.ledger.holds import Which
from channelsync.ledger.schema import count_sheets, movements
from support.purchasing import only
from support.stock import NOW, want

HOUR = timedelta(hours=1)


def try_to_open(conn: Connection, location: str = "main", *skus: str, **more: Any) -> Any:
    return open_sheet(conn, [Open(location, skus, **more)], NOW)


def opened(conn: Connection, location: str = "main", *skus: str, **more: Any) -> Opened:
    return only(try_to_open(conn, location, *skus, **more))  # type: ignore[no-any-return]


def try_to_enter(
    conn: Connection, number: int, counted: dict[str, int | None], at: datetime | None = None, now: datetime = NOW, **more: Any
) -> Any:
    lines = tuple(Counted(sku, units) for sku, units in counted.items())
    return enter_counts(conn, [Enter(number, lines, at, **more)], now)


def enter(
    conn: Connection, number: int, counted: dict[str, int | None], at: datetime | None = None, now: datetime = NOW, **more: Any
) -> Entered:
    return only(try_to_enter(conn, number, counted, at, now, **more))  # type: ignore[no-any-return]


def try_to_apply(conn: Connection, number: int, now: datetime = NOW, **more: Any) -> Any:
    return apply_sheet(conn, [Apply(number, **more)], now)


def applied(conn: Connection, number: int, now: datetime = NOW, **more: Any) -> Applied:
    return only(try_to_apply(conn, number, now, **more))  # type: ignore[no-any-return]


def state_of(conn: Connection, number: int) -> str:
    return str(conn.scalar(select(count_sheets.c.state).where(count_sheets.c.id == number)))


def logged(conn: Connection, number: int) -> list[tuple[str, int]]:
    """Kind and units of the movements of a sheet, in their order."""
    query = select(movements.c.type, movements.c.on_hand).where(movements.c.reference == f"CNT-{number}").order_by(movements.c.id)
    return [(row[0], row[1]) for row in conn.execute(query)]


def ship(conn: Connection, sku: str, units: int, at: datetime, *, told: datetime | None = None) -> None:
    reference = f"r{at.timestamp()}"
    only(reservations.reserve(conn, [want(sku, units, reference)], told or at))
    only(fulfilment.fulfil(conn, [Fulfil(Which(reference=reference), occurred_at=at)], told or at))
