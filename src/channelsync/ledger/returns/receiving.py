"""What arrives of a return: it waits in quarantine until it is inspected, and is not available. What its shop told as restocked counts once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from channelsync.ledger import bounds, findings, net_effect, oversells, skus
from channelsync.ledger.documents import lines
from channelsync.ledger.documents.lines import Line
from channelsync.ledger.keys import Keyed, idempotent
from channelsync.ledger.levels import Entry, MovementType
from channelsync.ledger.refusals import NotAllowed, Refusal, UnknownSku
from channelsync.ledger.returns import told, waiting
from channelsync.ledger.returns.documents import Book, Return, Row, Told, as_told
from channelsync.ledger.running import Running
from channelsync.ledger.skus import Sku


@dataclass(frozen=True, slots=True)
class Receive(Keyed):
    """Without lines: everything that is still expected. over: more may have arrived than was expected, and other SKUs. occurred_at None: now."""

    number: int
    lines: tuple[Line, ...] = ()
    over: bool = False
    occurred_at: datetime | None = None
    actor: str = ""


class MoreThanExpected(Refusal):
    """More arrived than was expected, or something else, and nobody said that this may be."""

    code = "more_than_expected"

    def __init__(self, number: int, sku: str, arrived: int, row: Row | None) -> None:
        expected = (
            "none was expected" if row is None else f"{row.to_come} are still to come ({row.expected} expected, {row.received} received)"
        )
        super().__init__(
            f"SKU {sku!r}: {arrived} arrived, and of return {number} {expected}; count again, or say that it may be so (--over, `over`)"
        )
        self.number, self.sku, self.wanted, self.to_come = number, sku, arrived, row.to_come if row else 0


@idempotent(Told)
def receive(conn: Connection, items: Sequence[Receive], now: datetime) -> Sequence[Told | Refusal]:
    """All lines or none."""
    return _Receiving(conn, items, now).run(items)


class _Receiving:
    """A batch of receipts: heads, orders, SKUs and levels are locked in this order, then one after the other is posted."""

    def __init__(self, conn: Connection, items: Sequence[Receive], now: datetime) -> None:
        self.conn, self.now = conn, now
        self.unwritten = list[Entry]()
        self.book = Book(conn, (item.number for item in items))
        self.found = skus.find(conn, {line.sku for item in items for line in item.lines})
        places = self.book.places_of(item.number for item in items)
        own = self.book.level_keys() | {(sku.id, place) for sku in self.found.values() for place in places}
        skus.lock_rows(conn, {sku_id for sku_id, _ in own})
        self.running = Running(conn, own | told.level_keys(conn, self.book.order_ids()))

    def run(self, items: Sequence[Receive]) -> list[Told | Refusal]:
        answers = [self._one(item) for item in items]
        self.running.post(self.now)
        oversells.watch(self.conn, self.running.before, self.running.after, self.now)
        return answers

    def _one(self, item: Receive) -> Told | Refusal:
        found = self.book.find(item.number, "receive")
        if isinstance(found, Refusal):
            return found
        problem = bounds.texts(actor=item.actor) or bounds.happened("occurred_at", item.occurred_at, self.now) or self.book.not_ours(found)
        if problem:
            return problem
        arrivals = _arrivals(found, item, self.found)
        if isinstance(arrivals, Refusal):
            return arrivals
        if bundle := self.book.bundled(row for row, _ in arrivals):
            return bundle
        came = min(item.occurred_at or self.now, self.now)
        found.received_at = min(came, found.received_at) if found.waiting and found.received_at else came
        for row, units in arrivals:
            self._take(found, row, units, item)
        found.step("receive", "received", self.now)
        self.book.save(found)
        self._count_once(found, {row.sku_id for row, _ in arrivals}, item.actor)
        return as_told(self.conn, found)

    def _take(self, found: Return, row: Row, units: int, item: Receive) -> None:
        found.lines.setdefault(row.sku, row)
        row.received += units
        reference = found.log_reference
        arrives = Entry(
            *found.key(row), MovementType.QUARANTINE, quarantined=units, reference=reference, actor=item.actor, occurred_at=item.occurred_at
        )
        self.running.add(arrives)

    def _count_once(self, found: Return, sku_ids: set[int], actor: str) -> None:
        """What the order's shop has told of the same units is taken off again."""
        order = found.order
        if order is None:
            return
        template = Entry(0, 0, MovementType.DEFER, reference=order.ref, actor=actor, channel_id=order.channel_id)
        entries = told.join(self.conn, order.id, sku_ids, template, self.unwritten)
        kept = waiting.at(self.conn, {entry.key for entry in entries})
        for entry in entries:
            level = self.running.level(entry.key)
            for extra in net_effect.cover(replace(entry, on_hand=0, quarantined=0), level, [entry], kept=kept[entry.key]):
                self.running.add(extra)
                if extra.type is MovementType.SHORTAGE:
                    detail = {"units": extra.on_hand, "location_id": extra.location_id}
                    findings.record(self.conn, "shortage", order.channel_id, extra.sku_id, order.ref, detail, self.now)
            self.running.add(entry)
        self.unwritten += entries


def _arrivals(found: Return, item: Receive, known: Mapping[str, Sku]) -> list[tuple[Row, int]] | Refusal:
    """The lines, new ones among them, and how many units of each have arrived."""
    if not item.lines:
        coming = [(row, row.to_come) for row in found.lines.values() if row.to_come]
        return coming or NotAllowed(
            f"of return {found.number} nothing is still expected; name what arrived nevertheless, with --over (`over`)"
        )
    if problem := lines.problem(item.lines):
        return problem
    arrivals = list[tuple[Row, int]]()
    for line in item.lines:
        row = found.lines.get(line.sku)
        if line.quantity > (row.to_come if row else 0) and not item.over:
            return MoreThanExpected(found.number, line.sku, line.quantity, row)
        if row is None and line.sku not in known:
            return UnknownSku(line.sku)
        arrivals.append((row or Row(0, known[line.sku].id, line.sku), line.quantity))
    if len(found.lines.keys() | {line.sku for line in item.lines}) > bounds.MAX_LINES:
        return NotAllowed(f"a document has 1 to {bounds.MAX_LINES} lines, return {found.number} would have more; write down another return")
    return arrivals
