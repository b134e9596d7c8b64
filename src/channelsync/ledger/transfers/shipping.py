"""What leaves: `ship` takes the units off on hand, and they lie on the transfer. `cancel` ends a draft that will not leave. Receipts are in `receiving`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, select

from channelsync.ledger import bounds
from channelsync.ledger.keys import Keyed, idempotent
from channelsync.ledger.levels import Entry, Level, MovementType
from channelsync.ledger.refusals import InsufficientStock, Refusal
from channelsync.ledger.running import Running
from channelsync.ledger.schema import skus
from channelsync.ledger.transfers.book import CHUNK, Book, Row, Told, Transfer

NAMED: Final = 10
"""So many lines of which too little is there are named one by one."""


@dataclass(frozen=True, slots=True)
class Ship(Keyed):
    """reference: a carrier's number; None: as the draft says. occurred_at None: now."""

    number: int
    reference: str | None = None
    occurred_at: datetime | None = None
    actor: str = ""


@dataclass(frozen=True, slots=True)
class Cancel(Keyed):
    number: int
    actor: str = ""


class NotThere(InsufficientStock):
    """Less is available than the transfer would take. `wanted` and `available` are those of the first such line."""

    def __init__(self, transfer: Transfer, short: Sequence[tuple[Row, Level]]) -> None:
        told = [
            f"SKU {row.sku!r}: {row.quantity} to ship, {level.available} available ({level.on_hand} on hand, {level.soft + level.hard} reserved)"
            for row, level in short[:NAMED]
        ]
        more = [f"and {len(short) - NAMED} more lines"] if len(short) > NAMED else []
        Refusal.__init__(
            self,
            f"transfer {transfer.number} takes more from {transfer.origin!r} than is available there: {'; '.join([*told, *more])}. "
            "Nothing was shipped: edit the draft, or release what is reserved",
        )
        row, level = short[0]
        self.sku, self.location, self.wanted, self.available = row.sku, transfer.origin, row.quantity, level.available


@idempotent(Told)
def ship(conn: Connection, items: Sequence[Ship], now: datetime) -> Sequence[Told | Refusal]:
    """All lines or none. What is reserved stays where it is."""
    book = Book(conn, (item.number for item in items))
    book.lock_skus()
    running = Running(conn, book.level_keys())
    costs = _costs(conn, {sku_id for sku_id, _ in book.level_keys()})
    answers = [_ship(book, running, costs, item, now) for item in items]
    book.write()
    running.post(now)
    return answers


def _ship(book: Book, running: Running, costs: dict[int, int | None], item: Ship, now: datetime) -> Told | Refusal:
    transfer = book.find(item.number, "ship")
    if isinstance(transfer, Refusal):
        return transfer
    problem = bounds.texts(reference=item.reference, actor=item.actor) or bounds.happened("occurred_at", item.occurred_at, now)
    refusal = problem or book.not_ours(transfer) or book.no_lines(transfer.lines.values())
    if refusal:
        return refusal
    there = [(row, running.level(transfer.leaves(row))) for row in transfer.lines.values()]
    if short := [(row, level) for row, level in there if row.quantity > level.available]:
        return NotThere(transfer, short)
    for row in transfer.lines.values():
        row.in_transit, row.cost = row.quantity, costs[row.sku_id]
        for entry in _entries(transfer, row, item):
            running.add(entry)
    transfer.shipped_at = item.occurred_at or now
    transfer.reference = transfer.reference if item.reference is None else item.reference
    transfer.step("ship", "shipped", now)
    return transfer.told()


def _entries(transfer: Transfer, row: Row, item: Ship) -> tuple[Entry, Entry]:
    """Off on hand at one place, incoming at the other."""
    units, reference, at = row.quantity, transfer.log_reference, item.occurred_at
    out, coming = f"to {transfer.destination}", f"from {transfer.origin}"
    return (
        Entry(
            *transfer.leaves(row),
            MovementType.TRANSFER_OUT,
            on_hand=-units,
            reference=reference,
            reason=out,
            actor=item.actor,
            occurred_at=at,
        ),
        Entry(
            *transfer.reaches(row),
            MovementType.EXPECT,
            incoming=units,
            reference=reference,
            reason=coming,
            actor=item.actor,
            occurred_at=at,
        ),
    )


def _costs(conn: Connection, sku_ids: Iterable[int]) -> dict[int, int | None]:
    """Of one unit, ten-thousandths, as it is now; the rows of the SKUs must be held."""
    ids, found = sorted(sku_ids), dict[int, int | None]()
    for start in range(0, len(ids), CHUNK):
        query = select(skus.c.id, skus.c.unit_cost).where(skus.c.id.in_(ids[start : start + CHUNK]))
        found |= {row.id: row.unit_cost for row in conn.execute(query)}
    return found


@idempotent(Told)
def cancel(conn: Connection, items: Sequence[Cancel], now: datetime) -> Sequence[Told | Refusal]:
    """Only a draft: what has left comes back by a receipt at the other end, and a transfer of its own."""
    book = Book(conn, (item.number for item in items))
    answers = [_cancel(book, item, now) for item in items]
    book.write()
    return answers


def _cancel(book: Book, item: Cancel, now: datetime) -> Told | Refusal:
    transfer = book.find(item.number, "cancel")
    if isinstance(transfer, Refusal):
        return transfer
    if problem := bounds.texts(actor=item.actor):
        return problem
    transfer.step("cancel", "cancelled", now)
    return transfer.told()
