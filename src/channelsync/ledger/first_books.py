"""Opening very many books at once: the closed bracket of `brackets`, for shelves that have no book yet and so nothing else that could be open.

A shop with a hundred thousand numbers is opened in a few statements per batch; what has a book goes through `brackets.close`, one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, Connection, bindparam, insert, select, update

from channelsync.ledger import outbox
from channelsync.ledger.book import due_when
from channelsync.ledger.schema import book_entries, shelves
from channelsync.ledger.to_read import ShelfState
from channelsync.ledger.types import Utc

CHUNK = 400


@dataclass(frozen=True, slots=True)
class FirstReadings:
    """Two readings each of shelves of one channel that have no book. shop_at: the shop's clock when it answered the first."""

    channel_id: int
    lease_version: int
    readings: tuple[tuple[ShelfState, int | None, int | None, datetime], ...]  # before, first, second, shop_at


def open_books(conn: Connection, items: Sequence[FirstReadings], now: datetime) -> list[int]:
    """Open the books of those whose bracket is closed. Returns how many of each item: the others moved meanwhile and are read again."""
    return [_open_books(conn, item, now) for item in items]


def _open_books(conn: Connection, item: FirstReadings, now: datetime) -> int:
    read = [{"_id": before.id, "_reading": second, "_now": now} for before, _, second, _ in item.readings]
    if not read:
        return 0
    unmoved = _unmoved(conn, [before for before, *_ in item.readings])
    conn.execute(_READ, read)
    if not outbox.holds_lease(conn, item.channel_id, item.lease_version):
        return 0
    closed = [
        (before.id, second, shop_at)
        for before, first, second, shop_at in item.readings
        if second is not None and first == second and before.id in unmoved
    ]
    if closed:
        conn.execute(insert(book_entries), [_entry(shelf_id, reading, now) for shelf_id, reading, _ in closed])
        conn.execute(_OPEN, [{"_id": shelf_id, "_book": reading, "_shop_at": shop_at} for shelf_id, reading, shop_at in closed])
    return len(closed)


def _unmoved(conn: Connection, states: Sequence[ShelfState]) -> set[int]:
    """Those that still have no book, and of which nothing was ingested since. Their rows stay locked."""
    before = {state.id: state.own_seq for state in states}
    ids, unmoved = sorted(before), set[int]()
    for start in range(0, len(ids), CHUNK):
        query = select(shelves.c.id, shelves.c.own_seq).where(shelves.c.id.in_(ids[start : start + CHUNK]), shelves.c.book.is_(None))
        found = conn.execute(query.order_by(shelves.c.id).with_for_update(key_share=True))
        unmoved |= {row.id for row in found if row.own_seq == before[row.id]}
    return unmoved


def _entry(shelf_id: int, book: int, now: datetime) -> dict[str, object]:
    return {"shelf_id": shelf_id, "kind": "opening", "delta": book, "attempt_id": None, "order_id": None, "note": "", "at": now}


_READ = (
    update(shelves).where(shelves.c.id == bindparam("_id")).values(reading=bindparam("_reading"), read_at=bindparam("_now", type_=Utc()))
)
_OPEN = (
    update(shelves)
    .where(shelves.c.id == bindparam("_id"))
    .values(
        book=bindparam("_book"),
        gap=0,
        gap_since=None,
        asked_at=None,
        verify=False,
        rebased_at=bindparam("_shop_at", type_=Utc()),
        version=shelves.c.version + 1,
        due=due_when(shelves.c.target, bindparam("_book", type_=BigInteger)),
    )
)
