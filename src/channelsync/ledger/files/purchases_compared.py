"""What rows of a file of purchase orders would change: against the orders there are, and what rows before them in the file have said."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, func, select

from channelsync.ledger import bounds, bundles, costs, owning, skus
from channelsync.ledger.documents.states import UnknownDocument
from channelsync.ledger.files.kinds import Difference, SoFar, Source, State, Verdict, bad, judged
from channelsync.ledger.files.purchase_pages import CHUNK, heads, lines_on
from channelsync.ledger.purchasing import filling, suppliers
from channelsync.ledger.purchasing.filling import Ambiguous, Name
from channelsync.ledger.purchasing.states import PURCHASE
from channelsync.ledger.purchasing.suppliers import UnknownSupplier
from channelsync.ledger.refusals import UnknownLocation, UnknownSku
from channelsync.ledger.schema import locations, purchase_lines
from channelsync.ledger.skus import Sku
from channelsync.ledger.stock import no_own_stock


@dataclass(frozen=True, slots=True)
class PurchaseRow:
    """One line. number: of an order; None: reference, supplier ("": none) and location say which. cost: decimal text; expected: an ISO date."""

    line: int
    sku: str
    quantity: int
    cost: str | None = None
    number: int | None = None
    reference: str = ""
    supplier: str = ""
    location: str = ""
    expected: str = ""

    @property
    def name(self) -> Name:
        return self.reference, self.supplier, self.location

    @property
    def document(self) -> Hashable:
        """What the rows of one order have in common."""
        return self.number if self.number is not None else self.name

    @property
    def about(self) -> str:
        if self.number is not None:
            return f"{self.sku} on PO-{self.number}"
        return f"{self.sku} on {self.reference}{f' from {self.supplier}' if self.supplier else ''} to {self.location}"


def compare(conn: Connection, rows: Sequence[PurchaseRow], source: Source, so_far: SoFar, now: datetime) -> list[Verdict]:
    there = _There(conn, rows)
    return [there.verdict(row, so_far) for row in rows]


class _There:
    """What the ledger says of the rows' orders, SKUs and places."""

    def __init__(self, conn: Connection, rows: Sequence[PurchaseRow]) -> None:
        self._named = filling.named(conn, (row.name for row in rows if row.number is None))
        self._heads = heads(conn, {row.number for row in rows if row.number is not None}.union(*self._named.values()))
        self._skus = skus.find(conn, (row.sku for row in rows))
        self._recipes = bundles.recipes(conn, (sku.id for sku in self._skus.values()))
        self._parts = skus.by_id(conn, {part for recipe in self._recipes.values() for part, _ in recipe})
        self._lines = lines_on(
            conn, {(number, self._skus[row.sku].id) for row in rows if row.sku in self._skus for number in self._numbers(row)}
        )
        self._sizes = _sizes(conn, self._heads)
        self._suppliers = suppliers.ids(conn, (row.supplier for row in rows if row.supplier))
        self._places = _places(conn, (row.location for row in rows))
        self._owners = owning.owners(conn, self._places.values())
        self._supplies = suppliers.supply_of(conn, (sku.id for sku in self._skus.values()))

    def _numbers(self, row: PurchaseRow) -> list[int]:
        """Of the orders that the row may mean."""
        return [row.number] if row.number is not None else self._named.get(row.name, [])

    def verdict(self, row: PurchaseRow, so_far: SoFar) -> Verdict:
        numbers = self._numbers(row)
        if len(numbers) > 1:
            return bad(row.line, row.about, Ambiguous(numbers), "order")
        if numbers and numbers[0] not in self._heads:
            return bad(row.line, row.about, UnknownDocument(PURCHASE.kind, numbers[0]), "order")
        if row.sku not in self._skus:
            return bad(row.line, row.about, UnknownSku(row.sku), "sku")
        sku = self._skus[row.sku]
        if recipe := self._recipes.get(sku.id):
            return bad(row.line, row.about, no_own_stock(row.sku, [self._parts[part].sku for part, _ in recipe]), "sku")
        return self._on(self._heads[numbers[0]], row, sku, so_far) if numbers else self._new(row, sku, so_far)

    def _on(self, head: RowMapping, row: PurchaseRow, sku: Sku, so_far: SoFar) -> Verdict:
        """A row of an order that is there."""
        for column in ("reference", "supplier", "location"):
            said, holds = getattr(row, column), (head[column] or "").strip()
            if said and said != holds:
                why = f"PO-{head['id']} has {f'the {column} {holds!r}' if holds else f'no {column}'}, and a file does not change that: "
                return bad(row.line, row.about, f"{why}channelsync po edit {head['id']} --{column} {said}", column)
        known = self._lines.get((head["id"], sku.id))
        differences = self._differences(row, sku, head["supplier_id"], known)
        if row.expected and row.expected != head["expected_on"] and ("expected", head["id"]) not in so_far:
            differences.append(Difference("expected", head["expected_on"], row.expected))
        found = judged(row.line, row.about, differences, new=known is None and row.quantity > 0)
        if found.state is State.SAME:
            return found
        if wrong := PURCHASE.refuses(head["id"], head["state"], "edit"):
            return bad(row.line, row.about, wrong, "order")
        return self._counted(row, found, head["id"], self._sizes[head["id"]], known is not None, so_far)

    def _new(self, row: PurchaseRow, sku: Sku, so_far: SoFar) -> Verdict:
        """A row of an order that is made."""
        if row.supplier and row.supplier not in self._suppliers:
            return bad(row.line, row.about, UnknownSupplier(row.supplier), "supplier")
        place = self._places.get(row.location)
        if place is None:
            return bad(row.line, row.about, UnknownLocation(row.location), "location")
        if place in self._owners:
            return bad(row.line, row.about, owning.refusal(row.location, self._owners[place]), "location")
        if not row.quantity:
            return Verdict(row.line, State.SAME, row.about)
        differences = self._differences(row, sku, self._suppliers.get(row.supplier), None)
        if row.expected and ("expected", row.name) not in so_far:
            differences.append(Difference("expected", None, row.expected))
        return self._counted(row, judged(row.line, row.about, differences, new=True), row.name, 0, False, so_far)

    def _differences(self, row: PurchaseRow, sku: Sku, supplier_id: int | None, known: RowMapping | None) -> list[Difference]:
        if known is None:
            supply = self._supplies.get(sku.id)
            usual = costs.text_of(supply.cost) if supply and supplier_id in (None, supply.supplier_id) else None
            return [
                Difference("quantity", None, row.quantity or None),
                Difference("cost", None, (row.cost or usual) if row.quantity else None),
            ]
        cost = costs.text_of(known["cost"])
        differences = [Difference("quantity", known["ordered"], row.quantity)]
        return [*differences, Difference("cost", cost, row.cost if row.cost and row.quantity else cost)]

    def _counted(self, row: PurchaseRow, found: Verdict, name: Any, size: int, there: bool, so_far: SoFar) -> Verdict:
        """So many lines are on the order, and so many rows of the file have put more on it, or taken some off."""
        change = (row.quantity > 0) - there
        after = size + so_far.get(("lines", name), 0) + change
        if change and (problem := filling.no_size(name, after)):
            return bad(row.line, row.about, problem)
        so_far["lines", name] = so_far.get(("lines", name), 0) + change
        if any(each.column == "expected" for each in found.differences):
            so_far["expected", name] = 1
        return found


def _sizes(conn: Connection, numbers: Iterable[int]) -> dict[int, int]:
    """How many lines each order has."""
    wanted, line = sorted(numbers), purchase_lines.c
    found = dict.fromkeys(wanted, 0)
    for start in range(0, len(wanted), CHUNK):
        query = select(line.order_id, func.count().label("size")).where(line.order_id.in_(wanted[start : start + CHUNK]))
        found |= {row.order_id: row.size for row in conn.execute(query.group_by(line.order_id))}
    return found


def _places(conn: Connection, codes: Iterable[str]) -> dict[str, int]:
    query = select(locations.c.code, locations.c.id).where(locations.c.code.in_(bounds.findable(codes)))
    return {row.code: row.id for row in conn.execute(query)}
