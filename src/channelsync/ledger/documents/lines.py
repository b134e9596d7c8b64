"""The lines that documents are made of, as they are asked for: which SKU, how many units. A bundle is no line: its parts are bought, moved and counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, RowMapping, Table, select

from channelsync.ledger import bounds, bundles, skus
from channelsync.ledger.refusals import NotAllowed, Refusal, UnknownSku
from channelsync.ledger.schema import skus as sku_table
from channelsync.ledger.skus import Sku
from channelsync.ledger.stock import no_own_stock


@dataclass(frozen=True, slots=True)
class Line:
    """quantity: SKU units."""

    sku: str
    quantity: int


def problem(lines: Sequence[Line], *, at_least: int = 1) -> NotAllowed | None:
    """What is wrong with them before anything is looked up: too few, too many, one SKU twice, a quantity that is none."""
    if not 0 < len(lines) <= bounds.MAX_LINES:
        return NotAllowed(f"a document has 1 to {bounds.MAX_LINES} lines, this one has {len(lines)}; split it")
    seen = Counter(line.sku for line in lines)
    if twice := next((text for text, times in seen.items() if times > 1), None):
        return NotAllowed(f"SKU {twice!r} has more than one line; add them up")
    wrong = (bounds.sku_text(line.sku) or bounds.units(line.quantity, at_least=at_least) for line in lines)
    return next((each for each in wrong if each), None)


def resolve(conn: Connection, texts: Sequence[str]) -> Mapping[str, Sku] | Refusal:
    """The SKUs by their text, all of them; or why one of them is no line."""
    found = skus.find(conn, texts)
    if missing := next((text for text in texts if text not in found), None):
        return UnknownSku(missing)
    recipes = bundles.recipes(conn, (sku.id for sku in found.values() if sku.bundle))
    if bundle := next((sku for sku in found.values() if sku.id in recipes), None):
        parts = skus.by_id(conn, (sku_id for sku_id, _ in recipes[bundle.id]))
        return no_own_stock(bundle.sku, [part.sku for part in parts.values()])
    return found


def locked(conn: Connection, table: Table, number: int) -> RowMapping | None:
    """The head of a document, held until the transaction ends. Take it before any SKU and any level."""
    return conn.execute(select(table).where(table.c.id == number).with_for_update()).mappings().one_or_none()


def of(conn: Connection, table: Table, document: Any, numbers: Sequence[int]) -> dict[int, list[RowMapping]]:
    """The rows of the lines of documents, in their order, with the SKU's text as `sku`. document: the line's column that names its document."""
    found: dict[int, list[RowMapping]] = {number: [] for number in numbers}
    query = (
        select(table, sku_table.c.sku).join(sku_table, sku_table.c.id == table.c.sku_id).where(document.in_(numbers)).order_by(table.c.id)
    )
    for row in conn.execute(query).mappings():
        found[row[document.name]].append(row)
    return found
