"""Lines put on drafts bit by bit, as the rows of a file come: those that are named are set, all others stay. A draft that is not there yet is made."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from channelsync.ledger import bounds
from channelsync.ledger.documents import lines
from channelsync.ledger.documents.heads import possible
from channelsync.ledger.documents.states import UnknownDocument
from channelsync.ledger.purchasing import drafting
from channelsync.ledger.purchasing.drafting import Draft, Wanted
from channelsync.ledger.purchasing.orders import Book, Purchase, Told
from channelsync.ledger.purchasing.states import PURCHASE
from channelsync.ledger.refusals import NotAllowed, Refusal
from channelsync.ledger.schema import locations, purchase_lines, purchase_orders, suppliers

CHUNK: Final = 400
Name = tuple[str, str, str]
"""(reference, code of the supplier or "", code of the location): what rows of one order have in common where they name no number."""


@dataclass(frozen=True, slots=True)
class Fill:
    """number: of a draft; None: the one with this reference, supplier ("": none) and location, which is made if there is none. A line of 0 units is
    taken off. A line without a cost keeps its own; a new one takes what is agreed with the supplier. expected_on "": as it is.
    """

    lines: tuple[Wanted, ...]
    number: int | None = None
    reference: str = ""
    supplier: str = ""
    location: str = ""
    expected_on: str = ""
    actor: str = ""

    @property
    def name(self) -> Name:
        return self.reference, self.supplier, self.location


class Ambiguous(NotAllowed):
    """Several orders bear one name."""

    def __init__(self, numbers: Sequence[int]) -> None:
        named = ", ".join(f"PO-{number}" for number in numbers[:5])
        super().__init__(f"{named} have this reference, supplier and location; say in `order` which of them is meant")


def named(conn: Connection, names: Iterable[Name]) -> dict[Name, list[int]]:
    """The numbers of the orders that bear these names, in whatever state; names of none are absent."""
    wanted, found = set(names), defaultdict[Name, list[int]](list)
    references = bounds.findable(reference for reference, _, _ in wanted if reference)
    query = (
        select(purchase_orders.c.id, purchase_orders.c.reference, suppliers.c.code.label("supplier"), locations.c.code.label("location"))
        .join(locations, locations.c.id == purchase_orders.c.location_id)
        .outerjoin(suppliers, suppliers.c.id == purchase_orders.c.supplier_id)
        .order_by(purchase_orders.c.id)
    )
    for start in range(0, len(references), CHUNK):
        for row in conn.execute(query.where(purchase_orders.c.reference.in_(references[start : start + CHUNK]))):
            if (name := (row.reference, row.supplier or "", row.location)) in wanted:
                found[name].append(row.id)
    return dict(found)


def fill(conn: Connection, items: Sequence[Fill], now: datetime) -> Sequence[Told | Refusal]:
    """Saying it twice comes to the same as saying it once. Only drafts are filled."""
    made = _hold(conn, items)
    answers: list[Told | Refusal] = []
    for item in items:
        numbers = [item.number] if item.number is not None else made.get(item.name, [])
        if numbers:
            told = Ambiguous(numbers) if len(numbers) > 1 else _fill(conn, numbers[0], item)
        else:
            told = _make(conn, item, now)
            made |= {item.name: [told.number]} if isinstance(told, Told) else {}
        answers.append(told)
    return answers


def _hold(conn: Connection, items: Sequence[Fill]) -> dict[Name, list[int]]:
    """What `named` says, with all of it held: two who make the same order at once wait for each other at its location."""
    unnumbered = [item for item in items if item.number is None]
    codes = bounds.findable(item.location for item in unnumbered)
    if codes:
        held = select(locations.c.id).where(locations.c.code.in_(codes)).order_by(locations.c.id)
        conn.execute(held.with_for_update(key_share=True)).all()
    there = named(conn, (item.name for item in unnumbered))
    said = possible(item.number for item in items if item.number is not None)
    numbers = sorted({*said, *(number for found in there.values() for number in found)})
    for start in range(0, len(numbers), CHUNK):
        heads = select(purchase_orders.c.id).where(purchase_orders.c.id.in_(numbers[start : start + CHUNK])).order_by(purchase_orders.c.id)
        conn.execute(heads.with_for_update()).all()
    return there


def _make(conn: Connection, item: Fill, now: datetime) -> Told | Refusal:
    if not item.reference:
        return NotAllowed("an order that has no number yet needs a reference, by which it is found again")
    wanted = tuple(line for line in item.lines if line.quantity)
    asked = Draft(item.location, wanted, item.supplier or None, item.reference, expected_on=item.expected_on, actor=item.actor)
    (told,) = drafting.draft(conn, [asked], now)
    return told


def _fill(conn: Connection, number: int, item: Fill) -> Told | Refusal:
    order = Book(conn, [number]).find(number, "edit")
    if isinstance(order, Refusal):
        return order
    if problem := lines.problem(item.lines, at_least=0) or drafting.no_date(item.expected_on):
        return problem
    gone = [order.lines[line.sku].id for line in item.lines if not line.quantity and line.sku in order.lines]
    wanted = [line for line in item.lines if line.quantity]
    size = len(order.lines) - len(gone) + sum(line.sku not in order.lines for line in wanted)
    if problem := no_size(number, size):
        return problem
    if wanted and (refused := _set(conn, order, wanted)):
        return refused
    if gone:
        conn.execute(delete(purchase_lines).where(purchase_lines.c.id.in_(gone)))
    if item.expected_on:
        conn.execute(update(purchase_orders).where(purchase_orders.c.id == number).values(expected_on=item.expected_on))
    after = Book(conn, [number]).find(number, "edit")
    return after.told() if isinstance(after, Purchase) else UnknownDocument(PURCHASE.kind, number)


def no_size(number: object, size: int) -> NotAllowed | None:
    """size: how many lines it would have."""
    if size < 1:
        return NotAllowed(
            f"purchase order {number} would have no line left; put the new ones on it first, or cancel it: channelsync po cancel {number}"
        )
    return None if size <= bounds.MAX_LINES else NotAllowed(f"a document has 1 to {bounds.MAX_LINES} lines; split it")


def _set(conn: Connection, order: Purchase, wanted: Sequence[Wanted]) -> Refusal | None:
    rows = drafting.rows_of(conn, wanted, order.supplier_id)
    if isinstance(rows, Refusal):
        return rows
    old, new = list[dict[str, Any]](), list[dict[str, Any]]()
    for line, row in zip(wanted, rows, strict=True):
        if line.sku not in order.lines:
            new.append({"order_id": order.number, **row})
            continue
        known = order.lines[line.sku]
        old.append({"_id": known.id, "_ordered": row["ordered"], "_cost": known.cost if line.cost is None else row["cost"]})
    if old:
        conn.execute(_CHANGE, old)
    if new:
        conn.execute(insert(purchase_lines), new)
    return None


_CHANGE = (
    update(purchase_lines).where(purchase_lines.c.id == bindparam("_id")).values(ordered=bindparam("_ordered"), cost=bindparam("_cost"))
)
