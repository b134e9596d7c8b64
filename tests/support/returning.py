"""A returns desk for tests: verbs for one request, that must go well or are refused; and what the ledger and the log say of a return."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from channelsync.ledger.documents.lines import Line
from channelsync.ledger.returns import expecting, inspecting, receiving
from channelsync.ledger.returns.documents import LineTold, Told
from channelsync.ledger.returns.expecting import Expect
from channelsync.ledger.returns.inspecting import Decision, Inspect, Outcome
from channelsync.ledger.returns.receiving import Receive
from channelsync.ledger.schema import locations, movements, returns, skus
from support.purchasing import only
from support.stock import NOW


def expect(conn: Connection, lines: dict[str, int], location: str = "main", **more: Any) -> int:
    """The number of a new return."""
    told: Told = only(try_to_expect(conn, lines, location, **more))
    return told.number


def try_to_expect(conn: Connection, lines: dict[str, int], location: str = "main", **more: Any) -> Any:
    return expecting.expect(conn, [Expect(location, _lines(lines), **more)], NOW)


def of_order(conn: Connection, lines: dict[str, int], order: str = "100", location: str = "main", **more: Any) -> int:
    return expect(conn, lines, location, channel="shop", order=order, **more)


def arrive(conn: Connection, number: int, lines: dict[str, int] | None = None, at: datetime = NOW, **more: Any) -> Told:
    return only(try_to_receive(conn, number, lines, at, **more))  # type: ignore[no-any-return]


def try_to_receive(conn: Connection, number: int, lines: dict[str, int] | None = None, at: datetime = NOW, **more: Any) -> Any:
    return receiving.receive(conn, [Receive(number, _lines(lines or {}), **more)], at)


def inspect(conn: Connection, number: int, *lines: tuple[str, int, Outcome], at: datetime = NOW, **more: Any) -> Told:
    return only(try_to_inspect(conn, number, *lines, at=at, **more))  # type: ignore[no-any-return]


def try_to_inspect(conn: Connection, number: int, *lines: tuple[str, int, Outcome], at: datetime = NOW, **more: Any) -> Any:
    return inspecting.inspect(conn, [Inspect(number, tuple(Decision(*line) for line in lines), **{"reason": "looked at", **more})], at)


def cancel(conn: Connection, number: int) -> Told:
    return only(expecting.cancel(conn, [expecting.Cancel(number)], NOW))  # type: ignore[no-any-return]


def line_of(told: Told, sku: str = "A") -> LineTold:
    return next(line for line in told.lines if line.sku == sku)


def state_of(conn: Connection, number: int) -> str:
    return str(conn.scalar(select(returns.c.state).where(returns.c.id == number)))


def log_of(conn: Connection, reference: str) -> list[tuple[str, str, str, int, int, int]]:
    """Movements: type, SKU, location, on hand, quarantined, damaged."""
    query = (
        select(movements, skus.c.sku, locations.c.code)
        .join(skus, skus.c.id == movements.c.sku_id)
        .join(locations, locations.c.id == movements.c.location_id)
        .where(movements.c.reference == reference)
        .order_by(movements.c.id)
    )
    return [(row.type, row.sku, row.code, row.on_hand, row.quarantined, row.damaged) for row in conn.execute(query)]


def _lines(lines: dict[str, int]) -> tuple[Line, ...]:
    return tuple(Line(sku, units) for sku, units in lines.items())
