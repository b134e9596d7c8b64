"""Several requests of one verb as one: all of them are applied, or none is."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection

from channelsync.ledger.refusals import Refusal

LINES_MAX = 1_000

In = TypeVar("In")
Out = TypeVar("Out")
Verb = Callable[[Connection, Sequence[In], datetime], Sequence[Out | Refusal]]


class LineRefused(Refusal):
    """One line was refused, so none was applied. line: which, from 0; why: the refusal itself."""

    code = "line_refused"

    def __init__(self, line: int, why: Refusal) -> None:
        super().__init__(self.said(line, str(why)))
        self.line, self.why = line, why

    @staticmethod
    def said(line: int, why: str) -> str:
        return f"line {line}: {why}. Nothing was changed; put it right, or send the lines each for itself"


@dataclass(frozen=True, slots=True)
class Together(Generic[In]):
    lines: tuple[In, ...]


@functools.cache
def all_or_none(verb: Verb[Any, Any]) -> Verb[Together[Any], tuple[Any, ...]]:
    """A verb whose items are bundles of lines for `verb`. The first refused line takes its bundle back, idempotency keys and all."""

    @functools.wraps(verb)
    def together(conn: Connection, items: Sequence[Together[Any]], now: datetime) -> list[tuple[Any, ...] | Refusal]:
        return [_bundle(conn, verb, item, now) for item in items]

    return together


def _bundle(conn: Connection, verb: Verb[Any, Any], item: Together[Any], now: datetime) -> tuple[Any, ...] | Refusal:
    savepoint = conn.begin_nested()
    try:
        answers = tuple(verb(conn, item.lines, now))
        refused = next((LineRefused(line, why) for line, why in enumerate(answers) if isinstance(why, Refusal)), None)
    except BaseException:
        savepoint.rollback()
        raise
    if refused is not None:
        savepoint.rollback()
        return refused
    savepoint.commit()
    return answers
