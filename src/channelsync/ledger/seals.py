"""Sealing the two logs: a seal covers the rows after the one before, up to a row that nothing can come before any more, and is bound to that seal.

How a seal is made is told in docs/decisions/0014-the-log-is-sealed.md. `ledger.verifier` holds the log against its seals by code of its own.
"""

# ruff: noqa: S608  (queries are composed of this module's own constants, never of anything from outside)
from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, select, text
from sqlalchemy.exc import DBAPIError

from channelsync.ledger.dialects import insert_into
from channelsync.ledger.schema import seals
from channelsync.ledger.types import Utc

FORM: Final = 1
LOGS: Final = {
    "movements": "id, sku_id, location_id, type, on_hand, soft, hard, incoming, quarantined, damaged, pending_debit, held_elsewhere, "
    "reference, reason, actor, channel_id, occurred_at, recorded_at",
    "book_entries": "id, shelf_id, kind, delta, attempt_id, order_id, note, at",
}
"""What form 1 seals of a row. A column that comes later is sealed by a form of its own; what was sealed stays as it was."""

NOTHING: Final = "0" * 64
"""What the first seal is bound to."""

MARK_BYTES: Final = 4
LOCK_TRIES: Final = 50
_LOCK_NOT_AVAILABLE: Final = "55P03"


@dataclass(frozen=True, slots=True)
class Seal:
    """limit: rows of each log at most, so that nobody waits long for the writer."""

    limit: int


@dataclass(frozen=True, slots=True)
class Sealed:
    """One new seal. Its hash, noted somewhere else, proves later that nothing up to this row has changed since."""

    log: str
    upto: int
    entries: int
    hash: str


def seal(conn: Connection, items: Sequence[Seal], now: datetime) -> list[tuple[Sealed, ...]]:
    """Seal what came since the last seals. A log that others write to at this very moment is left for the next time."""
    return [tuple(made for log in LOGS if (made := _seal(conn, log, item.limit, now)) is not None) for item in items]


def _seal(conn: Connection, log: str, limit: int, now: datetime) -> Sealed | None:
    boundary = _complete_up_to(conn, log)
    last = conn.execute(select(seals.c.upto_id, seals.c.hash).where(seals.c.log == log).order_by(seals.c.after_id.desc()).limit(1)).first()
    after, previous = (last.upto_id, last.hash) if last else (0, NOTHING)
    if boundary is None or boundary <= after:
        return None
    query = text(f"SELECT {LOGS[log]} FROM {log} WHERE id > :after AND id <= :boundary ORDER BY id LIMIT :limit")
    rows = conn.execute(query, {"after": after, "boundary": boundary, "limit": limit}).all()
    if not rows:
        return None
    digests = [hashlib.sha256(_line(tuple(row))).digest() for row in rows]
    head = ("channelsync", FORM, log, after, rows[-1][0], len(rows), Utc().process_bind_param(now, conn.dialect), previous)
    made = Sealed(log, rows[-1][0], len(rows), hashlib.sha256(_line(head) + b"".join(digests)).hexdigest())
    values = {
        "log": log,
        "form": FORM,
        "after_id": after,
        "upto_id": made.upto,
        "entries": made.entries,
        "marks": b"".join(digest[:MARK_BYTES] for digest in digests),
        "previous": previous,
        "hash": made.hash,
        "sealed_at": now,
    }
    stored = conn.execute(insert_into(conn, seals).values(values).on_conflict_do_nothing().returning(seals.c.id)).first()
    return made if stored else None  # otherwise another node has sealed these rows in this moment


def _line(values: tuple[Any, ...]) -> bytes:
    return (json.dumps(values, separators=(",", ":")) + "\n").encode()


def _complete_up_to(conn: Connection, log: str) -> int | None:
    """The last row that no row with a smaller id can follow. None: that cannot be told now.

    SQLite has one writer, and we are it. PostgreSQL gives ids before the commit: a row may appear after one with a larger id, however long ago
    that was written. So we ask under a lock that no writer of the log shares: whoever holds an id that is not committed holds the table too.
    It is never waited for, and given back with its savepoint before anything is read or computed, so writers do not wait for us either.
    """
    newest = text(f"SELECT MAX(id) FROM {log}")
    if conn.dialect.name == "sqlite":
        found: int | None = conn.scalar(newest)
        return found
    for _ in range(LOCK_TRIES):
        try:
            with conn.begin_nested() as savepoint:
                conn.exec_driver_sql(f"LOCK TABLE {log} IN SHARE MODE NOWAIT")
                found = conn.scalar(newest)
                savepoint.rollback()
                return found
        except DBAPIError as problem:
            if getattr(problem.orig, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
                raise
    return None
