"""What was counted is entered: how many, when and by whom. Entered again, it stands in the place of what was entered before. Nothing moves yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, func, insert, select, update

from channelsync.ledger import bounds
from channelsync.ledger.counts.sheets import Book, Sheet
from channelsync.ledger.documents import lines
from channelsync.ledger.keys import Answer, Keyed, idempotent
from channelsync.ledger.refusals import NotAllowed, Refusal
from channelsync.ledger.schema import count_lines
from channelsync.ledger.skus import Sku


@dataclass(frozen=True, slots=True)
class Counted:
    """quantity: SKU units that were there; None: it was not counted after all. counted_at, counted_by: None and "" as the request says."""

    sku: str
    quantity: int | None
    counted_at: datetime | None = None
    counted_by: str = ""


@dataclass(frozen=True, slots=True)
class Enter(Keyed):
    """counted_at None: now. counted_by "": the actor. A SKU that is not on the sheet is put there."""

    number: int
    lines: tuple[Counted, ...]
    counted_at: datetime | None = None
    counted_by: str = ""
    actor: str = ""


@dataclass(frozen=True, slots=True)
class LineEntered:
    """was: what stood there before; None: nothing. added: the SKU was not on the sheet."""

    sku: str
    counted: int | None
    counted_at: datetime | None
    counted_by: str
    was: int | None
    added: bool


@dataclass(frozen=True, slots=True)
class Entered(Answer):
    """lines: of the whole sheet; counted: how many of them are counted now."""

    number: int
    state: str
    lines: int
    counted: int
    entered: tuple[LineEntered, ...]


@idempotent(Entered)
def enter_counts(conn: Connection, items: Sequence[Enter], now: datetime) -> Sequence[Entered | Refusal]:
    """All lines or none."""
    book = Book(conn, (item.number for item in items))
    return [_enter(conn, book, item, now) for item in items]


def _enter(conn: Connection, book: Book, item: Enter, now: datetime) -> Entered | Refusal:
    sheet = book.find(item.number, "enter")
    if isinstance(sheet, Refusal):
        return sheet
    if problem := _ill_formed(item, now):
        return problem
    found = lines.resolve(conn, [line.sku for line in item.lines])
    if isinstance(found, Refusal):
        return found
    before = _before(conn, sheet, [sku.id for sku in found.values()])
    new = [line for line in item.lines if found[line.sku].id not in before and line.quantity is not None]
    total = _total(conn, sheet)
    if total + len(new) > bounds.MAX_LINES:
        return NotAllowed(
            f"count sheet {sheet.number} has {total} lines, and {len(new)} more are too many: at most {bounds.MAX_LINES}; open another sheet"
        )
    entered = [_line(item, line, before.get(found[line.sku].id), found[line.sku].id in before, now) for line in item.lines]
    _write(conn, sheet, found, before, entered)
    counted = conn.scalar(select(func.count(count_lines.c.counted)).where(count_lines.c.sheet_id == sheet.number))
    return Entered(sheet.number, sheet.state, total + len(new), int(counted or 0), tuple(entered))


def _ill_formed(item: Enter, now: datetime) -> NotAllowed | None:
    said = lines.problem([lines.Line(line.sku, 0 if line.quantity is None else line.quantity) for line in item.lines], at_least=0)
    problem = said or bounds.texts(actor=item.actor) or bounds.texts(counted_by=item.counted_by)
    problem = problem or bounds.happened("counted_at", item.counted_at, now)
    each = (bounds.texts(counted_by=line.counted_by) or bounds.happened("counted_at", line.counted_at, now) for line in item.lines)
    return problem or next((wrong for wrong in each if wrong), None)


def _before(conn: Connection, sheet: Sheet, sku_ids: Sequence[int]) -> dict[int, int | None]:
    """SKU -> what stands there, of those that are on the sheet."""
    line = count_lines.c
    query = select(line.sku_id, line.counted).where(line.sheet_id == sheet.number, line.sku_id.in_(sku_ids))
    return {row[0]: row[1] for row in conn.execute(query)}


def _total(conn: Connection, sheet: Sheet) -> int:
    return int(conn.scalar(select(func.count()).where(count_lines.c.sheet_id == sheet.number)) or 0)


def _line(item: Enter, line: Counted, was: int | None, known: bool, now: datetime) -> LineEntered:
    if line.quantity is None:
        return LineEntered(line.sku, None, None, "", was, added=False)
    at = line.counted_at or item.counted_at or now
    return LineEntered(line.sku, line.quantity, at, line.counted_by or item.counted_by or item.actor, was, added=not known)


_SET = (
    update(count_lines)
    .where(count_lines.c.sheet_id == bindparam("_sheet"), count_lines.c.sku_id == bindparam("_sku"))
    .values({name: bindparam(f"_{name}") for name in ("counted", "counted_at", "counted_by")})
)


def _write(
    conn: Connection, sheet: Sheet, found: Mapping[str, Sku], before: Mapping[int, int | None], entered: Sequence[LineEntered]
) -> None:
    rows = [
        {"_sheet": sheet.number, "_sku": found[line.sku].id, "_counted": line.counted, "_counted_at": line.counted_at, "_counted_by": line.counted_by}
        for line in entered
        if not line.added and found[line.sku].id in before
    ]  # fmt: skip
    if rows:
        conn.execute(_SET, rows)
    new = [
        {"sheet_id": sheet.number, "sku_id": found[line.sku].id, "counted": line.counted, "counted_at": line.counted_at, "counted_by": line.counted_by}
        for line in entered
        if line.added
    ]  # fmt: skip
    if new:
        conn.execute(insert(count_lines), new)
