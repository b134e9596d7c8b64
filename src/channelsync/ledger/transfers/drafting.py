"""Transfers while they are written: `draft` and `edit`. Nothing is on its way yet, and no stock moves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from channelsync.ledger import bounds, owning
from channelsync.ledger.documents import lines
from channelsync.ledger.documents.lines import Line
from channelsync.ledger.keys import Keyed, idempotent
from channelsync.ledger.refusals import NotAllowed, Refusal, UnknownLocation
from channelsync.ledger.schema import locations, transfer_lines, transfers
from channelsync.ledger.transfers.book import Book, Told, owned
from channelsync.ledger.transfers.states import TRANSFER


@dataclass(frozen=True, slots=True)
class Draft(Keyed):
    """origin, destination: locations. reference: a carrier's number, if it is known already."""

    origin: str
    destination: str
    lines: tuple[Line, ...]
    reference: str = ""
    note: str = ""
    actor: str = ""


@dataclass(frozen=True, slots=True)
class Edit(Keyed):
    """What is None stays; lines are all of them."""

    number: int
    lines: tuple[Line, ...] | None = None
    origin: str | None = None
    destination: str | None = None
    reference: str | None = None
    note: str | None = None


@idempotent(Told)
def draft(conn: Connection, items: Sequence[Draft], now: datetime) -> Sequence[Told | Refusal]:
    """More than is there may be drafted: `ship` looks at what is available when the goods leave."""
    return [_draft(conn, item, now) for item in items]


def _draft(conn: Connection, item: Draft, now: datetime) -> Told | Refusal:
    if problem := bounds.texts(reference=item.reference, note=item.note, actor=item.actor):
        return problem
    places = _places(conn, item.origin, item.destination)
    rows = places if isinstance(places, Refusal) else _rows(conn, item.lines)
    if isinstance(places, Refusal) or isinstance(rows, Refusal):
        return rows  # type: ignore[return-value]  # whichever was refused
    head = {**places, "state": TRANSFER.start, "reference": item.reference, "note": item.note}
    made = {"created_at": now, "created_by": item.actor}
    number = int(conn.execute(insert(transfers).values(head | made).returning(transfers.c.id)).scalar_one())
    return _written(conn, number, rows)


@idempotent(Told)
def edit(conn: Connection, items: Sequence[Edit], now: datetime) -> Sequence[Told | Refusal]:
    """Only a draft."""
    book = Book(conn, (item.number for item in items))
    return [_edit(conn, book, item) for item in items]


def _edit(conn: Connection, book: Book, item: Edit) -> Told | Refusal:
    found = book.find(item.number, "edit")
    if isinstance(found, Refusal):
        return found
    if problem := bounds.texts(reference=item.reference, note=item.note):
        return problem
    head: dict[str, Any] = {name: text for name, text in (("reference", item.reference), ("note", item.note)) if text is not None}
    if item.origin is not None or item.destination is not None:
        origin, destination = _ends(conn, item.number)
        places = _places(
            conn, origin if item.origin is None else item.origin, destination if item.destination is None else item.destination
        )
        if isinstance(places, Refusal):
            return places
        head |= places
    rows = [] if item.lines is None else _rows(conn, item.lines)
    if isinstance(rows, Refusal):
        return rows
    if rows:
        conn.execute(delete(transfer_lines).where(transfer_lines.c.transfer_id == item.number))
    if head:
        conn.execute(update(transfers).where(transfers.c.id == item.number).values(head))
    return _written(conn, item.number, rows)


def _ends(conn: Connection, number: int) -> tuple[str, str]:
    """As the batch has them by now."""
    ends = [select(locations.c.code).where(locations.c.id == side).scalar_subquery() for side in (transfers.c.from_id, transfers.c.to_id)]
    row = conn.execute(select(*ends).select_from(transfers).where(transfers.c.id == number)).one()
    return row[0], row[1]


def _written(conn: Connection, number: int, rows: Sequence[Mapping[str, Any]]) -> Told:
    if rows:
        conn.execute(insert(transfer_lines), [{"transfer_id": number, **row} for row in rows])
    made = Book(conn, [number]).find(number, "edit")
    assert not isinstance(made, Refusal)
    return made.told()


def _places(conn: Connection, origin: str, destination: str) -> dict[str, int] | Refusal:
    """The columns of where from and where to."""
    if problem := bounds.texts(location=origin) or bounds.texts(location=destination):
        return problem
    found = {
        row.code: row.id
        for row in conn.execute(select(locations.c.code, locations.c.id).where(locations.c.code.in_({origin, destination})))
    }
    for code in (origin, destination):
        if code not in found:
            return UnknownLocation(code)
    if origin == destination:
        return NotAllowed(f"a transfer goes from one location to another, and both are {origin!r}")
    problem = owned(owning.owners(conn, found.values()), found)
    return problem or {"from_id": found[origin], "to_id": found[destination]}


def _rows(conn: Connection, wanted: Sequence[Line]) -> list[dict[str, Any]] | Refusal:
    if problem := lines.problem(wanted):
        return problem
    found = lines.resolve(conn, [line.sku for line in wanted])
    if isinstance(found, Refusal):
        return found
    return [{"sku_id": found[line.sku].id, "quantity": line.quantity} for line in wanted]
