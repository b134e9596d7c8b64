"""Somebody who moves goods, for the tests of transfers: verbs for one request, that must go well or are refused."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from channelsync.ledger.documents.lines import Line
from channelsync.ledger.schema import transfer_lines
from channelsync.ledger.transfers import drafting, receiving, shipping
from channelsync.ledger.transfers.book import Told
from channelsync.ledger.transfers.drafting import Draft, Edit
from channelsync.ledger.transfers.receiving import Close, Receive, Received
from channelsync.ledger.transfers.shipping import Cancel, Ship
from support.purchasing import only
from support.stock import NOW, level


def units(lines: dict[str, int]) -> tuple[Line, ...]:
    return tuple(Line(sku, quantity) for sku, quantity in lines.items())


def draft(conn: Connection, lines: dict[str, int], origin: str = "main", destination: str = "annex", **more: Any) -> Told:
    return only(drafting.draft(conn, [Draft(origin, destination, units(lines), **more)], NOW))  # type: ignore[no-any-return]


def edit(conn: Connection, number: int, **more: Any) -> Told:
    return only(drafting.edit(conn, [Edit(number, **more)], NOW))  # type: ignore[no-any-return]


def try_to_ship(conn: Connection, number: int, at: datetime = NOW, **more: Any) -> Any:
    return shipping.ship(conn, [Ship(number, **more)], at)


def shipped(conn: Connection, lines: dict[str, int], origin: str = "main", destination: str = "annex", **more: Any) -> int:
    """The number of a transfer that is on its way."""
    number = draft(conn, lines, origin, destination).number
    only(try_to_ship(conn, number, **more))
    return number


def try_to_receive(conn: Connection, number: int, lines: dict[str, int] | None = None, at: datetime = NOW, **more: Any) -> Any:
    return receiving.receive(conn, [Receive(number, units(lines or {}), **more)], at)


def arrive(conn: Connection, number: int, lines: dict[str, int] | None = None, **more: Any) -> Received:
    return only(try_to_receive(conn, number, lines, **more))  # type: ignore[no-any-return]


def close(conn: Connection, number: int, **more: Any) -> Told:
    return only(receiving.close(conn, [Close(number, **more)], NOW))  # type: ignore[no-any-return]


def cancel(conn: Connection, number: int) -> Told:
    return only(shipping.cancel(conn, [Cancel(number)], NOW))  # type: ignore[no-any-return]


def in_transit(conn: Connection) -> int:
    return int(conn.scalar(select(func.coalesce(func.sum(transfer_lines.c.in_transit), 0))) or 0)


def here(conn: Connection, sku: str, location: str = "main") -> tuple[int, int, int]:
    """On hand, available, incoming."""
    found = level(conn, sku, location)
    return found.on_hand, found.available, found.incoming
