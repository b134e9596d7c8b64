"""A chunk of rows of a file against the ledger: what it would change, and doing it. The same comparison serves both, so that a preview tells what
applying does. A chunk is one short transaction; in it each row is done whole or not at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, select
from sqlalchemy.exc import DBAPIError

from channelsync.ledger import bounds
from channelsync.ledger.files.kinds import LedgerKind, Mistake, SoFar, Source, State, Verdict
from channelsync.ledger.files.listings import LISTINGS
from channelsync.ledger.files.purchases import PURCHASES
from channelsync.ledger.files.receipts import RECEIPTS
from channelsync.ledger.files.skus import SKUS
from channelsync.ledger.files.stock import STOCK
from channelsync.ledger.group import assert_in_transaction, is_away
from channelsync.ledger.refusals import KeyReused, NotAllowed, Refusal
from channelsync.ledger.schema import idempotency_keys

KINDS: Final[dict[str, LedgerKind[Any]]] = {kind.name: kind for kind in (STOCK, SKUS, LISTINGS, PURCHASES, RECEIPTS)}
CHUNK: Final = 250
"""Rows of one transaction: a running daemon does its other work in between."""
WHOLE_MAX: Final = 1_000
"""Rows that can be applied all or none: they are one transaction, and everything else waits for it."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """whole: all rows or none."""

    kind: str
    source: Source
    rows: tuple[Any, ...]
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Applied:
    """One verdict for each row, in order. done False: it was all or none, and none: the rows that are BAD say why."""

    rows: tuple[Verdict, ...]
    done: bool = True


def preview(conn: Connection, chunk: Chunk, so_far: SoFar, now: datetime) -> list[Verdict]:
    """What the rows would change. Reads only. so_far: one for all chunks of a file, in order."""
    kind = KINDS[chunk.kind]
    known = _done_before(conn, kind, chunk)
    rest = [row for row in chunk.rows if row.line not in known]
    found = {verdict.line: verdict for verdict in kind.compare(conn, rest, chunk.source, so_far, now)} if rest else {}
    return [found.get(row.line) or Verdict(row.line, State.DONE, _about(row)) for row in chunk.rows]


def apply(conn: Connection, items: Sequence[Chunk], now: datetime) -> list[Applied | Refusal]:
    """Rows that would change nothing are left alone; what is bad says so and the others are applied."""
    return [_apply(conn, item, now) for item in items]


def _apply(conn: Connection, chunk: Chunk, now: datetime) -> Applied | Refusal:
    if len(chunk.rows) > (WHOLE_MAX if chunk.whole else bounds.MAX_LINES):
        return NotAllowed(f"{len(chunk.rows)} rows are too many at once, at most {WHOLE_MAX} are taken; send them in parts")
    verdicts = {verdict.line: verdict for verdict in preview(conn, chunk, {}, now)}
    wanted = [row for row in chunk.rows if verdicts[row.line].state in {State.NEW, State.CHANGE}]
    if chunk.whole and any(verdict.state is State.BAD for verdict in verdicts.values()):
        return Applied(tuple(verdicts.values()), done=False)
    with conn.begin_nested() as everything:
        refused = _written(conn, KINDS[chunk.kind], wanted, chunk.source, now)
        verdicts |= {line: _refused(verdicts[line], why) for line, why in refused.items()}
        failed = chunk.whole and any(verdict.state is State.BAD for verdict in verdicts.values())
        if failed:
            everything.rollback()
    return Applied(tuple(verdicts.values()), done=not failed)


def _refused(verdict: Verdict, why: Refusal) -> Verdict:
    """A key that was used for something else is that of the same row of the same file: it has been applied."""
    if isinstance(why, KeyReused):
        return replace(verdict, state=State.DONE, differences=())
    return replace(verdict, state=State.BAD, differences=(), mistake=Mistake(None, str(why)))


def _written(conn: Connection, kind: LedgerKind[Any], rows: Sequence[Any], source: Source, now: datetime) -> dict[int, Refusal]:
    """What was refused, by line; all others are done. A row of several verbs is taken back as a whole, so the others are done again without it."""
    refused: dict[int, Refusal] = {}
    left = list(rows)
    while left:
        try:
            with conn.begin_nested() as savepoint:
                answers = kind.write(conn, left, source, now)
                found = {row.line: why for row, why in zip(left, answers, strict=True) if why is not None}
                if found:
                    savepoint.rollback()
        except DBAPIError as problem:
            if is_away(problem):
                raise
            assert_in_transaction(conn)
            return refused | _halved(conn, kind, left, source, now, problem)
        if not found:
            return refused
        refused |= found
        left = [row for row in left if row.line not in found]
    return refused


def _halved(
    conn: Connection, kind: LedgerKind[Any], rows: Sequence[Any], source: Source, now: datetime, problem: DBAPIError
) -> dict[int, Refusal]:
    """One odd row never stops the others."""
    if len(rows) == 1:
        return {rows[0].line: NotAllowed(f"the database did not take it ({type(problem.orig).__name__}); correct what is odd in it")}
    middle = len(rows) // 2
    return _written(conn, kind, rows[:middle], source, now) | _written(conn, kind, rows[middle:], source, now)


def _done_before(conn: Connection, kind: LedgerKind[Any], chunk: Chunk) -> set[int]:
    if not kind.keyed:
        return set()
    lines = {chunk.source.key(row.line): row.line for row in chunk.rows}
    table = idempotency_keys.c
    return {lines[key] for key in conn.scalars(select(table.key).where(table.key.in_(lines), table.result.is_not(None)))}


def _about(row: Any) -> str:
    return str(getattr(row, "about", row.line))


__all__ = ["CHUNK", "KINDS", "WHOLE_MAX", "Applied", "Chunk", "apply", "preview"]
