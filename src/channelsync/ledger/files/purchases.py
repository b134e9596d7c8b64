"""Files of purchase orders: each row is a line of one. Drafts are made and changed; what is ordered already is only compared."""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from channelsync.ledger import costs
from channelsync.ledger.documents.heads import NUMBER_MAX
from channelsync.ledger.files import cells as cell
from channelsync.ledger.files.cells import BadCell, Cells, Column
from channelsync.ledger.files.kinds import PROBLEM, LedgerKind, Source
from channelsync.ledger.files.purchase_pages import EXPORTED, TOLD, page
from channelsync.ledger.files.purchases_compared import PurchaseRow, compare
from channelsync.ledger.purchasing import filling
from channelsync.ledger.purchasing.drafting import Wanted
from channelsync.ledger.purchasing.filling import Fill
from channelsync.ledger.refusals import NotAllowed, Refusal

_NUMBER: Final = re.compile(r"(?:PO-)?([0-9]{1,19})", re.IGNORECASE)


def parse(line: int, cells: Cells) -> PurchaseRow | None:
    sku, quantity = cell.needed(cells, "sku", "a SKU"), cell.whole(cells, "quantity")
    cell.fits("sku", sku=sku)
    if quantity is None:
        return None
    number = number_of(cells)
    reference, supplier, location = (cell.text(cells, name) for name in ("reference", "supplier", "location"))
    if number is None and not reference:
        raise BadCell(
            "reference",
            "it is empty, and no order is named; give the rows of one order a reference (or the whole file one, with --reference), "
            "or name an order that is there, like PO-7",
        )
    if number is None and not location:
        raise BadCell("location", "it is empty, and there are several locations; name one, or give one for the whole file with --location")
    cell.fits("reference", reference=reference)
    cell.fits("supplier", supplier=supplier)
    cell.fits("location", location=location)
    day = cell.day(cells, "expected")
    return PurchaseRow(line, sku, quantity, cost_of(cells), number, reference, supplier, location, "" if day is None else day.isoformat())


def number_of(cells: Cells) -> int | None:
    """What the column `order` says."""
    said = cell.text(cells, "order")
    if not said:
        return None
    found = _NUMBER.fullmatch(said)
    if found is None or not 0 < int(found[1]) <= NUMBER_MAX:
        raise BadCell("order", f"{said[: cell.SHOWN]!r} is no number of an order; write it like PO-7, or leave it empty for a new one")
    return int(found[1])


def cost_of(cells: Cells) -> str | None:
    """In the one spelling of an export."""
    said = cell.text(cells, "cost")
    try:
        return costs.text_of(costs.parsed(said)) if said else None
    except NotAllowed as problem:
        raise BadCell("cost", str(problem)) from None


def once(row: PurchaseRow) -> Hashable | None:
    return row.document, row.sku


def alike(row: PurchaseRow) -> tuple[str, Hashable, str] | None:
    return ("expected", row.document, row.expected) if row.expected else None


def write(conn: Connection, rows: Sequence[PurchaseRow], source: Source, now: datetime) -> list[Refusal | None]:
    """The rows of one order together: a refusal is that of all of them."""
    together: dict[Hashable, list[PurchaseRow]] = {}
    for row in rows:
        together.setdefault(row.document, []).append(row)
    done = filling.fill(conn, [_fill(some, source) for some in together.values()], now)
    refused = {name: answer for name, answer in zip(together, done, strict=True) if isinstance(answer, Refusal)}
    return [refused.get(row.document) for row in rows]


def _fill(rows: Sequence[PurchaseRow], source: Source) -> Fill:
    first = rows[0]
    lines = tuple(Wanted(row.sku, row.quantity, row.cost) for row in rows)
    expected = next((row.expected for row in rows if row.expected), "")
    return Fill(lines, first.number, first.reference, first.supplier, first.location, expected, source.actor)


PURCHASES: Final = LedgerKind(
    "purchase-orders",
    "lines of purchase orders: drafts are made and changed",
    (
        Column("order", "The number of an order that is there, like PO-7; empty: the reference says which, or makes one."),
        Column("reference", "What the rows of one order have in common, such as the supplier's own number."),
        Column("supplier", "The supplier's code; empty: none is named."),
        Column("location", "Where it is to come; may be left out if there is only one."),
        Column("expected", "When, like 2026-12-24; empty: as it is, or by the lead time once it is ordered."),
        Column("sku", "The SKU, exactly as the ledger spells it.", required=True),
        Column("quantity", "Units to order; 0: none, the line is taken off; empty: the line is left alone.", required=True),
        Column("cost", "Of one unit, in the store's currency, like 3.20; empty: as it is, or as agreed with the supplier."),
        *(Column(name, "", told=True) for name in TOLD),
        PROBLEM,
    ),
    PurchaseRow,
    parse,
    once,
    alike=alike,
    spoken=("reference", "supplier", "location"),
    either=("order", "reference"),
    compare=compare,
    write=write,
    page=page,
    exported=EXPORTED,
)
