"""What is on its way: `order` makes the units of a draft incoming, `close` and `cancel` take back what is not coming. Receipts are in `receiving`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from channelsync.ledger import bounds
from channelsync.ledger.keys import Keyed, idempotent
from channelsync.ledger.levels import Entry, MovementType
from channelsync.ledger.purchasing.drafting import no_date
from channelsync.ledger.purchasing.orders import Book, Purchase, Row, Told
from channelsync.ledger.purchasing.suppliers import supply_of
from channelsync.ledger.refusals import NotAllowed, Refusal
from channelsync.ledger.running import Running
from channelsync.ledger.schema import suppliers


@dataclass(frozen=True, slots=True)
class Order(Keyed):
    """expected_on: a date like 2026-12-24; empty: what the draft says, or else today (in UTC) and the longest lead time of its lines."""

    number: int
    expected_on: str = ""
    actor: str = ""


@dataclass(frozen=True, slots=True)
class Close(Keyed):
    """What has not arrived of it will not come."""

    number: int
    reason: str = ""
    actor: str = ""


@dataclass(frozen=True, slots=True)
class Cancel(Keyed):
    """Nothing of it has arrived, and nothing will come."""

    number: int
    reason: str = ""
    actor: str = ""


@idempotent(Told)
def order(conn: Connection, items: Sequence[Order], now: datetime) -> Sequence[Told | Refusal]:
    """The units of its lines are incoming at its location."""
    book = Book(conn, (item.number for item in items))
    book.lock_skus()
    running = Running(conn, book.level_keys())
    answers = [_order(conn, book, running, item, now) for item in items]
    book.write()
    running.post(now)
    return answers


def _order(conn: Connection, book: Book, running: Running, item: Order, now: datetime) -> Told | Refusal:
    purchase = book.find(item.number, "order")
    if isinstance(purchase, Refusal):
        return purchase
    problem = bounds.texts(actor=item.actor) or no_date(item.expected_on)
    problem = problem or book.not_ours(purchase) or book.bundled(purchase.lines.values())
    if problem:
        return problem
    purchase.ordered_at = now
    purchase.expected_on = item.expected_on or purchase.expected_on or _expected(conn, purchase, now)
    for row in purchase.lines.values():
        row.incoming = row.ordered
        running.add(_expect(purchase, row, row.ordered, "ordered", item.actor))
    purchase.step("order", "ordered", now)
    return purchase.told()


def _expected(conn: Connection, purchase: Purchase, now: datetime) -> str | None:
    """None: no lead time is known."""
    usual = conn.scalar(select(suppliers.c.lead_days).where(suppliers.c.id == purchase.supplier_id))
    supplies = supply_of(conn, (row.sku_id for row in purchase.lines.values()))
    theirs = [supplies.get(row.sku_id) for row in purchase.lines.values()]
    named = [supply.lead_days for supply in theirs if supply is not None and purchase.supplier_id in (None, supply.supplier_id)]
    days = max((lead for lead in [*named, usual] if lead is not None), default=None)
    return None if days is None else (now + timedelta(days=days)).date().isoformat()


@idempotent(Told)
def close(conn: Connection, items: Sequence[Close], now: datetime) -> Sequence[Told | Refusal]:
    """The rest of what has arrived in part: it is no longer incoming, and the order is received."""
    return _take_back(conn, items, "close", "received", now)


@idempotent(Told)
def cancel(conn: Connection, items: Sequence[Cancel], now: datetime) -> Sequence[Told | Refusal]:
    """A draft, or what is ordered while nothing of it has arrived."""
    return _take_back(conn, items, "cancel", "cancelled", now)


def _take_back(conn: Connection, items: Sequence[Close] | Sequence[Cancel], verb: str, after: str, now: datetime) -> list[Told | Refusal]:
    book = Book(conn, (item.number for item in items))
    running = Running(conn, book.level_keys())
    answers: list[Told | Refusal] = []
    for item in items:
        purchase: Purchase | Refusal | NotAllowed = bounds.texts(reason=item.reason, actor=item.actor) or book.find(item.number, verb)
        if isinstance(purchase, Refusal):
            answers.append(purchase)
            continue
        for row in purchase.lines.values():
            if row.incoming:
                running.add(_expect(purchase, row, -row.incoming, item.reason or f"{verb} order", item.actor))
                row.incoming = 0
        purchase.step(verb, after, now)
        answers.append(purchase.told())
    book.write()
    running.post(now)
    return answers


def _expect(purchase: Purchase, row: Row, units: int, reason: str, actor: str) -> Entry:
    reference = purchase.log_reference
    return Entry(*purchase.key(row), MovementType.EXPECT, incoming=units, reference=reference, reason=reason, actor=actor)
