"""Readings: they detect gaps and resolve unknowns, and are never a base for arithmetic.

A book is replaced by a reading in one place only, a *closed bracket*: two equal readings around a pull of the shop's orders, nothing of ours in
flight, nothing of this shelf ingested in between. What then still differs is Drift, and the channel's policy decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from channelsync.ledger import adoption, book, edits, findings, guard_reading, levels, outbox
from channelsync.ledger.book import BookEntry
from channelsync.ledger.schema import attempts, listings, push_calls, shelves
from channelsync.ledger.spelt import Spelt
from channelsync.ledger.to_read import LEFT_BEHIND, ShelfState, with_its_attempt


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
        if row["gap"] and not gap:
            edits.settled(conn, row["channel_id"], row["sku_id"], _name(row), now)
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
        edits.settled(conn, row["channel_id"], row["sku_id"], _name(row), now)
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
    asked = _asked_as_before(row, rest, reading)
    outbox.close(conn, [row["attempt_id"]], "ok" if applied and (asked or not rest) else "bracketed", f"read back {reading}", now)
    outbox.end(conn, row["call_key"], now)
    if asked:
        book.move(conn, entries, now)
        return Closing.RESOLVED
    if rest:
        entries.append(BookEntry(row["id"], "rebase", rest, attempt_id=row["attempt_id"], note="resolved by reading"))
    book.replace(conn, row["id"], row["book"], reading, entries, now)
    _rebased(conn, item, row, changed=bool(rest), now=now)
    return Closing.RESOLVED


_VERIFIED = Spelt(_THIS.values(verify=False))


def _verified(conn: Connection, item: Bracket, row: dict[str, Any], reading: int, now: datetime) -> Closing:
    rest = reading - row["book"]
    if _asked_as_before(row, rest, reading):
        _VERIFIED.run(conn, shelf=row["id"])
        return Closing.RESOLVED
    if rest and reading != row["target"] and (other := _another_writer(conn, item, row, rest, now)) is not None:
        return _ask(conn, item, row, rest, other, now)
    book.replace(conn, row["id"], row["book"], reading, [BookEntry(row["id"], "rebase", rest, note=edits.VERIFIED)], now)
    _rebased(conn, item, row, changed=bool(rest), now=now)
    return Closing.RESOLVED


def _asked_as_before(row: dict[str, Any], rest: int, reading: int) -> bool:
    """Our write is there, on top of what a person was asked about and has not answered. One that shows what it should is no question any more."""
    return row["asked_at"] is not None and rest == row["gap"] and reading != row["target"]


def _drift(conn: Connection, item: Bracket, row: dict[str, Any], gap: int, now: datetime) -> Closing:
    policy = _policy(item, gap)
    other = _another_writer(conn, item, row, gap, now)
    guard_reading.looked(conn, row, row["book"] + gap, now)
    held = guard_reading.holds(conn, row, now) or other is not None
    if held or policy is EditPolicy.ASK or (policy is EditPolicy.ADOPT and not adoption.fits(conn, row["id"], gap)):
        return _ask(conn, item, row, gap, other, now)
    return settle_drift(conn, row["id"], gap, policy, item.shop_at, now)


def _policy(item: Bracket, gap: int) -> EditPolicy:
    return item.on_edit.lower if gap < 0 else item.on_edit.higher


def _another_writer(conn: Connection, item: Bracket, row: dict[str, Any], gap: int, now: datetime) -> edits.Edits | None:
    """A shop that is believed may say another number as often as it likes."""
    if _policy(item, gap) is EditPolicy.ADOPT:
        return None
    return edits.another_writer(conn, row, _name(row), row["book"] + gap, now)


def _ask(conn: Connection, item: Bracket, row: dict[str, Any], gap: int, other: edits.Edits | None, now: datetime) -> Closing:
    """Nothing is written over it until a person has answered; lowers go on, on top of it."""
    values = {
        "gap": gap,
        "gap_since": row["gap_since"] or now,
        "asked_at": row["asked_at"] or now,
        "asked_shop_at": item.shop_at,
        "retry_at": None,
        "verify": False,
    }
    conn.execute(update(shelves).where(shelves.c.id == row["id"]).values(**values))
    shows, policy = row["book"] + gap, _policy(item, gap)
    detail = {"shelf": _name(row), "book": row["book"], "shows": shows, "policy": policy.value}
    kind, found = (edits.DRIFT, detail) if other is None else (edits.FOREIGN, detail | other.detail() | {"id": row["id"]})
    findings.record(conn, kind, row["channel_id"], row["sku_id"], _name(row), found, now)
    return Closing.ASKED


def settle_drift(conn: Connection, shelf_id: int, gap: int, policy: EditPolicy, shop_at: datetime, now: datetime) -> Closing:
    """Overwrite (the book follows, the next push writes over it) or adopt (the ledger follows the shop). Also a person's answer to a question."""
    row = _lock(conn, shelf_id)
    reading = row["book"] + gap
    kind = "adopted" if policy is EditPolicy.ADOPT else "rebase"
    entries = adoption.adopt(conn, shelf_id, gap) if policy is EditPolicy.ADOPT else []
    book.replace(conn, shelf_id, row["book"], reading, [BookEntry(shelf_id, kind, gap, note=edits.EDITED)], now)
    _REBASED.run(conn, shelf=shelf_id, shop_at=shop_at)
    levels.post(conn, [replace(entry, channel_id=row["channel_id"]) for entry in entries], now)
    edits.settled(conn, row["channel_id"], row["sku_id"], _name(row), now)
    return Closing.ADOPTED if policy is EditPolicy.ADOPT else Closing.OVERWRITE


def _rebased(conn: Connection, item: Bracket, row: dict[str, Any], *, changed: bool, now: datetime) -> None:
    """The book was replaced, and whatever was asked about it is a question no more."""
    if changed:
        _REBASED.run(conn, shelf=item.before.id, shop_at=item.shop_at)
    if row["gap"]:
        edits.settled(conn, row["channel_id"], row["sku_id"], _name(row), now)


def _name(row: dict[str, Any]) -> str:
    return f"{row['ref']}@{row['location']}"


_LOCK = Spelt(select(shelves.c.id).where(shelves.c.id == bindparam("shelf")).with_for_update(key_share=True))
_LOCKED = Spelt(
    with_its_attempt(
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
    ).where(shelves.c.id == bindparam("shelf"))
)


def _lock(conn: Connection, shelf_id: int) -> dict[str, Any]:
    """The shelf with its listing and its open attempt, locked."""
    _LOCK.run(conn, shelf=shelf_id)
    (row,) = _LOCKED.mappings(conn, shelf=shelf_id)
    return row
