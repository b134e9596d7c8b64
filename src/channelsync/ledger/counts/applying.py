"""A sheet is applied: on hand becomes what was counted and what has come and gone since. Or it is cancelled, and nothing happens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final

from sqlalchemy import Connection, bindparam, update

from channelsync.ledger import bounds, levels, oversells, skus
from channelsync.ledger.counts.judging import Judged, judged, missing_is_zero
from channelsync.ledger.counts.sheets import Book, Line, Sheet, last_counted, lines_of
from channelsync.ledger.keys import Answer, Keyed, idempotent
from channelsync.ledger.levels import Entry, MovementType
from channelsync.ledger.refusals import NotAllowed, Refusal
from channelsync.ledger.running import Running
from channelsync.ledger.schema import count_lines

NAMED: Final = 5
"""Lines that a refusal names; it counts the others."""


@dataclass(frozen=True, slots=True)
class Apply(Keyed):
    """missing_is_zero: of lines that were not counted nothing is there; otherwise they stay as they are. skip: lines that cannot be applied (counted
    again since, or fewer than have gone since) are left as they are; otherwise they keep the whole sheet from being applied.
    """

    number: int
    missing_is_zero: bool = False
    skip: bool = False
    actor: str = ""


@dataclass(frozen=True, slots=True)
class Cancel(Keyed):
    number: int
    actor: str = ""


@dataclass(frozen=True, slots=True)
class LineApplied:
    """difference: what on hand changed by; expected: what should have been there when it was counted. on_hand, available: now."""

    sku: str
    counted: int
    counted_at: datetime
    expected: int
    difference: int
    moved: int
    on_hand: int
    available: int


@dataclass(frozen=True, slots=True)
class LineLeft:
    """Counted, and not applied."""

    sku: str
    why: str


@dataclass(frozen=True, slots=True)
class Applied(Answer):
    """uncounted: lines that stay as they are, because nobody counted them."""

    number: int
    state: str
    location: str
    lines: tuple[LineApplied, ...]
    left: tuple[LineLeft, ...]
    uncounted: int


@dataclass(frozen=True, slots=True)
class Cancelled(Answer):
    number: int
    state: str


class NotApplicable(Refusal):
    """Some lines cannot be applied, and nobody said that they may be left."""

    code: ClassVar[str] = "not_applicable"

    def __init__(self, number: int, wrong: Sequence[Judged]) -> None:
        named = "; ".join(str(each.problem) for each in wrong[:NAMED])
        more = f"; and {len(wrong) - NAMED} more" if len(wrong) > NAMED else ""
        super().__init__(
            f"count sheet {number} was not applied, because of {len(wrong)} of its lines: {named}{more}. Enter what is there now, "
            "take the number back, or leave these lines as they are (--skip, `skip`)"
        )
        self.number = number


@idempotent(Applied)
def apply_sheet(conn: Connection, items: Sequence[Apply], now: datetime) -> Sequence[Applied | Refusal]:
    """Each counted line is a movement, also if it confirms the number. The sheets of a batch follow each other."""
    book = Book(conn, (item.number for item in items))
    sheets = {item.number: book.find(item.number, "apply") for item in items}
    rows = {number: lines_of(conn, number) for number, sheet in sheets.items() if not isinstance(sheet, Refusal)}
    keys = {sheet.key(line) for sheet in sheets.values() if not isinstance(sheet, Refusal) for line in rows[sheet.number]}
    skus.lock_rows(conn, {sku_id for sku_id, _ in keys})
    levels.read(conn, keys, lock=True)  # of all sheets at once, in key order
    return [_apply(conn, book, item, rows.get(item.number, []), now) for item in items]


def _apply(conn: Connection, book: Book, item: Apply, rows: Sequence[Line], now: datetime) -> Applied | Refusal:
    sheet = book.find(item.number, "apply")
    if isinstance(sheet, Refusal):
        return sheet
    if problem := bounds.texts(actor=item.actor) or book.not_ours(sheet):
        return problem
    if last_counted(rows) is None:
        return NotAllowed(f"nothing is counted on count sheet {sheet.number}; enter what was counted, or cancel it")
    if item.missing_is_zero:
        rows = missing_is_zero(rows, item.actor)
    running = Running(conn, {sheet.key(line) for line in rows})
    found = judged(conn, sheet, rows, running.before)
    wrong = [each for each in found if each.problem is not None]
    if wrong and not item.skip:
        return NotApplicable(sheet.number, wrong)
    done = tuple(_take(sheet, running, each, item.actor) for each in found if each.changes)
    _write(conn, [each for each in found if each.changes])
    skus.mark_counted(conn, [each.line.sku_id for each in found if each.changes])
    running.post(now)
    oversells.watch(conn, running.before, running.after, now)
    book.close(sheet, "apply", "applied", now)
    left = tuple(LineLeft(each.line.sku, str(each.problem)) for each in wrong)
    return Applied(sheet.number, sheet.state, sheet.location, done, left, sum(line.counted is None for line in rows))


def _take(sheet: Sheet, running: Running, each: Judged, actor: str) -> LineApplied:
    line, difference = each.line, each.difference
    assert line.counted is not None
    assert line.counted_at is not None
    assert difference is not None
    level = running.add(
        Entry(
            *sheet.key(line),
            MovementType.COUNT,
            on_hand=difference,
            reference=sheet.log_reference,
            reason=f"{line.counted} counted" + (f" by {line.counted_by}" if line.counted_by and line.counted_by != actor else ""),
            actor=actor,
            occurred_at=line.counted_at,
        )
    )
    return LineApplied(line.sku, line.counted, line.counted_at, each.expected, difference, each.moved, level.on_hand, level.available)


_DONE = (
    update(count_lines)
    .where(count_lines.c.id == bindparam("_id"))
    .values({name: bindparam(f"_{name}") for name in ("counted", "counted_at", "counted_by", "difference")})
)


def _write(conn: Connection, done: Sequence[Judged]) -> None:
    """With what was counted: a line that was not may have become a zero."""
    rows = [
        {
            "_id": each.line.id,
            **{f"_{name}": getattr(each.line, name) for name in ("counted", "counted_at", "counted_by")},
            "_difference": each.difference,
        }
        for each in done
    ]
    if rows:
        conn.execute(_DONE, rows)


@idempotent(Cancelled)
def cancel_sheet(conn: Connection, items: Sequence[Cancel], now: datetime) -> Sequence[Cancelled | Refusal]:
    """What was counted on it stays to be read, and changes nothing."""
    book = Book(conn, (item.number for item in items))
    return [_cancel(book, item, now) for item in items]


def _cancel(book: Book, item: Cancel, now: datetime) -> Cancelled | Refusal:
    sheet = bounds.texts(actor=item.actor) or book.find(item.number, "cancel")
    if isinstance(sheet, Refusal):
        return sheet
    book.close(sheet, "cancel", "cancelled", now)
    return Cancelled(sheet.number, sheet.state)
