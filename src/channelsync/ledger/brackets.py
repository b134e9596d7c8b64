"""Readings: they detect gaps and resolve unknowns, and are never a base for arithmetic.

A book is replaced by a reading in one place only, a *closed bracket*: two equal readings around a pull of the shop's orders, nothing of ours in
flight, nothing of this shelf ingested in between. What then still differs is Drift, and the channel's policy decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, CompoundSelect, Connection, Integer, Select, and_, bindparam, or_, select, text, union_all, update

from channelsync.contract import ShelfRef
from channelsync.ledger import adoption, book, bounds, findings, guard_reading, levels, outbox
from channelsync.ledger.book import BookEntry
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


class EditPolicy(StrEnum):
    OVERWRITE = "overwrite"
    ADOPT = "adopt"
    ASK = "ask"


@dataclass(frozen=True, slots=True)
class OnEdit:
    """What a drift means: the shop shows less (lower) or more (higher) than orders and our writes explain."""

    lower: EditPolicy = EditPolicy.ASK
    higher: EditPolicy = EditPolicy.OVERWRITE


@dataclass(frozen=True, slots=True)
class Seen:
    """One reading of one shelf, with the state from before it was asked for. shows None: the shop does not count it."""

    before: ShelfState
    shows: int | None


class Found(StrEnum):
    EVEN = "even"  # the reading is the book
    GAP = "gap"  # it is not; suspended
    BUSY = "busy"  # an attempt of ours is open: the reading says nothing
    UNCOUNTED = "uncounted"


def note_readings(conn: Connection, items: Sequence[Seen], now: datetime) -> list[Found]:
    """Single readings (after STALE, by the sweep, from a webhook): keep them, and suspend what does not fit. Books do not move."""
    return [_note(conn, item, now) for item in items]


_THIS = update(shelves).where(shelves.c.id == bindparam("shelf"))
_GAP = ("gap", "gap_since", "asked_at", "retry_at")
_NOTE = Spelt(_THIS.values({name: bindparam(name) for name in ("reading", "read_at", *_GAP)}))


def _note(conn: Connection, item: Seen, now: datetime) -> Found:
    row = _lock(conn, item.before.id)
    values = {"reading": item.shows, "read_at": now, **{name: row[name] for name in _GAP}}
    found = Found.EVEN
    if item.shows is None:
        found = Found.UNCOUNTED
    elif row["open_state"] or row["verify"]:
        found = Found.BUSY
    elif row["book"] is not None:
        gap = unexplained(item.shows, item.before.book, row["book"])
        found = Found.GAP if gap else Found.EVEN
        values |= {"gap": gap, "gap_since": (row["gap_since"] or now) if gap else None}
        if gap != row["gap"]:
            values |= {"retry_at": None, "asked_at": None}  # a write can fit now; and what a person was asked was another question
        if row["asked_at"] is not None and not gap:
            findings.resolve(conn, "drift", row["channel_id"], row["sku_id"], _name(row), now)
    _NOTE.run(conn, shelf=item.before.id, **values)
    if found is not Found.BUSY:
        guard_reading.looked(conn, row, item.shows, now)
    return found


def unexplained(shows: int, book_before: int | None, book_now: int) -> int:
    """How far a reading lies outside what the book was while it was taken (orders may have been ingested meanwhile)."""
    low, high = (
        min(book_before if book_before is not None else book_now, book_now),
        max(book_before if book_before is not None else book_now, book_now),
    )
    if low <= shows <= high:
        return 0
    return shows - (low if shows < low else high)


# -- closing a bracket ---------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Bracket:
    """Two readings of one shelf. first_at: our clock before the first was asked for; shop_at: the shop's clock when it answered the first.

    drains_within: how long an unanswered write may still take effect. decision: a person's answer to a suspended gap, else the policy decides.
    """

    before: ShelfState
    first: int | None
    second: int | None
    first_at: datetime
    shop_at: datetime
    on_edit: OnEdit
    drains_within: timedelta
    lease_version: int


class Closing(StrEnum):
    OPEN = "open"  # not closed: something moved
    EVEN = "even"
    OPENED = "opened"
    RESOLVED = "resolved"  # an unknown outcome or a verification is settled
    OVERWRITE = "overwrite"
    ADOPTED = "adopted"
    ASKED = "asked"


def close(conn: Connection, items: Sequence[Bracket], now: datetime) -> list[Closing]:
    return [_close(conn, item, now) for item in items]


_READ = Spelt(_THIS.values(reading=bindparam("reading"), read_at=bindparam("read_at")))
_EVEN = Spelt(_THIS.values(gap=0, gap_since=None, asked_at=None, retry_at=None))
_REBASED = Spelt(_THIS.values(rebased_at=bindparam("shop_at")))


def _close(conn: Connection, item: Bracket, now: datetime) -> Closing:
    row = _lock(conn, item.before.id)
    _READ.run(conn, shelf=item.before.id, reading=item.second, read_at=now)
    if item.second is None or not _quiet(conn, item, row):
        return Closing.OPEN
    reading = item.second
    if row["book"] is None:
        return _open_book(conn, item, reading, now)
    if row["open_state"]:
        return _resolve_attempt(conn, item, row, reading, now)
    if row["verify"]:
        return _verified(conn, item, row, reading, now)
    gap = reading - row["book"]
    if gap == 0:
        _EVEN.run(conn, shelf=row["id"])
        findings.resolve(conn, "drift", row["channel_id"], row["sku_id"], _name(row), now)
        return Closing.EVEN
    return _drift(conn, item, row, gap, now)


def _quiet(conn: Connection, item: Bracket, row: dict[str, Any]) -> bool:
    if item.first != item.second or row["own_seq"] != item.before.own_seq or row["book"] != item.before.book:
        return False
    if not outbox.holds_lease(conn, row["channel_id"], item.lease_version):
        return False
    if row["open_state"] is None:
        return True
    if row["open_state"] == "armed" or row["last_sent_at"] is None:
        return False
    return _drained(item, row) or _has_landed(item, row)


def _drained(item: Bracket, row: dict[str, Any]) -> bool:
    """Whatever was sent has taken effect by now, or never will."""
    return bool(row["last_sent_at"] + item.drains_within <= item.first_at or row["last_sent_at"] > item.first_at + LEFT_BEHIND)


def _has_landed(item: Bracket, row: dict[str, Any]) -> bool:
    """A write that the shop has accepted is there as soon as a closed bracket shows it: no sale can look like it, every one before the first
    reading is known. That it is not there proves nothing before it has drained, and a number read before it left shows something else.
    """
    shows = item.second == row["book"] + row["gap"] + row["delta"]
    return bool(row["accepted"]) and shows and bool(row["last_sent_at"] <= item.first_at)


def _open_book(conn: Connection, item: Bracket, reading: int, now: datetime) -> Closing:
    book.replace(conn, item.before.id, None, reading, [BookEntry(item.before.id, "opening", reading)], now)
    _REBASED.run(conn, shelf=item.before.id, shop_at=item.shop_at)
    return Closing.OPENED


def _resolve_attempt(conn: Connection, item: Bracket, row: dict[str, Any], reading: int, now: datetime) -> Closing:
    """The outcome is judged by differences (book, or book + delta), because the book has moved since; what is left over is our own doing too."""
    base, delta = row["book"] + row["gap"], row["delta"]
    applied = abs(reading - (base + delta)) < abs(reading - base)
    entries = [BookEntry(row["id"], "write", delta, attempt_id=row["attempt_id"])] if applied else []
    rest = reading - row["book"] - (delta if applied else 0)
    if rest:
        entries.append(BookEntry(row["id"], "rebase", rest, attempt_id=row["attempt_id"], note="resolved by reading"))
    outbox.close(conn, [row["attempt_id"]], "ok" if applied and not rest else "bracketed", f"read back {reading}", now)
    outbox.end(conn, row["call_key"], now)
    book.replace(conn, row["id"], row["book"], reading, entries, now)
    _rebased(conn, item, changed=bool(rest))
    return Closing.RESOLVED


def _verified(conn: Connection, item: Bracket, row: dict[str, Any], reading: int, now: datetime) -> Closing:
    rest = reading - row["book"]
    book.replace(conn, row["id"], row["book"], reading, [BookEntry(row["id"], "rebase", rest, note="verified after a write")], now)
    _rebased(conn, item, changed=bool(rest))
    return Closing.RESOLVED


def _drift(conn: Connection, item: Bracket, row: dict[str, Any], gap: int, now: datetime) -> Closing:
    policy = item.on_edit.lower if gap < 0 else item.on_edit.higher
    detail = {"shelf": _name(row), "book": row["book"], "shows": row["book"] + gap, "policy": policy.value}
    guard_reading.looked(conn, row, row["book"] + gap, now)
    if guard_reading.holds(conn, row, now):
        policy = EditPolicy.ASK
    if policy is EditPolicy.ASK or (policy is EditPolicy.ADOPT and not adoption.fits(conn, row["id"], gap)):
        values = {
            "gap": gap,
            "gap_since": row["gap_since"] or now,
            "asked_at": row["asked_at"] or now,
            "asked_shop_at": item.shop_at,
            "retry_at": None,
        }
        conn.execute(update(shelves).where(shelves.c.id == row["id"]).values(**values))
        findings.record(conn, "drift", row["channel_id"], row["sku_id"], _name(row), detail, now)
        return Closing.ASKED
    return settle_drift(conn, row["id"], gap, policy, item.shop_at, now)


def settle_drift(conn: Connection, shelf_id: int, gap: int, policy: EditPolicy, shop_at: datetime, now: datetime) -> Closing:
    """Overwrite (the book follows, the next push writes over it) or adopt (the ledger follows the shop). Also a person's answer to a question."""
    row = _lock(conn, shelf_id)
    reading = row["book"] + gap
    kind = "adopted" if policy is EditPolicy.ADOPT else "rebase"
    entries = adoption.adopt(conn, shelf_id, gap) if policy is EditPolicy.ADOPT else []
    book.replace(conn, shelf_id, row["book"], reading, [BookEntry(shelf_id, kind, gap, note="edited in the shop")], now)
    _REBASED.run(conn, shelf=shelf_id, shop_at=shop_at)
    levels.post(conn, [replace(entry, channel_id=row["channel_id"]) for entry in entries], now)
    findings.resolve(conn, "drift", row["channel_id"], row["sku_id"], _name(row), now)
    return Closing.ADOPTED if policy is EditPolicy.ADOPT else Closing.OVERWRITE


