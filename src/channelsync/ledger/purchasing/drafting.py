"""Purchase orders while they are written: `draft` and `edit`. Nothing is on its way yet, and no stock moves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from channelsync.ledger import bounds, costs, owning
from channelsync.ledger.documents import lines
from channelsync.ledger.documents.lines import Line
from channelsync.ledger.keys import Keyed, idempotent
from channelsync.ledger.purchasing.orders import Book, Told
from channelsync.ledger.purchasing.states import PURCHASE
from channelsync.ledger.purchasing.suppliers import UnknownSupplier, ids, supply_of
from channelsync.ledger.refusals import NotAllowed, Refusal, UnknownLocation
from channelsync.ledger.schema import locations, purchase_lines, purchase_orders
from channelsync.ledger.skus import Sku


@dataclass(frozen=True, slots=True)
class Wanted(Line):
    """cost: of one unit, decimal text; None: what is agreed with the supplier for the SKU, if anything is."""

    cost: str | None = None


@dataclass(frozen=True, slots=True)
class Draft(Keyed):
    """supplier None: none is named. expected_on: a date like 2026-12-24; empty: by the lead time, once it is ordered."""

    location: str
    lines: tuple[Wanted, ...]
    supplier: str | None = None
    reference: str = ""
    note: str = ""
    expected_on: str = ""
    actor: str = ""


@dataclass(frozen=True, slots=True)
class Edit(Keyed):
    """What is None stays; lines are all of them. supplier and expected_on: an empty text takes them away."""

    number: int
    lines: tuple[Wanted, ...] | None = None
    supplier: str | None = None
    location: str | None = None
    reference: str | None = None
    note: str | None = None
    expected_on: str | None = None


@idempotent(Told)
def draft(conn: Connection, items: Sequence[Draft], now: datetime) -> Sequence[Told | Refusal]:
    return [_draft(conn, item, now) for item in items]


def _draft(conn: Connection, item: Draft, now: datetime) -> Told | Refusal:
    if problem := bounds.texts(actor=item.actor):
        return problem
    head = _head(conn, item.supplier, item.location, item.reference, item.note, item.expected_on)
    if isinstance(head, Refusal):
        return head
    rows = rows_of(conn, item.lines, head.get("supplier_id"))
    if isinstance(rows, Refusal):
        return rows
    made = {"state": PURCHASE.start, "created_at": now, "created_by": item.actor}
    number = int(conn.execute(insert(purchase_orders).values(head | made).returning(purchase_orders.c.id)).scalar_one())
    return _written(conn, number, rows)


@idempotent(Told)
def edit(conn: Connection, items: Sequence[Edit], now: datetime) -> Sequence[Told | Refusal]:
    """Only a draft. The costs of lines that are given again without one are what is agreed now."""
    book = Book(conn, (item.number for item in items))
    return [_edit(conn, book, item) for item in items]


def _edit(conn: Connection, book: Book, item: Edit) -> Told | Refusal:
    order = book.find(item.number, "edit")
    if isinstance(order, Refusal):
        return order
    head = _head(conn, item.supplier, item.location, item.reference, item.note, item.expected_on)
    if isinstance(head, Refusal):
        return head
    rows: list[dict[str, Any]] | Refusal = []
    if item.lines is not None:
        rows = rows_of(conn, item.lines, head.get("supplier_id", _supplier_of(conn, item.number)))
    if isinstance(rows, Refusal):
        return rows
    if item.lines is not None:
        conn.execute(delete(purchase_lines).where(purchase_lines.c.order_id == item.number))
    if head:
        conn.execute(update(purchase_orders).where(purchase_orders.c.id == item.number).values(head))
    return _written(conn, item.number, rows)


def _supplier_of(conn: Connection, number: int) -> int | None:
    """As the batch has it by now."""
    return conn.scalar(select(purchase_orders.c.supplier_id).where(purchase_orders.c.id == number))


def _written(conn: Connection, number: int, rows: Sequence[Mapping[str, Any]]) -> Told:
    if rows:
        conn.execute(insert(purchase_lines), [{"order_id": number, **row} for row in rows])
    order = Book(conn, [number]).find(number, "edit")
    assert not isinstance(order, Refusal)
    return order.told()


def _head(
    conn: Connection, supplier: str | None, location: str | None, reference: str | None, note: str | None, expected_on: str | None
) -> dict[str, Any] | Refusal:
    """The columns of what is said."""
    if problem := bounds.texts(supplier=supplier, location=location, reference=reference, note=note) or no_date(expected_on):
        return problem
    head: dict[str, Any] = {}
    if supplier:
        named = ids(conn, [supplier])
        if supplier not in named:
            return UnknownSupplier(supplier)
        head["supplier_id"] = named[supplier]
    elif supplier is not None:
        head["supplier_id"] = None
    if location is not None:
        place = conn.scalar(select(locations.c.id).where(locations.c.code == location))
        if place is None:
            return UnknownLocation(location)
        if owner := owning.owners(conn, [int(place)]).get(int(place)):
            return owning.refusal(location, owner)
        head["location_id"] = place
    said = {"reference": reference, "note": note}
    head |= {name: text for name, text in said.items() if text is not None}
    return head if expected_on is None else head | {"expected_on": expected_on or None}


def no_date(text: str | None) -> NotAllowed | None:
    """None and the empty text are no dates, and no problem."""
    if not text:
        return None
    try:
        if date.fromisoformat(text).isoformat() == text:
            return None
    except ValueError:
        pass
    return NotAllowed(f"expected_on {text[:40]!r} is no date; write it like 2026-12-24")


def rows_of(conn: Connection, wanted: Sequence[Wanted], supplier_id: int | None) -> list[dict[str, Any]] | Refusal:
    """The columns of lines, without their order's. A line without a cost takes what is agreed."""
    if problem := lines.problem(wanted):
        return problem
    found = lines.resolve(conn, [line.sku for line in wanted])
    if isinstance(found, Refusal):
        return found
    costs_agreed = agreed(conn, found, supplier_id)
    try:
        return [
            {
                "sku_id": found[line.sku].id,
                "ordered": line.quantity,
                "cost": costs_agreed.get(line.sku) if line.cost is None else costs.parsed(line.cost),
            }
            for line in wanted
        ]
    except NotAllowed as problem:
        return problem


def agreed(conn: Connection, found: Mapping[str, Sku], supplier_id: int | None) -> dict[str, int | None]:
    """SKU -> the cost that its own supplier asks, unless the order goes to another one."""
    supplies = supply_of(conn, (sku.id for sku in found.values()))
    by_sku = {text: supplies[sku.id] for text, sku in found.items() if sku.id in supplies}
    return {text: supply.cost for text, supply in by_sku.items() if supplier_id in (None, supply.supplier_id)}
