"""Returns for people and programs to read, in pages. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, Select, case, func, select

from channelsync.ledger import bounds, reorder_levels
from channelsync.ledger.documents import heads
from channelsync.ledger.refusals import NotAllowed
from channelsync.ledger.returns import waiting
from channelsync.ledger.returns.states import CLOSED, RETURN
from channelsync.ledger.schema import channels, locations, orders, return_lines, returns, skus

SUMS: Final = ("expected", "received", "told", "restocked", "written_off", "to_supplier")


@dataclass(frozen=True, slots=True)
class ReturnRow:
    """One return. lines: how many; the units are sums over them. channel, order (the shop's own id of it), order_number: None if it belongs to none.
    to_come: still expected. waiting_since: when the oldest of what waits for an inspection arrived; None: nothing waits.
    """

    number: int
    state: str
    channel: str | None
    order: str | None
    order_number: str | None
    location: str
    reference: str
    note: str
    created_at: datetime
    created_by: str
    waiting_since: datetime | None
    closed_at: datetime | None
    lines: int
    expected: int
    to_come: int
    received: int
    waiting: int
    told: int
    restocked: int
    written_off: int
    to_supplier: int


@dataclass(frozen=True, slots=True)
class LineRow:
    """SKU units. told: of the received, those that the order's shop told as restocked, too. order_line: the shop's id of it, where one has the SKU."""

    sku: str
    title: str
    order_line: str | None
    expected: int
    received: int
    waiting: int
    told: int
    restocked: int
    written_off: int
    to_supplier: int


@dataclass(frozen=True, slots=True)
class ReturnDetail:
    document: ReturnRow
    lines: tuple[LineRow, ...]


@dataclass(frozen=True, slots=True)
class Filter:
    """Each None: any. waiting: only those with units to be inspected. order: the shop's own id or its number; it belongs to a channel."""

    state: str | None = None
    location: str | None = None
    channel: str | None = None
    order: str | None = None
    waiting: bool = False


def return_rows(conn: Connection, wanted: Filter, before: int | None = None, limit: int = 100) -> list[ReturnRow]:
    """The newest first. Raises UnknownLocation, NotAllowed for an order without its channel."""
    query = heads.newest(_returns(), returns, wanted.state, before, limit)
    if wanted.location is not None:
        query = query.where(returns.c.location_id == reorder_levels.place_of(conn, wanted.location))
    if wanted.channel is not None:
        query = query.where(channels.c.name.in_(bounds.findable([wanted.channel])))
    if wanted.order is not None:
        if wanted.channel is None:
            raise NotAllowed("an order belongs to a channel: name both of them")
        named = bounds.findable([wanted.order])
        query = query.where(orders.c.ref.in_(named) | orders.c.number.in_(named))
    if wanted.waiting:
        query = query.where(waiting.HEAD)
    return _with_sums(conn, conn.execute(query).mappings().all())


def one_return(conn: Connection, number: int) -> ReturnDetail:
    """Raises UnknownDocument."""
    found = _with_sums(conn, [heads.one(conn, _returns(), returns, RETURN, number)])
    query = select(return_lines, waiting.LINE.label("waiting"), skus.c.sku, skus.c.title).join(skus, skus.c.id == return_lines.c.sku_id)
    rows = conn.execute(query.where(return_lines.c.return_id == number).order_by(return_lines.c.id)).mappings()
    names = "sku", "title", "line_ref", "expected", "received", "waiting", "told", "restocked", "written_off", "to_supplier"
    return ReturnDetail(found[0], tuple(LineRow(*(row[name] for name in names)) for row in rows))


@dataclass(frozen=True, slots=True)
class Waiting:
    """returns and units that wait for an inspection; since: when the oldest arrived; late: returns whose units have waited too long."""

    returns: int = 0
    units: int = 0
    since: datetime | None = None
    late: int = 0


def waiting_now(conn: Connection, limit: timedelta, now: datetime) -> Waiting:
    """limit: how long units may wait."""
    query = (
        select(returns.c.id, returns.c.received_at, func.sum(waiting.LINE).label("units"))
        .join(return_lines, return_lines.c.return_id == returns.c.id)
        .where(returns.c.state == "received", waiting.LINE > 0)
        .group_by(returns.c.id, returns.c.received_at)
    )
    rows = conn.execute(query).all()
    if not rows:
        return Waiting()
    late = sum(row.received_at < now - limit for row in rows)
    return Waiting(len(rows), sum(int(row.units) for row in rows), min(row.received_at for row in rows), late)


def _returns() -> Select[Any]:
    return (
        select(returns, channels.c.name.label("channel"), orders.c.ref, orders.c.number, locations.c.code)
        .join(locations, locations.c.id == returns.c.location_id)
        .outerjoin(orders, orders.c.id == returns.c.order_id)
        .outerjoin(channels, channels.c.id == orders.c.channel_id)
    )


def _with_sums(conn: Connection, heads: Sequence[RowMapping]) -> list[ReturnRow]:
    line = return_lines.c
    missing = case((line.expected > line.received, line.expected - line.received), else_=0)
    sums = [func.sum(line[name]).label(name) for name in SUMS]
    query = select(
        line.return_id, func.count().label("lines"), func.sum(waiting.LINE).label("waiting"), func.sum(missing).label("to_come"), *sums
    )
    query = query.where(line.return_id.in_([head["id"] for head in heads])).group_by(line.return_id)
    found = {row["return_id"]: row for row in conn.execute(query).mappings()}
    return [_row(head, found[head["id"]]) for head in heads]


def _row(head: RowMapping, sums: RowMapping) -> ReturnRow:
    units: dict[str, Any] = {name: int(sums[name]) for name in ("lines", "waiting", "to_come", *SUMS)}
    if head["state"] in CLOSED:
        units["to_come"] = 0
    return ReturnRow(
        number=head["id"],
        order=head["ref"],
        order_number=head["number"],
        location=head["code"],
        waiting_since=head["received_at"] if units["waiting"] else None,
        **{name: head[name] for name in ("state", "channel", "reference", "note", "created_at", "created_by", "closed_at")},
        **units,
    )
