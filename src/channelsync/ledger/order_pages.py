"""Orders of all shops as the ledger holds them, in pages, and one of them with its lines. Reads only."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, func, select

from channelsync.ledger.refusals import UnknownSku
from channelsync.ledger.schema import channels, locations, order_lines, orders, skus

PAGE_MAX = 500


@dataclass(frozen=True, slots=True)
class OrderRow:
    """held: units still claimed by it; shipped: units that left the house for it."""

    id: int
    channel: str
    ref: str
    number: str
    state: str
    placed_at: datetime
    held: int
    shipped: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which orders; None: whatever it is. sku: with a line of this SKU, also as a part of a bundle."""

    channel: str | None = None
    state: str | None = None
    sku: str | None = None


@dataclass(frozen=True, slots=True)
class LineRow:
    """What the ledger has posted for a line of one SKU at one location, in SKU units. bundle: what was sold, if the SKU is a part of it."""

    line: str
    sku: str
    location: str
    bundle: str | None
    ordered: int
    soft: int
    hard: int
    shipped: int
    restocked: int
    quarantined: int
    hold_until: datetime | None


@dataclass(frozen=True, slots=True)
class ToldLine:
    """The same line as the shop tells it, in the listing's units (a six-pack counts 1). sku: as the shop spells it."""

    line: str
    listing: str | None
    sku: str | None
    title: str
    quantity: int
    shipped: int
    cancelled: int
    restocked: int
    stocked: bool


@dataclass(frozen=True, slots=True)
class OrderDetail(OrderRow):
    """modified_at: by the shop's clock. reservation_ref: the storefront's claim that it came from. told: lines as the shop tells them;
    one that is not among `lines` waits for its listing to be linked, or moves no stock.
    """

    modified_at: datetime | None = None
    first_seen_at: datetime | None = None
    applied_at: datetime | None = None
    reservation_ref: str | None = None
    lines: tuple[LineRow, ...] = field(default=())
    told: tuple[ToldLine, ...] = field(default=())


def order_rows(conn: Connection, wanted: Wanted | None = None, *, before: int | None = None, limit: int = 50) -> list[OrderRow]:
    """The newest first, from the first one whose id is below `before`. Raises UnknownSku."""
    wanted = wanted or Wanted()
    query = _orders().order_by(orders.c.id.desc()).limit(max(1, min(limit, PAGE_MAX)))
    if before is not None:
        query = query.where(orders.c.id < before)
    if wanted.channel is not None:
        query = query.where(channels.c.name == wanted.channel)
    if wanted.state is not None:
        query = query.where(orders.c.state == wanted.state)
    if wanted.sku is not None:
        query = query.where(orders.c.id.in_(_with(conn, wanted.sku)))
    return [OrderRow(**_head(row)) for row in conn.execute(query).mappings()]


def one_order(conn: Connection, channel: str, ref: str) -> OrderDetail | None:
    """None: the ledger has never seen it."""
    row = conn.execute(_orders().where(channels.c.name == channel, orders.c.ref == ref)).mappings().first()
    if row is None:
        return None
    stored = conn.execute(select(orders).where(orders.c.id == row["id"])).mappings().one()
    return OrderDetail(
        **_head(row),
        modified_at=stored["modified_at"],
        first_seen_at=stored["first_seen_at"],
        applied_at=stored["applied_at"],
        reservation_ref=stored["reservation_ref"],
        lines=_lines(conn, row["id"]),
        told=tuple(_told(line) for line in stored["snapshot"].get("lines", ())),
    )


def _orders() -> Select[Any]:
    line = order_lines.c
    held, shipped = func.coalesce(func.sum(line.soft + line.hard), 0), func.coalesce(func.sum(line.shipped), 0)
    named = channels.c.name.label("channel"), held.label("held"), shipped.label("shipped")
    return (
        select(orders.c.id, orders.c.ref, orders.c.number, orders.c.state, orders.c.placed_at, *named)
        .join(channels, channels.c.id == orders.c.channel_id)
        .outerjoin(order_lines, line.order_id == orders.c.id)
        .group_by(orders.c.id, channels.c.name)
    )


def _head(row: RowMapping) -> dict[str, Any]:
    return {**row, "held": int(row["held"]), "shipped": int(row["shipped"])}


def _with(conn: Connection, sku: str) -> Select[Any]:
    sku_id = conn.scalar(select(skus.c.id).where(skus.c.sku == sku))
    if sku_id is None:
        raise UnknownSku(sku)
    return select(order_lines.c.order_id).where((order_lines.c.sku_id == sku_id) | (order_lines.c.bundle_id == sku_id))


def _lines(conn: Connection, order_id: int) -> tuple[LineRow, ...]:
    bundle = skus.alias("bundle")
    query = (
        select(order_lines, skus.c.sku, locations.c.code, bundle.c.sku.label("bundle"))
        .join(skus, skus.c.id == order_lines.c.sku_id)
        .join(locations, locations.c.id == order_lines.c.location_id)
        .outerjoin(bundle, bundle.c.id == order_lines.c.bundle_id)
        .where(order_lines.c.order_id == order_id)
        .order_by(order_lines.c.id)
    )
    numbers = ("soft", "hard", "shipped", "restocked", "quarantined")
    return tuple(
        LineRow(
            line=row["line_ref"],
            sku=row["sku"],
            location=row["code"],
            bundle=row["bundle"],
            ordered=row["quantity"] * row["pack"],
            hold_until=row["hold_until"],
            **{name: row[name] for name in numbers},
        )
        for row in conn.execute(query).mappings()
    )


def _told(line: dict[str, Any]) -> ToldLine:
    names = ("listing", "sku", "title", "quantity", "shipped", "cancelled", "restocked", "stocked")
    return ToldLine(line["ref"], *(line[name] for name in names))
