"""Reading a log in pages, and what each row must be by itself: the next one, from a time that has been."""

# ruff: noqa: S608  (queries are composed of this package's own constants, never of anything from outside)
from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, text

from channelsync.ledger.verifier.found import Mismatches

PAGE: Final = 5_000
FIRST: Final = -(2**63)
Row = Sequence[Any]
"""id first, the time of recording last."""

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
EARLIEST: Final = datetime(2015, 1, 1, tzinfo=UTC)
AHEAD: Final = timedelta(minutes=10)
"""As far as the clock of another node may be ahead of ours."""


def pages(conn: Connection, table: str, columns: Sequence[str]) -> Iterator[Sequence[Row]]:
    """The rows in the order of their ids, which come first in `columns`."""
    query = text(f"SELECT {', '.join(columns)} FROM {table} WHERE id > :after ORDER BY id LIMIT {PAGE}")
    after = FIRST
    while page := conn.execute(query, {"after": after}).all():
        yield page
        after = page[-1][0]


class RowChecks:
    """On SQLite one row follows the other without a gap: ids are given at the commit of the only writer. PostgreSQL's sequences leave
    gaps wherever a transaction was undone, so there only the chain can tell that a row is missing.
    """

    def __init__(self, conn: Connection, table: str, now: datetime, found: Mismatches) -> None:
        self._table, self._found = table, found
        self._gapless, self._next = conn.dialect.name == "sqlite", 1
        self._earliest, self._latest = _stored(EARLIEST), _stored(now + AHEAD)

    def take(self, row: Row) -> None:
        id_, recorded = row[0], row[-1]
        if self._gapless and id_ != self._next:
            self._found.add("ids", f"{self._table}, before row {id_}", f"row {self._next}", f"row {id_}")
        self._next = id_ + 1
        if not self._earliest <= recorded <= self._latest:
            self._found.add("times", f"{self._table}, row {id_}", "recorded in the past", _told(recorded))


def _stored(at: datetime) -> int:
    return (at - EPOCH) // timedelta(microseconds=1)


def _told(recorded: int) -> str:
    try:
        return (EPOCH + timedelta(microseconds=recorded)).isoformat()
    except OverflowError:
        return str(recorded)
