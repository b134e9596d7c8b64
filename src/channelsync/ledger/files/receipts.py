"""Files of receipts: what arrived of purchase orders. Each row is a receipt of its own, and is taken once, however often its file comes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, select

from channelsync.ledger import bundles, owning, skus
from channelsync.ledger.documents.states import UnknownDocument
from channelsync.ledger.files import cells as cell
from channelsync.ledger.files.cells import BadCell, Cells, Column
from channelsync.ledger.files.kinds import PROBLEM, Difference, LedgerKind, SoFar, Source, Value, Verdict, bad, judged
from channelsync.ledger.files.purchase_pages import heads, lines_on
from channelsync.ledger.files.purchases import cost_of, number_of
from channelsync.ledger.purchasing import receiving
from channelsync.ledger.purchasing.orders import Row
from channelsync.ledger.purchasing.receiving import Arrived, MoreThanOrdered, Receive
from channelsync.ledger.purchasing.states import PURCHASE
from channelsync.ledger.refusals import Refusal, UnknownSku
from channelsync.ledger.schema import locations, purchase_lines, purchase_orders, suppliers, supplies
from channelsync.ledger.schema import skus as sku_table
from channelsync.ledger.stock import no_own_stock

TOLD: Final = ("reference", "supplier", "location", "expected", "code", "title", "ordered", "received", "incoming")


@dataclass(frozen=True, slots=True)
class ReceiptRow:
    """quantity: units that arrived. cost: of one of them, decimal text; None: as the order says."""

    line: int
    number: int
    sku: str
    quantity: int
    cost: str | None = None

    @property
    def about(self) -> str:
        return f"{self.sku} of PO-{self.number}"


def parse(line: int, cells: Cells) -> ReceiptRow | None:
    sku, quantity = cell.needed(cells, "sku", "a SKU"), cell.whole(cells, "quantity")
    cell.fits("sku", sku=sku)
    number, cost = number_of(cells), cost_of(cells)
    if not quantity:
        return None
    if number is None:
        raise BadCell("order", "it is empty; name the order that the units are of, like PO-7, or give one for the whole file with --order")
    return ReceiptRow(line, number, sku, quantity, cost)


def compare(conn: Connection, rows: Sequence[ReceiptRow], source: Source, so_far: SoFar, now: datetime) -> list[Verdict]:
    there = _There(conn, rows)
    return [there.verdict(row, so_far) for row in rows]


class _There:
    """What the ledger says of the rows' orders."""

    def __init__(self, conn: Connection, rows: Sequence[ReceiptRow]) -> None:
        self._heads = heads(conn, {row.number for row in rows})
        self._owners = owning.owners(conn, [head["location_id"] for head in self._heads.values()])
        self._skus = skus.find(conn, (row.sku for row in rows))
        self._recipes = bundles.recipes(conn, (sku.id for sku in self._skus.values()))
        self._parts = skus.by_id(conn, {part for recipe in self._recipes.values() for part, _ in recipe})
        self._lines = lines_on(conn, {(row.number, self._skus[row.sku].id) for row in rows if row.sku in self._skus})

    def verdict(self, row: ReceiptRow, so_far: SoFar) -> Verdict:
        head = self._heads.get(row.number)
        if head is None:
            return bad(row.line, row.about, UnknownDocument(PURCHASE.kind, row.number), "order")
        if wrong := PURCHASE.refuses(row.number, head["state"], "receive"):
            return bad(row.line, row.about, wrong, "order")
        if owner := self._owners.get(head["location_id"]):
            return bad(row.line, row.about, owning.refusal(head["location"], owner), "order")
        if row.sku not in self._skus:
            return bad(row.line, row.about, UnknownSku(row.sku), "sku")
        sku = self._skus[row.sku]
        line = self._lines.get((row.number, sku.id))
        if line is None:
            why = f"it is not on purchase order {row.number}; receive it by itself: channelsync stock receive {row.sku} {row.quantity}"
            return bad(row.line, row.about, why, "sku")
        if recipe := self._recipes.get(sku.id):
            return bad(row.line, row.about, no_own_stock(row.sku, [self._parts[part].sku for part, _ in recipe]), "sku")
        before = so_far.get((row.number, row.sku), 0)
        received, coming = line["received"] + before, line["incoming"] - before
        if row.quantity > coming:
            told = Row(line["id"], sku.id, row.sku, line["ordered"], received, coming, line["cost"])
            return bad(row.line, row.about, _too_many(row, told), "quantity")
        so_far[row.number, row.sku] = before + row.quantity
        return judged(row.line, row.about, [Difference("received", received, received + row.quantity)])


