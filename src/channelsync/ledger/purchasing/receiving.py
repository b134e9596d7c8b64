"""What arrives of a purchase order: on hand rises, what is still to come falls, and the unit cost becomes the average."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from channelsync.ledger import bounds, costs, oversells
from channelsync.ledger.documents import lines
from channelsync.ledger.documents.lines import Line
from channelsync.ledger.keys import Answer, Keyed, idempotent
from channelsync.ledger.levels import Entry, MovementType
from channelsync.ledger.purchasing.averaging import Averages
from channelsync.ledger.purchasing.orders import Book, Purchase, Row
from channelsync.ledger.refusals import NotAllowed, Refusal
from channelsync.ledger.running import Running


@dataclass(frozen=True, slots=True)
class Arrived(Line):
    """cost: of one unit of this receipt, decimal text; None: as the order's line says."""

    cost: str | None = None


@dataclass(frozen=True, slots=True)
class Receive(Keyed):
    """Without lines: everything that is still to come. over: more than was ordered may have arrived. occurred_at None: now."""

    number: int
    lines: tuple[Arrived, ...] = ()
    over: bool = False
    occurred_at: datetime | None = None
    actor: str = ""


@dataclass(frozen=True, slots=True)
class LineReceived:
    """quantity: of this receipt, `over` of them beyond what was still to come. incoming: still to come now. cost, was: of one unit of the SKU now
    and before, decimal text; None: not known. on_hand, available: at the order's location, now.
    """

    sku: str
    quantity: int
    over: int
    incoming: int
    cost: str | None
    was: str | None
    on_hand: int
    available: int


@dataclass(frozen=True, slots=True)
class Received(Answer):
    """incoming: what is still to come of the whole order."""

    number: int
    state: str
    location: str
    incoming: int
    lines: tuple[LineReceived, ...]


class MoreThanOrdered(Refusal):
    """More arrived than is still to come, and nobody said that this may be."""

    code = "more_than_ordered"

    def __init__(
        self, number: int, sku: str, arrived: int, row: Row, *, remedy: str = "count again, or say that it may be more (--over, `over`)"
    ) -> None:
        super().__init__(
            f"SKU {sku!r}: {arrived} arrived, and of purchase order {number} {row.incoming} are still to come ({row.ordered} ordered, "
            f"{row.received} received); {remedy}"
        )
        self.number, self.sku, self.wanted, self.incoming, self.row = number, sku, arrived, row.incoming, row


@idempotent(Received)
def receive(conn: Connection, items: Sequence[Receive], now: datetime) -> Sequence[Received | Refusal]:
    """All lines or none."""
    book = Book(conn, (item.number for item in items))
    book.lock_skus()
    running = Running(conn, book.level_keys())
    averages = Averages(conn, {sku_id for sku_id, _ in book.level_keys()})
    answers = [_receive(book, running, averages, item, now) for item in items]
    book.write()
    averages.write()
    running.post(now)
    oversells.watch(conn, running.before, running.after, now)
    return answers


def _receive(book: Book, running: Running, averages: Averages, item: Receive, now: datetime) -> Received | Refusal:
    purchase = book.find(item.number, "receive")
    if isinstance(purchase, Refusal):
        return purchase
    problem = bounds.texts(actor=item.actor) or bounds.happened("occurred_at", item.occurred_at, now) or book.not_ours(purchase)
    if problem:
        return problem
    arrivals = _arrivals(purchase, item)
    if isinstance(arrivals, Refusal):
        return arrivals
    if bundle := book.bundled(row for row, _, _ in arrivals):
        return bundle
    done = tuple(_take(purchase, running, averages, item, *arrival) for arrival in arrivals)
    left = purchase.incoming
    purchase.step("receive", "part_received" if left else "received", now)
    return Received(purchase.number, purchase.state, purchase.location, left, done)


Arrival = tuple[Row, int, int | None]
"""The line, how many units arrived, and what one of them cost in ten-thousandths (None: not known)."""


def _arrivals(purchase: Purchase, item: Receive) -> list[Arrival] | Refusal:
    if not item.lines:
        coming = [(row, row.incoming, row.cost) for row in purchase.lines.values() if row.incoming]
        return coming or NotAllowed(
            f"of purchase order {purchase.number} nothing is still to come; name the lines that arrived nevertheless"
        )
    if problem := lines.problem(item.lines):
        return problem
    found: list[Arrival] = []
    for line in item.lines:
        row = purchase.lines.get(line.sku)
        if row is None:
            return NotAllowed(
                f"SKU {line.sku!r} is not on purchase order {purchase.number}; receive it by itself: channelsync stock receive"
            )
        if line.quantity > row.incoming and not item.over:
            return MoreThanOrdered(purchase.number, line.sku, line.quantity, row)
        try:
            found.append((row, line.quantity, row.cost if line.cost is None else costs.parsed(line.cost)))
        except NotAllowed as problem:
            return problem
    return found


def _take(purchase: Purchase, running: Running, averages: Averages, item: Receive, row: Row, units: int, cost: int | None) -> LineReceived:
    expected = min(units, row.incoming)
    level = running.add(
        Entry(
            *purchase.key(row),
            MovementType.RECEIVE,
            on_hand=units,
            incoming=-expected,
            reference=purchase.log_reference,
            reason="" if cost is None else f"at {costs.text_of(cost)}",
            actor=item.actor,
            occurred_at=item.occurred_at,
        )
    )
    row.received += units
    row.incoming -= expected
    was, now_costs = averages.take(row.sku_id, units, cost)
    told = costs.text_of(now_costs), costs.text_of(was)
    return LineReceived(row.sku, units, units - expected, row.incoming, *told, level.on_hand, level.available)
