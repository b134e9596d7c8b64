"""Returns while a verb works on them: read and locked for a whole batch, changed in memory, written one by one. What changes is the verbs' affair."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, RowMapping, insert, select, update

from channelsync.ledger import bundles, owning, skus
from channelsync.ledger.documents import lines
from channelsync.ledger.documents.heads import possible
from channelsync.ledger.keys import Answer
from channelsync.ledger.levels import LevelKey
from channelsync.ledger.refusals import NotAllowed, Refusal
from channelsync.ledger.returns.states import CLOSED, RETURN
from channelsync.ledger.schema import channels, locations, orders, return_lines, returns
from channelsync.ledger.stock import no_own_stock

CHUNK: Final = 400
UNITS: Final = ("expected", "received", "restocked", "written_off", "to_supplier")


@dataclass(frozen=True, slots=True)
class LineTold:
    """SKU units. waiting: received, and nobody has decided about them. told: of the received, those that the order's shop told as restocked, too."""

    sku: str
    expected: int
    received: int
    waiting: int
    told: int
    restocked: int
    written_off: int
    to_supplier: int


@dataclass(frozen=True, slots=True)
class Told(Answer):
    """A return after a verb. channel, order None: it belongs to no order that is known."""

    number: int
    state: str
    channel: str | None
    order: str | None
    location: str
    reference: str
    note: str
    lines: tuple[LineTold, ...]


@dataclass(frozen=True, slots=True)
class OrderOf:
    """The channel's order that a return belongs to."""

    id: int
    ref: str
    channel_id: int
    channel: str


@dataclass(slots=True)
class Row:
    """One line as it will be; id 0: it is new."""

    id: int
    sku_id: int
    sku: str
    expected: int = 0
    received: int = 0
    restocked: int = 0
    written_off: int = 0
    to_supplier: int = 0

    @property
    def waiting(self) -> int:
        return self.received - self.restocked - self.written_off - self.to_supplier

    @property
    def to_come(self) -> int:
        return max(0, self.expected - self.received)


@dataclass(slots=True)
class Return:
    """One return as it will be."""

    number: int
    state: str
    order: OrderOf | None
    location_id: int
    location: str
    reference: str
    note: str
    received_at: datetime | None
    closed_at: datetime | None
    lines: dict[str, Row]

    @property
    def log_reference(self) -> str:
        """What its movements refer to."""
        return f"RET-{self.number}"

    @property
    def waiting(self) -> int:
        return sum(row.waiting for row in self.lines.values())

    @property
    def to_come(self) -> int:
        return sum(row.to_come for row in self.lines.values())

    def key(self, row: Row) -> LevelKey:
        return row.sku_id, self.location_id

    def step(self, verb: str, after: str, now: datetime) -> None:
        self.state = RETURN.step(self.state, verb, after)
        if after in CLOSED:
            self.closed_at = now


