"""What a kind of file is: its columns, how a row is understood, what it would change, and the verbs that do it. The kinds are in modules of their own."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Generic, Protocol, TypeVar

from sqlalchemy import Connection

from channelsync.ledger.files.cells import Cells, Column
from channelsync.ledger.refusals import Refusal

PROBLEM: Final = Column("problem", "What is wrong with the row: written by a reject file or an export, left alone by an import.", told=True)
PAGE: Final = 500
"""Rows of the ledger that an export reads at once."""

Value = str | int | None
"""A cell that is written."""


class Asked(Protocol):
    """A row that was understood. line: where it stands in the file."""

    @property
    def line(self) -> int: ...


R = TypeVar("R", bound=Asked)


@dataclass(frozen=True, slots=True)
class Source:
    """Where rows come from. id: one file, told once; rows of the same id and line are the same request. as_of: when its counts were made."""

    id: str
    as_of: datetime
    actor: str = ""

    def key(self, line: int) -> str:
        """The idempotency key of one row."""
        return f"file:{self.id}:{line}"


def source_id(kind: str, digest: str, *meaning: str) -> str:
    """digest: of the file. meaning: whatever else makes another request of the same bytes (a stated time, a place that rows do not name)."""
    return hashlib.sha256("\x00".join([kind, digest, *meaning]).encode()).hexdigest()


class State(StrEnum):
    NEW = "new"  # something that the ledger does not have yet
    CHANGE = "change"
    SAME = "same"  # the ledger says so already
    DONE = "done"  # this very row of this very file was applied before
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Mistake:
    """column: None if it is the row as a whole. why: with what to do."""

    column: str | None
    why: str


@dataclass(frozen=True, slots=True)
class Difference:
    column: str
    old: Value
    new: Value


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a row would change, or what is wrong with it. about: what it is about, for people. note: what comes with it."""

    line: int
    state: State
    about: str
    differences: tuple[Difference, ...] = ()
    mistake: Mistake | None = None
    note: str = ""


def bad(line: int, about: str, why: object, column: str | None = None) -> Verdict:
    return Verdict(line, State.BAD, about, mistake=Mistake(column, str(why)))


def judged(line: int, about: str, differences: Sequence[Difference], *, new: bool = False) -> Verdict:
    """What really differs decides."""
    real = tuple(each for each in differences if each.old != each.new)
    return Verdict(line, State.NEW if new else State.CHANGE if real else State.SAME, about, real)


SoFar = dict[Any, int]
"""What rows before have said that the ledger does not know yet; a kind keeps in it what it likes. Empty at the first row."""


@dataclass(frozen=True, slots=True)
class Kind(Generic[R]):
    """parse: (line, cells) -> the row; None: it says nothing. Raises BadCell.
    once: what only one row of a file may speak of; None: any number may. keyed: rows are told apart by idempotency keys; otherwise saying it
    twice comes to the same as saying it once.
    """

    name: str
    about: str
    columns: tuple[Column, ...]
    row: type[R]
    parse: Callable[[int, Cells], R | None]
    once: Callable[[R], Hashable | None]
    keyed: bool = False
    spoken: tuple[str, ...] = ()
    """Columns that may be said once for the whole file."""
    dated: bool = False
    """Its rows hold at a time that is said for the whole file."""
    either: tuple[str, ...] = ()
    """Columns of which the file must have one."""
    alike: Callable[[R], tuple[str, Hashable, str] | None] | None = None
    """(column, what, said): rows that speak of the same must say the same of it; None: the row says nothing of it."""


Compare = Callable[[Connection, Sequence[R], Source, SoFar, datetime], list[Verdict]]
"""Reads what is there and says what each row would change."""
Write = Callable[[Connection, Sequence[R], Source, datetime], list[Refusal | None]]
"""Does what the rows ask for; None: done. A refused row may have changed something: the caller takes it back."""
Export = Callable[[Connection, int, int], tuple[list[tuple[Value, ...]], int | None]]
"""(after, limit) -> rows by key, and the key to go on after; None: that was all. Told columns come with them, the problem last."""


@dataclass(frozen=True, slots=True)
class LedgerKind(Kind[R]):
    """A kind whose rows are the ledger's."""

    compare: Compare[R] = field(kw_only=True)
    write: Write[R] = field(kw_only=True)
    page: Export = field(kw_only=True)
    exported: tuple[str, ...] = field(kw_only=True)
