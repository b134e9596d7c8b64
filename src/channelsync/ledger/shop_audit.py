"""What the ledger believes of one shop, laid out to be compared with the shop itself: shelves with a book, and orders as they are stored. Reads only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, exists, select

from channelsync.contract import OrderSnapshot, ShelfRef
from channelsync.ledger import fitting, order_json
from channelsync.ledger.due import OPEN_STATES
from channelsync.ledger.schema import attempts, listings, orders, set_aside, shelves, skus
from channelsync.ledger.to_read import ShelfState

CHUNK = 400


@dataclass(frozen=True, slots=True)
class Believed:
    """A shelf with a book. state: as it is before a reading. busy: a write is on its way, or not verified yet, so a reading proves nothing.

    gap: what is suspended already; asked: a person was asked about it.
    """

    state: ShelfState
    sku: str
    book: int
    gap: int
    asked: bool
    busy: bool


@dataclass(frozen=True, slots=True)
class Stored:
    """An order as it was last applied."""

    digest: str
    snapshot: OrderSnapshot


def shelves_after(conn: Connection, channel_id: int, after: int, limit: int) -> list[Believed]:
    """The shelves of a channel that have a book and can be read, by id; pages by key."""
    query = _shelves().where(shelves.c.channel_id == channel_id, shelves.c.id > after).order_by(shelves.c.id).limit(limit)
    return [_believed(row) for row in conn.execute(query)]


def shelves_named(conn: Connection, ids: Iterable[int]) -> list[Believed]:
    """The same by id."""
    wanted, found = sorted(ids), list[Believed]()
    for start in range(0, len(wanted), CHUNK):
        query = _shelves().where(shelves.c.id.in_(wanted[start : start + CHUNK])).order_by(shelves.c.id)
        found += [_believed(row) for row in conn.execute(query)]
    return found


def _shelves() -> Any:
    open_attempt = exists().where(attempts.c.shelf_id == shelves.c.id, attempts.c.state.in_(OPEN_STATES))
    columns = (shelves.c.id, shelves.c.location, shelves.c.book, shelves.c.own_seq, shelves.c.gap, shelves.c.asked_at, shelves.c.verify)
    return (
        select(*columns, listings.c.ref, skus.c.sku, open_attempt.label("open"))
        .join(listings, listings.c.id == shelves.c.listing_id)
        .join(skus, skus.c.id == listings.c.sku_id)
        .where(
            shelves.c.book.is_not(None),
            listings.c.tracked,
            listings.c.problem.is_(None),
            listings.c.removed_at.is_(None),
            listings.c.stock_ref.is_(None),
        )
    )


def _believed(row: Any) -> Believed:
    state = ShelfState(row.id, ShelfRef(row.ref, row.location), row.book, row.own_seq)
    return Believed(state, row.sku, row.book, row.gap, row.asked_at is not None, bool(row.open or row.verify))


def stored(conn: Connection, channel_id: int, refs: Sequence[str]) -> dict[str, Stored]:
    """Those of the orders that are stored, by ref."""
    keys = [ref for ref in refs if fitting.storable(ref) == ref]  # no other can be ours
    found: dict[str, Stored] = {}
    for start in range(0, len(keys), CHUNK):
        query = select(orders.c.ref, orders.c.digest, orders.c.snapshot).where(
            orders.c.channel_id == channel_id, orders.c.ref.in_(keys[start : start + CHUNK])
        )
        known = ((row, order_json.read(row.snapshot)) for row in conn.execute(query))
        found |= {
            row.ref: Stored(row.digest, snapshot) for row, snapshot in known if snapshot is not None
        }  # what cannot be read is not stored
    return found


def set_aside_because(conn: Connection, channel_id: int, ref: str) -> str | None:
    """Why this order, or a line of it, is not applied, if the ledger knows."""
    mine = set_aside.c.channel_id == channel_id, set_aside.c.resolved_at.is_(None), set_aside.c.kind.in_(("order", "line"))
    named = (set_aside.c.ref == fitting.ref(ref)) | set_aside.c.ref.startswith(f"{ref}/", autoescape=True)
    reason: str | None = conn.scalar(select(set_aside.c.reason).where(*mine, named).order_by(set_aside.c.id).limit(1))
    return reason
