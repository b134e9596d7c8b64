"""What becomes of what has arrived: each unit is restocked, written off or sent back to whom it was bought from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection

from channelsync.ledger import bounds, oversells
from channelsync.ledger.documents.lines import Line
from channelsync.ledger.keys import Keyed, idempotent
from channelsync.ledger.levels import Entry, MovementType
from channelsync.ledger.refusals import NotAllowed, Refusal
from channelsync.ledger.returns.documents import Book, Return, Row, Told, as_told
from channelsync.ledger.running import Running


class Outcome(StrEnum):
    RESTOCK = "restock"  # on hand again, and on sale
    WRITE_OFF = "write_off"  # damaged
    TO_SUPPLIER = "to_supplier"  # out of the house


@dataclass(frozen=True, slots=True)
class Decision(Line):
    """What becomes of so many units of a line."""

    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Inspect(Keyed):
    """rest: what becomes of everything that waits and is not in `lines`. complete: what is still expected will not come. reason: needed to write
    off. occurred_at None: now.
    """

    number: int
    lines: tuple[Decision, ...] = ()
    rest: Outcome | None = None
    complete: bool = False
    reason: str = ""
    occurred_at: datetime | None = None
    actor: str = ""


class MoreThanWaits(Refusal):
    """More units are decided about than have arrived and wait."""

    code = "more_than_waits"

    def __init__(self, number: int, sku: str, decided: int, row: Row | None) -> None:
        there = "none has arrived" if row is None else f"{row.waiting} wait ({row.received} received, {row.received - row.waiting} decided)"
        super().__init__(f"SKU {sku!r}: {decided} to be decided, and of return {number} {there}; receive them first, or decide about fewer")
        self.number, self.sku, self.wanted, self.waiting = number, sku, decided, row.waiting if row else 0


@idempotent(Told)
def inspect(conn: Connection, items: Sequence[Inspect], now: datetime) -> Sequence[Told | Refusal]:
    """All lines or none."""
    book = Book(conn, (item.number for item in items))
    running = Running(conn, book.level_keys())
    answers = [_inspect(conn, book, running, item, now) for item in items]
    running.post(now)
    oversells.watch(conn, running.before, running.after, now)
    return answers


def _inspect(conn: Connection, book: Book, running: Running, item: Inspect, now: datetime) -> Told | Refusal:
    found = book.find(item.number, "inspect")
    if isinstance(found, Refusal):
        return found
    texts = bounds.texts(reason=item.reason, actor=item.actor)
    if problem := texts or bounds.happened("occurred_at", item.occurred_at, now):
        return problem
    verdicts = _verdicts(found, item)
    if isinstance(verdicts, Refusal):
        return verdicts
    if problem := _not_so(book, found, verdicts, item):
        return problem
    for (sku, outcome), units in verdicts.items():
        running.add(_decide(found, found.lines[sku], outcome, units, item))
    over = not found.waiting and (item.complete or not found.to_come)
    found.step("inspect", "inspected" if over else "received", now)
    book.save(found)
    return as_told(conn, found)


Verdicts = Mapping[tuple[str, Outcome], int]


def _verdicts(found: Return, item: Inspect) -> Verdicts | Refusal:
    """(SKU, outcome) -> units, as they are said and by `rest`."""
    if len(item.lines) > bounds.MAX_LINES:
        return NotAllowed(f"at most {bounds.MAX_LINES} lines are decided at once, here are {len(item.lines)}; send them in parts")
    verdicts, decided = Counter[tuple[str, Outcome]](), Counter[str]()
    for line in item.lines:
        if problem := bounds.sku_text(line.sku) or bounds.units(line.quantity, at_least=1):
            return problem
        verdicts[line.sku, line.outcome] += line.quantity
        decided[line.sku] += line.quantity
    for sku, units in decided.items():
        row = found.lines.get(sku)
        if row is None or units > row.waiting:
            return MoreThanWaits(found.number, sku, units, row)
    if item.rest is not None:
        for row in found.lines.values():
            if left := row.waiting - decided[row.sku]:
                verdicts[row.sku, item.rest] += left
    return verdicts


def _not_so(book: Book, found: Return, verdicts: Verdicts, item: Inspect) -> NotAllowed | None:
    """Why what is decided cannot be done."""
    left = found.waiting - sum(verdicts.values())
    if not verdicts and not item.complete:
        return NotAllowed(
            f"nothing is decided about return {found.number}, of which {left} units wait; name units, or what becomes of the rest"
        )
    if item.complete and left:
        return NotAllowed(f"{left} units of return {found.number} would still wait; say what becomes of them, too, or that more is to come")
    if verdicts and item.occurred_at is not None and found.received_at is not None and item.occurred_at < found.received_at:
        return NotAllowed(
            f"occurred_at {item.occurred_at.isoformat()} is before anything that waits of return {found.number} had arrived "
            f"({found.received_at.isoformat()}); correct it"
        )
    outcomes = {outcome for _, outcome in verdicts}
    if Outcome.WRITE_OFF in outcomes and not item.reason.strip():
        return NotAllowed("writing units off needs a reason: say why they cannot be sold")
    return book.not_ours(found) if Outcome.RESTOCK in outcomes else None


_MOVES: Final = {
    Outcome.RESTOCK: (MovementType.RETURN, "on_hand", "restocked"),
    Outcome.WRITE_OFF: (MovementType.WRITE_OFF, "damaged", "written_off"),
    Outcome.TO_SUPPLIER: (MovementType.SUPPLIER_RETURN, None, "to_supplier"),
}
"""Outcome -> the movement, the bucket that it goes to from quarantine, and the column of the line that counts it."""


def _decide(found: Return, row: Row, outcome: Outcome, units: int, item: Inspect) -> Entry:
    type_, bucket, column = _MOVES[outcome]
    setattr(row, column, getattr(row, column) + units)
    return Entry(
        *found.key(row),
        type_,
        quarantined=-units,
        on_hand=units if bucket == "on_hand" else 0,
        damaged=units if bucket == "damaged" else 0,
        reference=found.log_reference,
        reason=item.reason,
        actor=item.actor,
        occurred_at=item.occurred_at,
    )
