"""The outbox: differences on their way to the shops. Targets are state, so there is no queue of numbers; what is stored is one open attempt per shelf.

The protocol is the safe push: arm (compute and store), release (re-check in the step before the bytes leave), settle (`book += delta`, never
`book := target`). Attempts that travel together share a call; its key is the idempotency key and its list is frozen when it is first sent. What waits for
nothing in between begins as sent.

    armed --release--> sent --settle--> ok | stale | refused | not_sent | unknown --repeat/bracket--> ok | stale | bracketed
      `--withdrawn (no longer due, lease lost)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Connection, bindparam, delete, select

from channelsync.contract import Call, Carrier, ShelfRef, Write
from channelsync.ledger import guard, outbox_sql
from channelsync.ledger.differences import Difference, Look, difference
from channelsync.ledger.due import OPEN_STATES, about, sendable
from channelsync.ledger.schema import attempts, listings, push_calls, shelves
from channelsync.ledger.spelt import Spelt, one_of


class DueRaise(NamedTuple):
    """A shelf that was to be raised when every seller began to be looked at: its target then, and how often that had risen."""

    shelf: int
    target: int
    rises: int


@dataclass(frozen=True, slots=True)
class Arming:
    """What to arm. looks: fresh readings by shelf id, for carriers that need one (SET). avoid: channels whose lowers cannot go out now, so that nobody waits for them.

    seen: of a raise, the shelves that were due when every seller began to be looked at: one whose target has risen since waits for the next look. The
    number alone does not tell: it may have fallen and risen again by units that nobody has looked for. One that only fell need not wait, or a
    shelf that sells all the time would never be raised.
    """

    channel_id: int
    key: str
    raises: bool
    carrier: Carrier
    limit: int
    lease_version: int
    looks: tuple[tuple[int, Look], ...] = ()
    avoid: tuple[int, ...] = ()
    seen: tuple[DueRaise, ...] = ()


@dataclass(frozen=True, slots=True)
class OpenCall:
    """A stored call and what may still become of it."""

    call: Call
    raises: bool
    carrier: Carrier
    state: str
    first_sent_at: datetime | None
    last_sent_at: datetime | None
    complete: bool  # every attempt it was sent with is still open: only then may it be repeated
    sends: int = 0


# -- arm ---------------------------------------------------------------------------------------------------------------------------------------


def arm(conn: Connection, items: Sequence[Arming], now: datetime) -> list[Call | None]:
    """Compute the differences that are due and store them as attempts. None: nothing is due in that direction, or nothing may go."""
    return [_arm(conn, item, now, released=False) for item in items]


def arm_released(conn: Connection, item: Arming, now: datetime) -> Call | None:
    """`arm` and `release` of what waits for nothing in between: in one transaction the second would find what the first has just stored and locked."""
    return _arm(conn, item, now, released=True)


def _arm(conn: Connection, item: Arming, now: datetime, *, released: bool) -> Call | None:
    """Whether anything may go is asked once more when all is computed: to wait for locked shelves, and to judge what is due, may have taken a while."""
    if not _may_go(conn, item):
        return None
    chosen = _changes(conn, item, now)
    if not chosen or guard.stops(conn, item.channel_id, now) or not _may_go(conn, item):
        return None
    outbox_sql.NEW_CALL.run(conn, [_call_row(item, now, released=released)])
    state, writes, rows = "sent" if released else "armed", list[Write](), list[dict[str, object]]()
    for position, (row, change) in enumerate(chosen):
        write = Write(f"{item.key}.{position}", ShelfRef(row["ref"], row["location"]), change.value, change.compare, change.delta)
        writes.append(write)
        rows.append(_attempt_row(item.key, position, row, write, change, state, now))
    outbox_sql.NEW_ATTEMPTS.run(conn, rows)
    guard.mark(conn, item.channel_id, [row for row, _ in chosen], now)
    return Call(item.key, tuple(writes))


def _may_go(conn: Connection, item: Arming) -> bool:
    return not is_paused(conn, item.channel_id) and holds_lease(conn, item.channel_id, item.lease_version)


def _changes(conn: Connection, item: Arming, now: datetime) -> list[tuple[dict[str, Any], Difference]]:
    looks, seen = dict(item.looks), {each.shelf: each.rises for each in item.seen}
    chosen: list[tuple[dict[str, Any], Difference]] = []
    for row in _due(conn, item, now):
        change = difference(
            item.carrier,
            target=row["target"],
            book=row["book"],
            gap=row["gap"],
            verify=bool(row["verify"]),
            own_seq=row["own_seq"],
            look=looks.get(row["id"]),
        )
        if item.raises and row["rises"] != seen[row["id"]]:
            continue
        if change is not None and (change.delta > 0) == item.raises:
            chosen.append((row, change))
    return chosen


def _due(conn: Connection, item: Arming, now: datetime) -> list[dict[str, Any]]:
    """The scarcest first."""
    absolute = item.carrier is Carrier.SET
    named = {"looked_at": [shelf_id for shelf_id, _ in item.looks]} if absolute else {}
    named |= {"seen": [each.shelf for each in item.seen]} if item.raises else {}
    query = _due_query(raises=item.raises, absolute=absolute)
    return query.mappings(conn, **about(item.channel_id, item.avoid, now), **named, at_most=item.limit)


_ASKED = tuple(shelves.c[name] for name in ("id", "location", "target", "book", "gap", "verify", "own_seq", "version", "rises"))
"""Its dates are not needed here, and each takes a while to understand."""


@cache
def _due_query(*, raises: bool, absolute: bool) -> Spelt:
    wanted = sendable(raises=raises, absolute=absolute)
    if absolute:
        wanted.append(one_of(shelves.c.id, "looked_at"))
    if raises:
        wanted.append(one_of(shelves.c.id, "seen"))
    query = select(*_ASKED, listings.c.ref).join(listings, listings.c.id == shelves.c.listing_id).where(*wanted)
    query = query.order_by(shelves.c.target, shelves.c.id).limit(bindparam("at_most", type_=BigInteger))
    return Spelt(query.with_for_update(of=shelves, key_share=True))


def _call_row(item: Arming, now: datetime, *, released: bool) -> dict[str, object]:
    return {
        "key": item.key,
        "channel_id": item.channel_id,
        "raises": item.raises,
        "carrier": item.carrier.value,
        "state": "sent" if released else "armed",
        "lease_version": item.lease_version,
        "created_at": now,
        "first_sent_at": now if released else None,
        "last_sent_at": now if released else None,
        "sends": 1 if released else 0,
    }


def _attempt_row(
    key: str, position: int, shelf: Mapping[str, Any], write: Write, change: Difference, state: str, now: datetime
) -> dict[str, object]:
    return {
        "id": write.id,
        "call_key": key,
        "position": position,
        "shelf_id": shelf["id"],
        "target": change.target,
        "book_at": change.book,
        "delta": change.delta,
        "value": change.value,
        "compare": change.compare,
        "version": shelf["version"],
        "state": state,
        "created_at": now,
    }


# -- release -----------------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Release:
    """repeat: the call was sent before and is to be sent again, identically; then it is released whole or not at all."""

    key: str
    lease_version: int
    repeat: bool = False


def release(conn: Connection, items: Sequence[Release], now: datetime) -> list[Call | None]:
    """The last look before the bytes leave. None: nothing of the call may be sent (withdrawn, lease lost, the channel paused meanwhile, or a
    repeat that is no longer due).
    """
    return [_release(conn, item, now) for item in items]


def _release(conn: Connection, item: Release, now: datetime) -> Call | None:
    [call] = outbox_sql.CALL.mappings(conn, call=item.key)
    if not holds_lease(conn, call["channel_id"], item.lease_version):
        return None
    if call["state"] not in (("sent", "unknown") if item.repeat else ("armed",)):
        return None
    if is_paused(conn, call["channel_id"]):
        if not item.repeat:
            withdraw(conn, [Withdrawal(item.key)], now)
        return None
    rows = open_rows(conn, item.key)
    checked = call["raises"] or call["carrier"] == Carrier.SET
    stale = [row for row in rows if row["frozen"] or (checked and (row["now_target"] is None or row["now_target"] < row["target"]))]
    if item.repeat and (stale or len(rows) < _sent_with(conn, item.key)):
        return None  # identically or not at all: a bracket may have closed a part of it meanwhile
    if stale:
        close(conn, [row["id"] for row in stale], "withdrawn", "no longer due", now)
        rows = [row for row in rows if row not in stale]
    if not rows:
        end(conn, item.key, now)
        return None
    outbox_sql.SENT.run(conn, ids=[row["id"] for row in rows])
    outbox_sql.CALL_SENT.run(conn, call=item.key, first=call["first_sent_at"] or now, last=now, lease=item.lease_version)
    return Call(item.key, tuple(_write(row) for row in rows))


def _sent_with(conn: Connection, key: str) -> int:
    """How many attempts a call was sent with."""
    return int(outbox_sql.SENT_WITH.scalar(conn, call=key))


def _write(row: Mapping[str, Any]) -> Write:
    return Write(row["id"], ShelfRef(row["ref"], row["location"]), row["value"], row["compare"], row["delta"])


def open_rows(conn: Connection, key: str) -> list[dict[str, Any]]:
    """The attempts of a call whose outcome is not known yet, in their order, with their shelves, locked."""
    return sorted(outbox_sql.OPEN_ROWS.mappings(conn, call=key), key=itemgetter("position"))


# -- what the settling half needs too --------------------------------------------------------------------------------------------------------


def holds_lease(conn: Connection, channel_id: int, version: int) -> bool:
    return bool(outbox_sql.LEASE_VERSION.scalar(conn, channel=channel_id) == version)


def is_paused(conn: Connection, channel_id: int) -> bool:
    """Whoever pauses a channel stops it here, between two steps of a round, not at the round's end."""
    return outbox_sql.PAUSED_AT.scalar(conn, channel=channel_id) is not None


