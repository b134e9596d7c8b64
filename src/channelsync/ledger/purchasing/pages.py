"""Purchase orders and suppliers for people and programs to read, in pages. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, func, select

from channelsync.ledger import bounds, costs, reorder_levels
from channelsync.ledger.documents import heads
from channelsync.ledger.documents.heads import PAGE_MAX
from channelsync.ledger.purchasing.states import PURCHASE
from channelsync.ledger.purchasing.suppliers import UnknownSupplier, ids
from channelsync.ledger.refusals import UnknownSku
from channelsync.ledger.schema import locations, purchase_lines, purchase_orders, skus, suppliers, supplies


@dataclass(frozen=True, slots=True)
class OrderRow:
    """One purchase order. lines: how many; ordered, received, incoming (still to come): their units. value: of what was ordered, decimal text, as
    far as its cost is known; uncosted: the units of which it is not, which the value leaves out. supplier None: none was named.
    """

    number: int
    state: str
    supplier: str | None
    location: str
    reference: str
    note: str
    expected_on: date | None
    created_at: datetime
    created_by: str
    ordered_at: datetime | None
    closed_at: datetime | None
    lines: int
    ordered: int
    received: int
    incoming: int
    value: str
    uncosted: int


@dataclass(frozen=True, slots=True)
class LineRow:
    """ordered, received, incoming: SKU units. cost: of one, decimal text; None: not known. code: what the supplier calls it."""

    sku: str
    title: str
    code: str
    ordered: int
    received: int
    incoming: int
    cost: str | None


@dataclass(frozen=True, slots=True)
class OrderDetail:
    order: OrderRow
    lines: tuple[LineRow, ...]


@dataclass(frozen=True, slots=True)
class Filter:
    """Each None: any. late_on: a day before which it was to have come, and has not."""

    state: str | None = None
    supplier: str | None = None
    location: str | None = None
    late_on: date | None = None


def order_rows(conn: Connection, wanted: Filter, before: int | None = None, limit: int = 100) -> list[OrderRow]:
    """The newest first. Raises UnknownSupplier, UnknownLocation."""
    query = heads.newest(_orders(), purchase_orders, wanted.state, before, limit)
    if wanted.supplier is not None:
        query = query.where(purchase_orders.c.supplier_id == _supplier_id(conn, wanted.supplier))
    if wanted.location is not None:
        query = query.where(purchase_orders.c.location_id == reorder_levels.place_of(conn, wanted.location))
    if wanted.late_on is not None:
        query = query.where(
            purchase_orders.c.state.in_(("ordered", "part_received")), purchase_orders.c.expected_on < wanted.late_on.isoformat()
        )
    return _with_sums(conn, conn.execute(query).mappings().all())


def one_order(conn: Connection, number: int) -> OrderDetail:
    """Raises UnknownDocument."""
    found = _with_sums(conn, [heads.one(conn, _orders(), purchase_orders, PURCHASE, number)])
    theirs = (supplies.c.sku_id == purchase_lines.c.sku_id) & (supplies.c.supplier_id == purchase_orders.c.supplier_id)
    query = (
        select(purchase_lines, skus.c.sku, skus.c.title, func.coalesce(supplies.c.code, "").label("code"))
        .join(purchase_orders, purchase_orders.c.id == purchase_lines.c.order_id)
        .join(skus, skus.c.id == purchase_lines.c.sku_id)
        .outerjoin(supplies, theirs)
        .where(purchase_lines.c.order_id == number)
        .order_by(purchase_lines.c.id)
    )
    lines = [
        LineRow(row.sku, row.title, row.code, row.ordered, row.received, row.incoming, costs.text_of(row.cost))
        for row in conn.execute(query)
    ]
    return OrderDetail(found[0], tuple(lines))


def _orders() -> Select[Any]:
    return (
        select(purchase_orders, suppliers.c.code.label("supplier"), locations.c.code.label("location"))
        .join(locations, locations.c.id == purchase_orders.c.location_id)
        .outerjoin(suppliers, suppliers.c.id == purchase_orders.c.supplier_id)
    )


def _with_sums(conn: Connection, heads: Sequence[RowMapping]) -> list[OrderRow]:
    """Money is multiplied here, not by the database: no sum of any size is rounded or overflows."""
    found = {head["id"]: _row(head) for head in heads}
    values = dict.fromkeys(found, 0)
    line = purchase_lines.c
    query = select(line.order_id, line.ordered, line.received, line.incoming, line.cost).where(line.order_id.in_(found))
    for number, ordered, received, incoming, cost in conn.execute(query):
        row, values[number] = found[number], values[number] + ordered * (cost or 0)
        found[number] = replace(
            row,
            lines=row.lines + 1,
            ordered=row.ordered + ordered,
            received=row.received + received,
            incoming=row.incoming + incoming,
            uncosted=row.uncosted + (ordered if cost is None else 0),
        )
    return [replace(row, value=str(costs.text_of(values[number]))) for number, row in found.items()]


def _row(head: RowMapping) -> OrderRow:
    expected = head["expected_on"]
    return OrderRow(
        number=head["id"],
        **{name: head[name] for name in ("state", "supplier", "location", "reference", "note")},
        expected_on=None if expected is None else date.fromisoformat(expected),
        **{name: head[name] for name in ("created_at", "created_by", "ordered_at", "closed_at")},
        lines=0,
        ordered=0,
        received=0,
        incoming=0,
        value="",
        uncosted=0,
    )


@dataclass(frozen=True, slots=True)
class SupplierRow:
    """lead_days None: not known. skus: how many are bought there."""

    id: int
    code: str
    name: str
    lead_days: int | None
    skus: int


def supplier_rows(conn: Connection, after: int = 0, limit: int = 100) -> list[SupplierRow]:
    """In the order in which they were made."""
    bought = select(func.count()).where(supplies.c.supplier_id == suppliers.c.id).correlate(suppliers).scalar_subquery()
    query = select(suppliers, bought.label("skus")).where(suppliers.c.id > after).order_by(suppliers.c.id)
    rows = conn.execute(query.limit(max(1, min(limit, PAGE_MAX))))
    return [SupplierRow(row.id, row.code, row.name, row.lead_days, row.skus) for row in rows]


@dataclass(frozen=True, slots=True)
class SupplyRow:
    """As it was said. supplier None: the SKU is bought from nobody yet. cost: of one unit, decimal text; lead_days None: as the supplier's."""

    id: int
    sku: str
    title: str
    supplier: str | None
    code: str
    cost: str | None
    lead_days: int | None
    least: int | None
    multiple: int | None


