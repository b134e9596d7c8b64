"""What arrives: `receive` puts units on hand at the destination, and `close` says that the rest of them is missing. No unit's cost changes by it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from channelsync.ledger import bounds, oversells
from channelsync.ledger.documents import lines
from channelsync.ledger.documents.lines import Line
from channelsync.ledger.keys import Answer, Keyed, idempotent
from channelsync.ledger.levels import Entry, MovementType
from channelsync.ledger.refusals import NotAllowed, Refusal
from channelsync.ledger.running import Running
from channelsync.ledger.transfers.book import Book, Row, Told, Transfer


@dataclass(frozen=True, slots=True)
class Receive(Keyed):
    """Without lines: everything that is in transit. over: more than was shipped may have arrived. occurred_at None: now."""

    number: int
    lines: tuple[Line, ...] = ()
    over: bool = False
    occurred_at: datetime | None = None
    actor: str = ""


@dataclass(frozen=True, slots=True)
class Close(Keyed):
    """What has not arrived of it is missing."""

    number: int
    reason: str = ""
    actor: str = ""


@dataclass(frozen=True, slots=True)
class LineReceived:
    """quantity: of this receipt, `over` of them beyond what was in transit. short: shipped, and not here after this receipt. on_hand, available: at
    the destination, now.
    """

    sku: str
    quantity: int
    over: int
    short: int
    on_hand: int
    available: int


@dataclass(frozen=True, slots=True)
class Received(Answer):
    """in_transit: what has still not arrived of the whole transfer, its other lines too."""

    number: int
    state: str
    origin: str
    destination: str
    in_transit: int
    lines: tuple[LineReceived, ...]


class MoreThanShipped(Refusal):
    """More arrived than is in transit, and nobody said that this may be."""

    code = "more_than_shipped"

    def __init__(self, number: int, arrived: int, row: Row) -> None:
        super().__init__(
            f"SKU {row.sku!r}: {arrived} arrived, and of transfer {number} {row.in_transit} are in transit ({row.quantity} shipped, "
            f"{row.received} received); count again, or say that it may be more (--over, `over`)"
        )
        self.number, self.sku, self.wanted, self.in_transit = number, row.sku, arrived, row.in_transit


@idempotent(Received)
def receive(conn: Connection, items: Sequence[Receive], now: datetime) -> Sequence[Received | Refusal]:
    """All lines or none."""
    book = Book(conn, (item.number for item in items))
    book.lock_skus()
    running = Running(conn, book.level_keys())
    answers = [_receive(book, running, item, now) for item in items]
    book.write()
    running.post(now)
    oversells.watch(conn, running.before, running.after, now)
    return answers


def _receive(book: Book, running: Running, item: Receive, now: datetime) -> Received | Refusal:
    transfer = book.find(item.number, "receive")
    if isinstance(transfer, Refusal):
        return transfer
    problem = bounds.texts(actor=item.actor) or bounds.happened("occurred_at", item.occurred_at, now) or _before_it_left(transfer, item)
    if problem or (problem := book.not_ours(transfer)):
        return problem
    arrivals = _arrivals(transfer, item)
    if isinstance(arrivals, Refusal):
        return arrivals
    if bundle := book.no_lines(row for row, _ in arrivals):
        return bundle
    done = tuple(_take(transfer, running, item, row, units) for row, units in arrivals)
    left = transfer.in_transit
    transfer.step("receive", "part_received" if left else "received", now)
    return Received(transfer.number, transfer.state, transfer.origin, transfer.destination, left, done)


def _before_it_left(transfer: Transfer, item: Receive) -> NotAllowed | None:
    left, came = transfer.shipped_at, item.occurred_at
    if left is None or came is None or came >= left:
        return None
    return NotAllowed(f"occurred_at {came.isoformat()} is before transfer {transfer.number} was shipped ({left.isoformat()}); correct it")


def _arrivals(transfer: Transfer, item: Receive) -> list[tuple[Row, int]] | Refusal:
    """Lines, and how many units of each arrived."""
    if not item.lines:
        return [(row, row.in_transit) for row in transfer.lines.values() if row.in_transit]
    if problem := lines.problem(item.lines):
        return problem
    found: list[tuple[Row, int]] = []
    for line in item.lines:
        row = transfer.lines.get(line.sku)
        if row is None:
            return NotAllowed(
                f"SKU {line.sku!r} is not on transfer {transfer.number}; if it came along, adjust it at both places: channelsync stock adjust"
            )
        if line.quantity > row.in_transit and not item.over:
            return MoreThanShipped(transfer.number, line.quantity, row)
        found.append((row, line.quantity))
    return found


def _take(transfer: Transfer, running: Running, item: Receive, row: Row, units: int) -> LineReceived:
    expected = min(units, row.in_transit)
    over = units - expected
    level = running.add(
        Entry(
            *transfer.reaches(row),
            MovementType.TRANSFER_IN,
            on_hand=units,
            incoming=-expected,
            reference=transfer.log_reference,
            reason=f"from {transfer.origin}" + (f", {over} too many" if over else ""),
            actor=item.actor,
            occurred_at=item.occurred_at,
        )
    )
    row.received += units
    row.in_transit -= expected
    return LineReceived(row.sku, units, over, row.in_transit, level.on_hand, level.available)


@idempotent(Told)
def close(conn: Connection, items: Sequence[Close], now: datetime) -> Sequence[Told | Refusal]:
    """What is in transit is missing from now on, and incoming no longer. Where another system owns the stock by now, too: nothing comes on hand."""
    book = Book(conn, (item.number for item in items))
    book.lock_skus()
    running = Running(conn, book.level_keys())
    answers = [_close(book, running, item, now) for item in items]
    book.write()
    running.post(now)
    return answers


def _close(book: Book, running: Running, item: Close, now: datetime) -> Told | Refusal:
    transfer = book.find(item.number, "close")
    if isinstance(transfer, Refusal):
        return transfer
    if problem := bounds.texts(reason=item.reason, actor=item.actor):
        return problem
    for row in transfer.lines.values():
        if row.in_transit:
            running.add(_missing(transfer, row, item))
            row.missing, row.in_transit = row.missing + row.in_transit, 0
    transfer.step("close", "received", now)
    return transfer.told()


def _missing(transfer: Transfer, row: Row, item: Close) -> Entry:
    reason, reference = item.reason or f"missing, from {transfer.origin}", transfer.log_reference
    return Entry(
        *transfer.reaches(row), MovementType.EXPECT, incoming=-row.in_transit, reference=reference, reason=reason, actor=item.actor
    )