def close(conn: Connection, ids: Sequence[str], state: str, reason: str, now: datetime) -> None:
    """End attempts without an effect on any book."""
    if ids:
        outbox_sql.CLOSED.run(conn, ids=ids, to=state, why=reason, at=now)


def end(conn: Connection, key: str, now: datetime) -> None:
    """A call is settled when none of its attempts is open."""
    outbox_sql.ENDED.run(conn, call=key, at=now)


# -- what is open ----------------------------------------------------------------------------------------------------------------------------------


def open_calls(conn: Connection, channel_id: int) -> list[OpenCall]:
    """Calls of a channel that are not settled, oldest first: what a new holder or a restarted daemon starts with."""
    query = (
        select(push_calls).where(push_calls.c.channel_id == channel_id, push_calls.c.state != "settled").order_by(push_calls.c.created_at)
    )
    return [_open_call(conn, dict(row)) for row in conn.execute(query).mappings()]


def _open_call(conn: Connection, row: Mapping[str, Any]) -> OpenCall:
    query = (
        select(attempts, shelves.c.location, listings.c.ref)
        .join(shelves, shelves.c.id == attempts.c.shelf_id)
        .join(listings, listings.c.id == shelves.c.listing_id)
        .where(attempts.c.call_key == row["key"], attempts.c.state.in_(OPEN_STATES))
        .order_by(attempts.c.position)
    )
    writes = tuple(_write(dict(attempt)) for attempt in conn.execute(query).mappings())
    complete = _sent_with(conn, row["key"]) == len(writes)
    return OpenCall(
        Call(row["key"], writes),
        row["raises"],
        Carrier(row["carrier"]),
        row["state"],
        row["first_sent_at"],
        row["last_sent_at"],
        complete,
        row["sends"],
    )


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """Give up a call that was armed and never released (a crash fell between): nothing of it can be on the wire."""

    key: str


def withdraw(conn: Connection, items: Sequence[Withdrawal], now: datetime) -> list[None]:
    for item in items:
        ids = conn.scalars(select(attempts.c.id).where(attempts.c.call_key == item.key, attempts.c.state == "armed")).all()
        close(conn, ids, "withdrawn", "never sent", now)
        end(conn, item.key, now)
    return [None for _ in items]


def purge(conn: Connection, before: datetime, limit: int) -> int:
    """Forget calls that were settled before that, with their attempts, at most `limit`. Returns how many."""
    old = select(push_calls.c.key).where(push_calls.c.state == "settled", push_calls.c.settled_at < before)
    keys = conn.scalars(old.order_by(push_calls.c.settled_at).limit(limit)).all()
    if keys:
        conn.execute(delete(attempts).where(attempts.c.call_key.in_(keys)))
        conn.execute(delete(push_calls).where(push_calls.c.key.in_(keys)))
    return len(keys)
