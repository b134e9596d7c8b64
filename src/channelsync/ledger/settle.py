"""What became of a call: every answer moves the book by its attempt's own difference, or leaves the attempt open as unknown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from channelsync.contract import Outcome, WriteResult
from channelsync.ledger import aside, book, fitting, guard, outbox, outbox_sql
from channelsync.ledger.book import BookEntry
from channelsync.ledger.many import update_many
from channelsync.ledger.schema import attempts, shelves
from channelsync.ledger.spelt import Spelt, one_of


@dataclass(frozen=True, slots=True)
class Settlement:
    """The answers to a released call. A write without a result is unknown.

    atomic: False if another writer could slip inside the write: it must be verified. visible: False if an OK only means "accepted".
    """

    key: str
    lease_version: int
    results: tuple[WriteResult, ...]
    atomic: bool = True
    visible: bool = True
    retry_after: timedelta = timedelta(seconds=5)  # after STALE, or where the whole call was not sent: nothing is lost; do not spin


@dataclass(frozen=True, slots=True)
class Settled:
    """fenced: somebody else holds the channel now; nothing was changed. stale: shelves to be read next."""

    fenced: bool = False
    ok: int = 0
    unknown: int = 0
    not_sent: int = 0
    stale: tuple[int, ...] = ()
    refused: tuple[int, ...] = ()


def settle(conn: Connection, items: Sequence[Settlement], now: datetime) -> list[Settled]:
    return [_settle(conn, item, now) for item in items]


def _settle(conn: Connection, item: Settlement, now: datetime) -> Settled:
    [call] = outbox_sql.CALL.mappings(conn, call=item.key)
    if not outbox.holds_lease(conn, call["channel_id"], item.lease_version) or call["lease_version"] != item.lease_version:
        return Settled(fenced=True)
    answers = {result.id: result for result in item.results}
    ok: list[BookEntry] = []
    outcome: dict[Outcome, list[dict[str, Any]]] = {kind: [] for kind in Outcome}
    notes: list[dict[str, Any]] = []
    for row in outbox.open_rows(conn, item.key):
        answer = answers.get(row["id"]) or WriteResult(row["id"], Outcome.UNKNOWN, "no answer for this write")
        accepted = answer.outcome is Outcome.OK and not item.visible
        kind = Outcome.UNKNOWN if accepted or _was_in_vain(answer, call) else answer.outcome
        outcome[kind].append(row)
        notes.append(_note(row["id"], kind, answer, now, accepted=accepted))
        if kind is Outcome.OK:
            ok.append(BookEntry(row["shelf_id"], "write", row["delta"], attempt_id=row["id"]))
    if notes:
        _NOTE.run(conn, notes)
    book.move(conn, ok, now)
    guard.shown(conn, [entry.shelf_id for entry in ok])
    if not item.atomic:
        _verify(conn, [row["shelf_id"] for row in outcome[Outcome.OK]])
    _retry_later(conn, [row["shelf_id"] for row in _no_wiser(conn, outcome)], now + item.retry_after)
    for row in outcome[Outcome.REFUSED]:
        _set_aside(conn, call["channel_id"], row, answers[row["id"]].reason, now)
    _close_call(conn, item.key, unknown=bool(outcome[Outcome.UNKNOWN]), now=now)
    return Settled(
        ok=len(ok),
        unknown=len(outcome[Outcome.UNKNOWN]),
        not_sent=len(outcome[Outcome.NOT_SENT]),
        stale=tuple(row["shelf_id"] for row in outcome[Outcome.STALE]),
        refused=tuple(row["shelf_id"] for row in outcome[Outcome.REFUSED]),
    )


def _was_in_vain(answer: WriteResult, call: Mapping[str, Any]) -> bool:
    """A repeat that was not sent: it says nothing about the sending before it, whose effect is as unknown as it was."""
    return answer.outcome is Outcome.NOT_SENT and int(call["sends"]) > 1


def _no_wiser(conn: Connection, outcome: Mapping[Outcome, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Writes that would go out again just as they were: called stale twice from the number we still expect, or nothing was sent at all."""
    stale = [row for row in outcome[Outcome.STALE] if row["compare"] == row["now_base"] and _was_stale_before(conn, row)]
    decided = any(outcome[kind] for kind in (Outcome.OK, Outcome.STALE, Outcome.REFUSED))
    return stale if decided else outcome[Outcome.NOT_SENT]


def _was_stale_before(conn: Connection, row: Mapping[str, Any]) -> bool:
    query = select(attempts.c.state, attempts.c["compare"].label("from_number")).where(
        attempts.c.shelf_id == row["shelf_id"], attempts.c.id != row["id"]
    )
    before = conn.execute(query.order_by(attempts.c.created_at.desc()).limit(1)).first()
    return before is not None and (before.state, before.from_number) == ("stale", row["compare"])


_STATE = {
    Outcome.OK: "ok",
    Outcome.STALE: "stale",
    Outcome.REFUSED: "refused",
    Outcome.NOT_SENT: "not_sent",
    Outcome.UNKNOWN: "unknown",
}


_NOTED = ("state", "reason", "shows", "accepted", "settled_at")
_NOTE = update_many(
    attempts,
    {"_id": attempts.c.id},
    {f"_{name}": attempts.c[name].type for name in _NOTED},
    lambda row: {name: row[f"_{name}"] for name in _NOTED},
)


def _note(attempt_id: str, kind: Outcome, answer: WriteResult, now: datetime, *, accepted: bool) -> dict[str, Any]:
    """What `_NOTE` writes to one attempt."""
    return {
        "_id": attempt_id,
        "_state": _STATE[kind],
        "_reason": fitting.storable(answer.reason)[:500],
        "_shows": answer.shows,
        "_accepted": accepted,
        "_settled_at": None if kind is Outcome.UNKNOWN else now,
    }


_VERIFY = Spelt(update(shelves).where(one_of(shelves.c.id, "those")).values(verify=True))
_RETRY = Spelt(update(shelves).where(one_of(shelves.c.id, "those")).values(retry_at=bindparam("at")))


def _verify(conn: Connection, shelf_ids: Sequence[int]) -> None:
    if shelf_ids:
        _VERIFY.run(conn, those=shelf_ids)


def _retry_later(conn: Connection, shelf_ids: Sequence[int], at: datetime) -> None:
    if shelf_ids:
        _RETRY.run(conn, those=shelf_ids, at=at)


def _set_aside(conn: Connection, channel_id: int, row: dict[str, Any], reason: str, now: datetime) -> None:
    """A permanent refusal: no write until a person or a changed listing takes it back. The sweep still reads it."""
    conn.execute(update(shelves).where(shelves.c.id == row["shelf_id"]).values(aside_at=now, aside_reason=fitting.storable(reason)))
    aside.put(conn, channel_id, "shelf", f"{row['ref']}@{row['location']}", reason, str(row["value"]), now)


def _close_call(conn: Connection, key: str, *, unknown: bool, now: datetime) -> None:
    if unknown:
        outbox_sql.UNKNOWN.run(conn, call=key)
    else:
        outbox.end(conn, key, now)