def supply_rows(conn: Connection, supplier: str, after: int = 0, limit: int = 100) -> list[SupplyRow]:
    """What is bought from them, in the order in which the ledger learned of the SKUs. Raises UnknownSupplier."""
    query = _supplies().where(supplies.c.supplier_id == _supplier_id(conn, supplier), skus.c.id > after).order_by(skus.c.id)
    return [_supply(row) for row in conn.execute(query.limit(max(1, min(limit, PAGE_MAX)))).mappings()]


def one_supply(conn: Connection, sku: str) -> SupplyRow:
    """Raises UnknownSku."""
    row = conn.execute(_supplies().where(skus.c.sku.in_(bounds.findable([sku])))).mappings().one_or_none()
    if row is None:
        raise UnknownSku(sku)
    return _supply(row)


def _supplies() -> Select[Any]:
    said = [supplies.c[name] for name in ("code", "cost", "lead_days", "least", "multiple")]
    return (
        select(skus.c.id, skus.c.sku, skus.c.title, suppliers.c.code.label("supplier"), *said)
        .outerjoin(supplies, supplies.c.sku_id == skus.c.id)
        .outerjoin(suppliers, suppliers.c.id == supplies.c.supplier_id)
    )


def _supply(row: RowMapping) -> SupplyRow:
    head = row["id"], row["sku"], row["title"], row["supplier"]
    return SupplyRow(*head, row["code"] or "", costs.text_of(row["cost"]), row["lead_days"], row["least"], row["multiple"])


def _supplier_id(conn: Connection, code: str) -> int:
    found = ids(conn, [code])
    if code not in found:
        raise UnknownSupplier(code)
    return found[code]