class Book:
    """The returns of one batch; their heads, and then the orders they belong to, are held until the transaction ends. Make it before any SKU or
    level is locked.
    """

    def __init__(self, conn: Connection, numbers: Iterable[int]) -> None:
        self._conn = conn
        self._returns = _read(conn, possible(numbers))
        self._owners = owning.owners(conn, [each.location_id for each in self._returns.values()])

    def find(self, number: int, verb: str) -> Return | Refusal:
        """The return, if the verb may be done with it now."""
        return RETURN.find(self._returns, number, verb)

    def level_keys(self) -> set[LevelKey]:
        """Of every level that a line of these returns can move by itself."""
        return {each.key(row) for each in self._returns.values() for row in each.lines.values()}

    def order_ids(self) -> set[int]:
        return {each.order.id for each in self._returns.values() if each.order is not None}

    def places_of(self, numbers: Iterable[int]) -> set[int]:
        return {self._returns[number].location_id for number in numbers if number in self._returns}

    def not_ours(self, each: Return) -> NotAllowed | None:
        """On hand at its location may be an authority's."""
        owner = self._owners.get(each.location_id)
        return None if owner is None else owning.refusal(each.location, owner)

    def bundled(self, rows: Iterable[Row]) -> NotAllowed | None:
        """A SKU may have become a bundle since it was written into the return. Lock the SKUs first."""
        by_id = {row.sku_id: row.sku for row in rows}
        for sku_id, recipe in bundles.recipes(self._conn, by_id).items():
            parts = skus.by_id(self._conn, (part for part, _ in recipe))
            return no_own_stock(by_id[sku_id], [part.sku for part in parts.values()])
        return None

    def save(self, each: Return) -> None:
        """As it is now in memory. `told` is not among it: `told.join` writes that."""
        head = {"state": each.state, "received_at": each.received_at, "closed_at": each.closed_at}
        self._conn.execute(update(returns).where(returns.c.id == each.number).values(head))
        for row in each.lines.values():
            units = {name: getattr(row, name) for name in UNITS}
            if row.id:
                self._conn.execute(update(return_lines).where(return_lines.c.id == row.id).values(units))
            else:
                made = insert(return_lines).values(return_id=each.number, sku_id=row.sku_id, **units)
                row.id = int(self._conn.execute(made.returning(return_lines.c.id)).scalar_one())


def as_told(conn: Connection, each: Return) -> Told:
    """Once it is saved."""
    told = {
        row.id: row.told
        for row in conn.execute(select(return_lines.c.id, return_lines.c.told).where(return_lines.c.return_id == each.number))
    }
    rows = tuple(
        LineTold(r.sku, r.expected, r.received, r.waiting, told[r.id], r.restocked, r.written_off, r.to_supplier)
        for r in each.lines.values()
    )
    channel, order = (None, None) if each.order is None else (each.order.channel, each.order.ref)
    return Told(each.number, each.state, channel, order, each.location, each.reference, each.note, rows)


def _read(conn: Connection, numbers: Sequence[int]) -> dict[int, Return]:
    found: dict[int, Return] = {}
    for start in range(0, len(numbers), CHUNK):
        chunk = numbers[start : start + CHUNK]
        held = select(returns).where(returns.c.id.in_(chunk)).order_by(returns.c.id).with_for_update()
        heads = conn.execute(held).mappings().all()
        belongs = _orders(conn, {head["order_id"] for head in heads} - {None})
        rows = lines.of(conn, return_lines, return_lines.c.return_id, [head["id"] for head in heads])
        codes = select(locations.c.id, locations.c.code).where(locations.c.id.in_({head["location_id"] for head in heads}))
        names = {row.id: row.code for row in conn.execute(codes)}
        found |= {head["id"]: _return(head, names, belongs, rows[head["id"]]) for head in heads}
    return found


def _orders(conn: Connection, ids: set[int]) -> dict[int, OrderOf]:
    """Held: what their shop tells of them waits, or is seen here."""
    query = (
        select(orders.c.id, orders.c.ref, orders.c.channel_id, channels.c.name)
        .join(channels, channels.c.id == orders.c.channel_id)
        .where(orders.c.id.in_(ids))
        .order_by(orders.c.id)
        .with_for_update(of=orders)
    )
    return {row.id: OrderOf(row.id, row.ref, row.channel_id, row.name) for row in conn.execute(query)}


def _return(head: RowMapping, names: Mapping[int, str], belongs: Mapping[int, OrderOf], rows: Sequence[RowMapping]) -> Return:
    return Return(
        number=head["id"],
        state=head["state"],
        order=None if head["order_id"] is None else belongs[head["order_id"]],
        location_id=head["location_id"],
        location=names[head["location_id"]],
        reference=head["reference"],
        note=head["note"],
        received_at=head["received_at"],
        closed_at=head["closed_at"],
        lines={row["sku"]: Row(row["id"], row["sku_id"], row["sku"], *(row[name] for name in UNITS)) for row in rows},
    )
