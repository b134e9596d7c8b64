"""Which shelves are to be read: those that a bracket has to settle, those unread for long, those that a webhook has named. Reads only; what a reading
means is in `brackets`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, CompoundSelect, Connection, Integer, Select, and_, bindparam, or_, select, text, union_all

from channelsync.contract import ShelfRef
from channelsync.ledger import bounds
from channelsync.ledger.due import OPEN_STATES
from channelsync.ledger.schema import attempts, listings, push_calls, shelves
from channelsync.ledger.spelt import Spelt, one_of

LEFT_BEHIND = timedelta(hours=1)
"""A request that left so long from now left before the wall clock went back; whoever asks has waited since (`engine.steady`)."""


@dataclass(frozen=True, slots=True)
class ShelfState:
    """What the engine takes along when it goes to read a shelf: the state just before."""

    id: int
    shelf: ShelfRef
    book: int | None
    own_seq: int
    unknown_since: datetime | None = None  # last time an open attempt's request was on the wire


def with_its_attempt(query: Select[Any]) -> Select[Any]:
    """Of shelves, with their listings, the open attempt and its call: a shelf has one of them at most."""
    its = and_(attempts.c.shelf_id == shelves.c.id, attempts.c.state.in_(OPEN_STATES))
    query = query.join(listings, listings.c.id == shelves.c.listing_id)
    return query.outerjoin(attempts, its).outerjoin(push_calls, push_calls.c.key == attempts.c.call_key)


_SHELVES = with_its_attempt(
    select(
        shelves.c.id,
        shelves.c.book,
        shelves.c.own_seq,
        shelves.c.location,
        shelves.c.read_at,
        listings.c.ref,
        push_calls.c.last_sent_at,
    )
)
_READABLE = and_(
    listings.c.sku_id.is_not(None),
    listings.c.tracked,
    listings.c.problem.is_(None),
    listings.c.removed_at.is_(None),
    listings.c.stock_ref.is_(None),
)
_HERE = shelves.c.channel_id == bindparam("channel")
_STATES = Spelt(_SHELVES.where(one_of(shelves.c.id, "ids")))


def states(conn: Connection, shelf_ids: Iterable[int]) -> list[ShelfState]:
    """The shelves as they are just before a reading."""
    ids = list(shelf_ids)
    return [_state(row) for row in _STATES.mappings(conn, ids=ids)] if ids else []


def _wanted() -> Select[Any]:
    counted = or_(shelves.c.reading.is_not(None), shelves.c.read_at.is_(None))  # what the shop does not count waits for the sweep
    drained = or_(push_calls.c.last_sent_at <= bindparam("drains_before"), push_calls.c.last_sent_at > bindparam("left_behind"))
    landing = and_(attempts.c.accepted, push_calls.c.last_sent_at <= bindparam("visible_before"))
    unknown = and_(attempts.c.state.in_(("sent", "unknown")), or_(drained, landing))
    quiet = and_(
        attempts.c.id.is_(None), or_(shelves.c.book.is_(None), shelves.c.verify, and_(shelves.c.gap != 0, shelves.c.asked_at.is_(None)))
    )
    return _SHELVES.where(_READABLE, counted, or_(unknown, quiet))


def _unsettled() -> CompoundSelect[Any]:
    """Shelves with a book that only a bracket settles: few, and each kind of them has an index of its own."""
    under_way = (
        select(attempts.c.shelf_id)
        .join(push_calls, push_calls.c.key == attempts.c.call_key)
        .where(push_calls.c.channel_id == bindparam("channel"), text("push_calls.state <> 'settled'"), attempts.c.state.in_(OPEN_STATES))
    )
    marked = (select(shelves.c.id).where(_HERE, text(condition)) for condition in ("shelves.gap <> 0", "shelves.verify"))
    return union_all(under_way, *marked)


def _unread(query: Select[Any], read: ColumnElement[bool]) -> tuple[Spelt, Spelt]:
    """Of the query's shelves those that were never read, and those that were `read`, longest ago first: each by its own end of an index that is
    in this order, so that not all shelves of a channel are read to find that none of them is meant.
    """
    never = query.where(shelves.c.read_at.is_(None)).order_by(shelves.c.id)
    longest = query.where(read).order_by(shelves.c.read_at, shelves.c.id)
    limit = bindparam("limit", type_=Integer())
    return Spelt(never.limit(limit)), Spelt(longest.limit(limit))


_UNSETTLED = Spelt(_wanted().where(shelves.c.id.in_(_unsettled())))
_UNOPENED = _unread(_wanted().where(_HERE, shelves.c.book.is_(None)), shelves.c.read_at.is_not(None))


def wanting_bracket(
    conn: Connection, channel_id: int, drains_before: datetime, limit: int, *, visible_before: datetime | None = None
) -> list[ShelfState]:
    """Shelves with something open that only a closed bracket ends: no book yet, a gap nobody was asked about, a verification, a drained unknown,
    an accepted write that left before `visible_before`.
    """
    about = {
        "channel": channel_id,
        "drains_before": drains_before,
        "left_behind": drains_before + LEFT_BEHIND,
        "visible_before": visible_before or drains_before,
    }
    rows = _UNSETTLED.mappings(conn, **about) + _longest_unread(conn, _UNOPENED, limit, about)
    rows = sorted({row["id"]: row for row in rows}.values(), key=_when_read)
    return [_state(row) for row in rows[:limit]]


_TO_LOOK_AT = _unread(_SHELVES.where(_HERE, _READABLE), shelves.c.read_at <= bindparam("read_before"))


def wanting_look(conn: Connection, channel_id: int, read_before: datetime, limit: int) -> list[ShelfState]:
    """Shelves whose last reading is too old: the sweep, which finds hand edits and swallowed sales even where nothing is due."""
    return [_state(row) for row in _longest_unread(conn, _TO_LOOK_AT, limit, {"channel": channel_id, "read_before": read_before})]


def _longest_unread(conn: Connection, unread: tuple[Spelt, Spelt], limit: int, about: Mapping[str, Any]) -> list[dict[str, Any]]:
    never, longest = unread
    rows = never.mappings(conn, limit=limit, **about)
    if len(rows) < limit:
        rows += longest.mappings(conn, limit=limit - len(rows), **about)
    return rows


def _when_read(row: dict[str, Any]) -> tuple[bool, datetime | None, int]:
    return row["read_at"] is not None, row["read_at"], row["id"]


def _named() -> Select[Any]:
    """Listings by their refs, on their own: SQLite would rather read all readable ones of a channel than look up a list of unknown length."""
    named = listings.alias("named")
    return select(named.c.id).where(named.c.channel_id == bindparam("channel"), one_of(named.c.ref, "refs"))


_NAMED = Spelt(_SHELVES.where(listings.c.id.in_(_named()), _READABLE))


def of_listings(conn: Connection, channel_id: int, refs: Sequence[str]) -> list[ShelfState]:
    """The shelves of these listings, by ref: what webhooks have named, whatever that is."""
    if not refs:
        return []  # asked every second: nearly always no webhook has named any
    return [_state(row) for row in _NAMED.mappings(conn, channel=channel_id, refs=bounds.findable(refs))]


def _state(row: dict[str, Any]) -> ShelfState:
    return ShelfState(row["id"], ShelfRef(row["ref"], row["location"]), row["book"], row["own_seq"], row["last_sent_at"])
