"""The Book: what we believe a shelf shows. Every change of it passes here and leaves a line in its own log.

The book moves by differences only (an own effect of the shop, a confirmed write of ours); it is replaced by a reading in one place, the closed
bracket (`ledger.brackets`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, BindParameter, ColumnElement, Connection, and_, bindparam, case, literal, or_, select, update

from channelsync.ledger import edits
from channelsync.ledger.many import insert_many
from channelsync.ledger.schema import book_entries, listings, shelves
from channelsync.ledger.spelt import Spelt, one_of


@dataclass(frozen=True, slots=True)
class BookEntry:
    """One line of the statement: the book of `shelf_id` moves by `delta` (listing units)."""

    shelf_id: int
    kind: str  # opening, write, took, gave_back, rebase, adopted, returned
    delta: int
    attempt_id: str | None = None
    order_id: int | None = None
    note: str = ""


def due_when(target: ColumnElement[int | None], book: ColumnElement[int | None]) -> ColumnElement[bool]:
    """`targets.is_due` as SQL, and never of a frozen shelf."""
    nothing = or_(shelves.c.frozen, target.is_(None), book.is_(None), target == book, and_(target <= 0, book < 0))
    return case((nothing, literal(False)), else_=literal(True))


def _gap_after(gap: ColumnElement[int], effect: ColumnElement[int]) -> ColumnElement[int]:
    """What an own effect leaves of a suspended gap: it explains as much as there is in its own direction. It makes no gap, shop and book moved alike."""
    lower, higher = and_(gap < 0, effect < 0), and_(gap > 0, effect > 0)
    rest = gap - effect
    return case((and_(lower, gap < effect), rest), (and_(higher, gap > effect), rest), (or_(lower, higher), literal(0)), else_=gap)


_NEW_BOOK = shelves.c.book + bindparam("_delta")
_MOVE = Spelt(
    update(shelves)
    .where(shelves.c.id == bindparam("_id"))
    .values(
        book=_NEW_BOOK,
        gap=_gap_after(shelves.c.gap, bindparam("_effect", type_=BigInteger)),
        own_seq=shelves.c.own_seq + bindparam("_own"),
        version=shelves.c.version + 1,
        due=due_when(shelves.c.target, _NEW_BOOK),
    )
)

OWN = frozenset({"took", "gave_back"})


def move(conn: Connection, entries: Sequence[BookEntry], now: datetime) -> None:
    """Move books by their entries. An own effect also explains a suspended gap in its own direction: the last look had seen it already."""
    if not entries:
        return
    deltas: dict[int, list[int]] = defaultdict(lambda: [0, 0, 0])
    for entry in entries:
        sums = deltas[entry.shelf_id]
        sums[0] += entry.delta
        if entry.kind in OWN:
            sums[1] += entry.delta
            sums[2] += 1
    _log(conn, entries, now)
    rows = [{"_id": shelf_id, "_delta": d[0], "_effect": d[1], "_own": d[2]} for shelf_id, d in sorted(deltas.items())]
    _MOVE.run_each(conn, rows)
    _forget_closed_gaps(conn, [shelf_id for shelf_id, d in deltas.items() if d[1]], now)


def disturb(conn: Connection, shelf_ids: Collection[int]) -> None:
    """The shop has moved numbers that have no book yet: a bracket around this moment does not close."""
    if shelf_ids:
        _DISTURB.run(conn, those=sorted(shelf_ids))


_DISTURB = Spelt(update(shelves).where(one_of(shelves.c.id, "those")).values(own_seq=shelves.c.own_seq + 1))


_READING: BindParameter[int | None] = bindparam("_reading", type_=BigInteger)
_REPLACE = Spelt(
    update(shelves)
    .where(shelves.c.id == bindparam("_id"))
    .values(
        book=_READING,
        gap=0,
        gap_since=None,
        asked_at=None,
        verify=False,
        version=shelves.c.version + 1,
        due=due_when(shelves.c.target, _READING),
    )
)


def replace(conn: Connection, shelf_id: int, before: int | None, reading: int, entries: Sequence[BookEntry], now: datetime) -> None:
    """A closed bracket: the book becomes the reading; `entries` say why and must sum to the difference. Gap and verification end here."""
    assert sum(entry.delta for entry in entries) == reading - (before or 0), (entries, before, reading)
    _log(conn, [entry for entry in entries if entry.delta or entry.kind == "opening"], now)
    _REPLACE.run(conn, _id=shelf_id, _reading=reading)


_LOG = insert_many(book_entries, "shelf_id", "kind", "delta", "attempt_id", "order_id", "note", "at")


def _log(conn: Connection, entries: Sequence[BookEntry], now: datetime) -> None:
    rows = [
        {
            "shelf_id": entry.shelf_id,
            "kind": entry.kind,
            "delta": entry.delta,
            "attempt_id": entry.attempt_id,
            "order_id": entry.order_id,
            "note": entry.note,
            "at": now,
        }
        for entry in entries
    ]
    if rows:
        _LOG.run(conn, rows)


_FORGET = Spelt(
    update(shelves)
    .where(one_of(shelves.c.id, "those"), shelves.c.gap == 0, shelves.c.gap_since.is_not(None))
    .values(gap_since=None, asked_at=None)
    .returning(shelves.c.id)
)
_NAMED = Spelt(
    select(shelves.c.channel_id, shelves.c.location, listings.c.ref, listings.c.sku_id)
    .join(listings, listings.c.id == shelves.c.listing_id)
    .where(one_of(shelves.c.id, "those"))
)


def _forget_closed_gaps(conn: Connection, shelf_ids: Sequence[int], now: datetime) -> None:
    """What orders have explained is suspended no more, and no question to anybody."""
    if not shelf_ids:
        return
    ids = _FORGET.scalars(conn, those=shelf_ids)
    for channel_id, location, ref, sku_id in _NAMED.rows(conn, those=ids) if ids else ():
        edits.settled(conn, channel_id, sku_id, f"{ref}@{location}", now)


def entries_of(conn: Connection, shelf_id: int, *, until: datetime | None = None) -> list[BookEntry]:
    """The statement's lines, oldest first."""
    query = select(book_entries).where(book_entries.c.shelf_id == shelf_id).order_by(book_entries.c.id)
    if until is not None:
        query = query.where(book_entries.c.at <= until)
    return [
        BookEntry(row["shelf_id"], row["kind"], row["delta"], row["attempt_id"], row["order_id"], row["note"])
        for row in conn.execute(query).mappings()
    ]