def write(conn: Connection, rows: Sequence[ReceiptRow], source: Source, now: datetime) -> list[Refusal | None]:
    done = receiving.receive(conn, [_receive(row, source) for row in rows], now)
    return [_refusal(row, answer) if isinstance(answer, Refusal) else None for row, answer in zip(rows, done, strict=True)]


def _refusal(row: ReceiptRow, why: Refusal) -> Refusal:
    return _too_many(row, why.row) if isinstance(why, MoreThanOrdered) else why


def _too_many(row: ReceiptRow, line: Row) -> MoreThanOrdered:
    """A file cannot say that it may be so."""
    command = f"channelsync po receive {row.number} {row.sku}:{row.quantity} --over"
    return MoreThanOrdered(
        row.number, row.sku, row.quantity, line, remedy=f"count again, or receive it by itself and say that it may be more: {command}"
    )


def _receive(row: ReceiptRow, source: Source) -> Receive:
    """Its key is kept for ever: the units would be there twice if it came again."""
    arrived = (Arrived(row.sku, row.quantity, row.cost),)
    return Receive(row.number, arrived, occurred_at=source.as_of, actor=source.actor, key=source.key(row.line), keep_key=True)


def page(conn: Connection, after: int, limit: int) -> tuple[list[tuple[Value, ...]], int | None]:
    """What is still to come, line by line, with an empty quantity to fill in."""
    line, order = purchase_lines.c, purchase_orders.c
    query = (
        select(
            line.id, order.id, order.reference, suppliers.c.code, locations.c.code, order.expected_on,
            sku_table.c.sku, supplies.c.code, sku_table.c.title, line.ordered, line.received, line.incoming,
        )
        .join_from(purchase_lines, purchase_orders, order.id == line.order_id)
        .join(locations, locations.c.id == order.location_id)
        .join(sku_table, sku_table.c.id == line.sku_id)
        .outerjoin(suppliers, suppliers.c.id == order.supplier_id)
        .outerjoin(supplies, (supplies.c.sku_id == line.sku_id) & (supplies.c.supplier_id == order.supplier_id))
        .where(line.id > after, line.incoming > 0)
        .order_by(line.id)
        .limit(limit)
    )  # fmt: skip
    rows: Sequence[Any] = conn.execute(query).all()
    told: list[tuple[Value, ...]] = [(f"PO-{row[1]}", *row[2:7], None, None, *row[7:]) for row in rows]
    return told, rows[-1][0] if len(rows) == limit else None


RECEIPTS: Final = LedgerKind(
    "receipts",
    "what arrived of purchase orders",
    (
        Column("order", "The order that they are of, like PO-7."),
        Column("sku", "The SKU, exactly as the ledger spells it.", required=True),
        Column("quantity", "Units that arrived; empty or 0: none.", required=True),
        Column("cost", "Of one of them, in the store's currency, like 3.15; empty: as the order says."),
        *(Column(name, "", told=True) for name in TOLD),
        PROBLEM,
    ),
    ReceiptRow,
    parse,
    lambda _row: None,
    keyed=True,
    spoken=("order",),
    dated=True,
    either=("order",),
    compare=compare,
    write=write,
    page=page,
    exported=(
        "order",
        "reference",
        "supplier",
        "location",
        "expected",
        "sku",
        "quantity",
        "cost",
        "code",
        "title",
        "ordered",
        "received",
        "incoming",
    ),
)
