"""Every place in one daemon's life at which it can be hit, numbered, and what happens at one of them: it dies there, or what it uses fails there.

Places are numbered in order from 1. A world is the same until the place that fails, so a run in which nothing fails says how many there are.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from typing import Any

import httpx
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import OperationalError

from channelsync.ledger.group import CommitUnknown


class Kind(StrEnum):
    """death: the process is gone. error: a call of the database or a request fails, and the daemon goes on. locked: the database has the
    transaction run again, of which nobody hears.
    """

    DEATH = "death"
    ERROR = "error"
    LOCKED = "locked"


class Place(StrEnum):
    """Where: on either side of a call of the ledger, at each statement of it and at its commit, on either side of a request, before a sleep."""

    CALL = "before a call of the ledger"
    STATEMENT = "at a statement of a transaction"
    COMMIT = "at the commit"
    STORED = "after the commit, before the answer"
    READING = "at a statement that reads"
    READ = "after a reading"
    REQUEST = "before a request"
    ANSWER = "after a request, before the answer"
    SLEEP = "before a sleep"


ERRORS: Mapping[Place, Callable[[], Exception]] = {
    Place.STORED: lambda: CommitUnknown("the connection broke during the commit, so it may or may not be stored"),
    Place.REQUEST: lambda: httpx.ConnectError("connection refused"),
    Place.ANSWER: lambda: httpx.ReadError("connection reset"),
}
"""What a daemon that lives on is told. In a transaction it is the database's own error, at each statement from there to the end of the call."""

_OVERHEAD: Mapping[Kind, tuple[str, ...]] = {Kind.DEATH: ("PRAGMA", "BEGIN"), Kind.ERROR: ("PRAGMA",), Kind.LOCKED: ("PRAGMA",)}
"""Statements that are no places: by the first, readers and writers take turns on a world's one connection; dying in the second is dying before it."""

_IN_DATABASE = frozenset({Place.STATEMENT, Place.COMMIT, Place.READING})
PLACES: Mapping[Kind, frozenset[Place]] = {
    Kind.DEATH: frozenset(Place) - {Place.READING},  # a reading leaves nothing behind: dying in it is dying before it
    Kind.ERROR: frozenset(ERRORS) | _IN_DATABASE,
    Kind.LOCKED: _IN_DATABASE,
}


class Points:
    """Numbers the places of one daemon's life and has it fail `at` one of them (None: nowhere).

    count: places so far. passed: how many of each sort. hit: where it failed, "" if nowhere yet.
    """

    def __init__(self, kind: Kind, at: int | None = None) -> None:
        self.kind, self.at = kind, at
        self.count = 0
        self.passed: Counter[Place] = Counter()
        self.hit = ""
        self._using: Place | None = None
        self._gone = False

    def fails(self, place: Place) -> bool:
        """Whether this very place is the one."""
        if place not in PLACES[self.kind]:
            return False
        self.count += 1
        self.passed[place] += 1
        if self.count != self.at:
            return False
        self.hit = place
        return True

    # -- inside the database --------------------------------------------------------------------------------------------------------------------

    def watch(self, database: Engine) -> None:
        event.listen(database, "before_cursor_execute", self._statement)
        event.listen(database, "commit", self._commit)

    @contextmanager
    def using(self, place: Place) -> Iterator[None]:
        """Statements are the daemon's own within this; others use the same database."""
        self._using = place
        try:
            yield
        finally:
            self._using, self._gone = None, False

    @property
    def gone(self) -> bool:
        """The database has failed in this call, and does so until the call is over."""
        return self._gone

    def _statement(self, _conn: Connection, _cursor: Any, statement: str, *_: object) -> None:
        if self._using is None or statement.startswith(_OVERHEAD[self.kind]):
            return
        if self._gone or self.fails(self._using):
            raise self._fail()

    def _commit(self, _conn: Connection) -> None:
        if self._using is Place.STATEMENT and (self._gone or self.fails(Place.COMMIT)):
            raise OperationalError("COMMIT", None, self._fail())

    def _fail(self) -> sqlite3.OperationalError:
        locked = self.kind is Kind.LOCKED
        self._gone = not locked
        error = sqlite3.OperationalError("database is locked" if locked else "disk I/O error")
        error.sqlite_errorname = "SQLITE_BUSY" if locked else "SQLITE_IOERR"
        return error
