"""Purchase orders while a verb works on them: read and locked for a whole batch, changed in memory, written at the end. What changes is the verbs' affair."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sqlalchemy import Connection, RowMapping, bindparam, select, update

from channelsync.ledger import bundles, costs, owning, skus
from channelsync.ledger.documents import lines
from channelsync.ledger.documents.heads import possible
from channelsync.ledger.keys import Answer
from channelsync.ledger.levels import LevelKey
from channelsync.ledger.purchasing.states import CLOSED, PURCHASE
from channelsync.ledger.refusals import NotAllowed, Refusal
from channelsync.ledger.schema import locations, purchase_lines, purchase_orders, suppliers
from channelsync.ledger.stock import no_own_stock

CHUNK: Final = 400


@dataclass(frozen=True, slots=True)
class LineTold:
    """ordered, received, incoming (still to come): SKU units. cost: of one unit, decimal text; None: not known."""

    sku: str
    ordered: int
    received: int
    incoming: int
    cost: str | None


@dataclass(frozen=True, slots=True)
class Told(Answer):
    """A purchase order after a verb. supplier None: none was named."""

    number: int
    state: str
    supplier: str | None
    location: str
    reference: str
    note: str
    expected_on: date | None
    lines: tuple[LineTold, ...]


@dataclass(slots=True)
class Row:
    """One line as it will be. cost: ten-thousandths."""

    id: int
    sku_id: int
    sku: str
    ordered: int
    received: int
    incoming: int
    cost: int | None


@dataclass(slots=True)
class Purchase:
    """One order as it will be."""

    number: int
    state: str
    supplier_id: int | None
    supplier: str | None
    location_id: int
    location: str
    reference: str
    note: str
    expected_on: str | None
    ordered_at: datetime | None
    closed_at: datetime | None
    lines: dict[str, Row]
    changed: bool = False

    @property
    def log_reference(self) -> str:
        """What its movements refer to."""
        return f"PO-{self.number}"

    @property
    def incoming(self) -> int:
        return sum(row.incoming for row in self.lines.values())

    def key(self, row: Row) -> LevelKey:
        return row.sku_id, self.location_id

    def step(self, verb: str, after: str, now: datetime) -> None:
        self.state, self.changed = PURCHASE.step(self.state, verb, after), True
        if after in CLOSED and self.closed_at is None:
            self.closed_at = now

    def told(self) -> Told:
        rows = tuple(LineTold(row.sku, row.ordered, row.received, row.incoming, costs.text_of(row.cost)) for row in self.lines.values())
        expected = None if self.expected_on is None else date.fromisoformat(self.expected_on)
        return Told(self.number, self.state, self.supplier, self.location, self.reference, self.note, expected, rows)


class Book:
    """The purchase orders of one batch, their heads held until the transaction ends. Make it before any SKU or level is locked."""

    def __init__(self, conn: Connection, numbers: Iterable[int]) -> None:
        self._conn = conn
        self._orders = _read(conn, possible(numbers))
        self._owners = owning.owners(conn, [order.location_id for order in self._orders.values()])

    def find(self, number: int, verb: str) -> Purchase | Refusal:
        """The order, if the verb may be done with it now."""
        return PURCHASE.find(self._orders, number, verb)

    def level_keys(self) -> set[LevelKey]:
        """Of every level that a line of these orders can move."""
        return {order.key(row) for order in self._orders.values() for row in order.lines.values()}

    def lock_skus(self) -> None:
        skus.lock_rows(self._conn, {sku_id for sku_id, _ in self.level_keys()})

    def not_ours(self, order: Purchase) -> NotAllowed | None:
        """On hand at its location may be an authority's."""
        owner = self._owners.get(order.location_id)
        return None if owner is None else owning.refusal(order.location, owner)

    def bundled(self, rows: Iterable[Row]) -> NotAllowed | None:
        """A SKU may have become a bundle since it was written into the order. Lock the SKUs first."""
        by_id = {row.sku_id: row.sku for row in rows}
        recipes = bundles.recipes(self._conn, by_id)
        for sku_id, recipe in recipes.items():
            parts = skus.by_id(self._conn, (part for part, _ in recipe))
            return no_own_stock(by_id[sku_id], [part.sku for part in parts.values()])
        return None

    def write(self) -> None:
        """What has made a step, as it is now in memory."""
        changed = [order for order in self._orders.values() if order.changed]
        for order in changed:
            head = {"state": order.state, "expected_on": order.expected_on, "ordered_at": order.ordered_at, "closed_at": order.closed_at}
            self._conn.execute(update(purchase_orders).where(purchase_orders.c.id == order.number).values(head))
        rows = [{"_id": row.id, "_received": row.received, "_incoming": row.incoming} for order in changed for row in order.lines.values()]
        if rows:
            self._conn.execute(_MOVE, rows)


_MOVE = (
    update(purchase_lines)
    .where(purchase_lines.c.id == bindparam("_id"))
    .values(received=bindparam("_received"), incoming=bindparam("_incoming"))
)


def _read(conn: Connection, numbers: Sequence[int]) -> dict[int, Purchase]:
    found: dict[int, Purchase] = {}
    for start in range(0, len(numbers), CHUNK):
        chunk = numbers[start : start + CHUNK]
        held = select(purchase_orders).where(purchase_orders.c.id.in_(chunk)).order_by(purchase_orders.c.id).with_for_update()
        heads = conn.execute(held).mappings().all()
        rows = lines.of(conn, purchase_lines, purchase_lines.c.order_id, [head["id"] for head in heads])
        names = _names(conn, heads)
        found |= {head["id"]: _purchase(head, names, rows[head["id"]]) for head in heads}
    return found


def _names(conn: Connection, heads: Sequence[RowMapping]) -> Mapping[tuple[str, int], str]:
    """('supplier' or 'location', id) -> code."""
    found: dict[tuple[str, int], str] = {}
    for name, table in (("supplier", suppliers), ("location", locations)):
        query = select(table.c.id, table.c.code).where(table.c.id.in_({head[f"{name}_id"] for head in heads} - {None}))
        found |= {(name, row.id): row.code for row in conn.execute(query)}
    return found


def _purchase(head: RowMapping, names: Mapping[tuple[str, int], str], rows: Sequence[RowMapping]) -> Purchase:
    supplier_id, location_id = head["supplier_id"], head["location_id"]
    return Purchase(
        number=head["id"],
        state=head["state"],
        supplier_id=supplier_id,
        supplier=None if supplier_id is None else names["supplier", supplier_id],
        location_id=location_id,
        location=names["location", location_id],
        reference=head["reference"],
        note=head["note"],
        expected_on=head["expected_on"],
        ordered_at=head["ordered_at"],
        closed_at=head["closed_at"],
        lines={
            row["sku"]: Row(*(row[name] for name in ("id", "sku_id", "sku", "ordered", "received", "incoming", "cost"))) for row in rows
        },
    )