def _rebased(conn: Connection, item: Bracket, *, changed: bool) -> None:
    if changed:
        _REBASED.run(conn, shelf=item.before.id, shop_at=item.shop_at)


def _name(row: dict[str, Any]) -> str:
    return f"{row['ref']}@{row['location']}"


# -- which shelves to look at ----------------------------------------------------------------------------------------------------------------------


_OPEN = and_(attempts.c.shelf_id == shelves.c.id, attempts.c.state.in_(OPEN_STATES))
_SHELVES = (
    select(
        shelves.c.id,
        shelves.c.book,
        shelves.c.own_seq,
        shelves.c.location,
        shelves.c.read_at,
        listings.c.ref,
        push_calls.c.last_sent_at,
    )
    .join(listings, listings.c.id == shelves.c.listing_id)
    .outerjoin(attempts, _OPEN)
    .outerjoin(push_calls, push_calls.c.key == attempts.c.call_key)
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


_LOCK = Spelt(select(shelves.c.id).where(shelves.c.id == bindparam("shelf")).with_for_update(key_share=True))
_LOCKED = Spelt(
    select(
        shelves,
        listings.c.ref,
        listings.c.sku_id,
        attempts.c.id.label("attempt_id"),
        attempts.c.state.label("open_state"),
        attempts.c.delta,
        attempts.c.accepted,
        attempts.c.call_key,
        push_calls.c.last_sent_at,
    )
    .join(listings, listings.c.id == shelves.c.listing_id)
    .outerjoin(attempts, _OPEN)
    .outerjoin(push_calls, push_calls.c.key == attempts.c.call_key)
    .where(shelves.c.id == bindparam("shelf"))
)


def _lock(conn: Connection, shelf_id: int) -> dict[str, Any]:
    """The shelf with its listing and its open attempt, locked."""
    _LOCK.run(conn, shelf=shelf_id)
    (row,) = _LOCKED.mappings(conn, shelf=shelf_id)
    return row
