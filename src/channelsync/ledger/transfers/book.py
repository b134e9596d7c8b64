"""Transfers while a verb works on them: read and locked for a whole batch, changed in memory, written at the end. What changes is the verbs' affair."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, bindparam, select, update

from channelsync.ledger import costs, owning, skus
from channelsync.ledger.documents import lines
from channelsync.ledger.documents.heads import possible
from channelsync.ledger.keys import Answer
from channelsync.ledger.levels import LevelKey
from channelsync.ledger.refusals import NotAllowed, Refusal
from channelsync.ledger.schema import locations, transfer_lines, transfers
from channelsync.ledger.transfers.states import CLOSED, TRANSFER

CHUNK: Final = 400


@dataclass(frozen=True, slots=True)
class LineTold:
    """SKU units. quantity: to be shipped, or shipped. in_transit: shipped, and neither received nor missing. missing: shipped, and said never to have
    arrived. over: received beyond what was shipped. cost: of one unit when it was shipped, decimal text; None: not known, or not shipped yet.
    """

    sku: str
    quantity: int
    received: int
    in_transit: int
    missing: int
    over: int
    cost: str | None


@dataclass(frozen=True, slots=True)
class Told(Answer):
    """A transfer after a verb. origin, destination: locations. reference: a carrier's number."""

    number: int
    state: str
    origin: str
    destination: str
    reference: str
    note: str
    lines: tuple[LineTold, ...]


@dataclass(slots=True)
class Row:
    """One line as it will be. cost: ten-thousandths."""

    id: int
    sku_id: int
    sku: str
    quantity: int
    received: int
    missing: int
    in_transit: int
    cost: int | None

    @property
    def over(self) -> int:
        return max(0, self.received - self.quantity)


@dataclass(slots=True)
class Transfer:
    """One transfer as it will be."""

    number: int
    state: str
    origin_id: int
    origin: str
    destination_id: int
    destination: str
    reference: str
    note: str
    shipped_at: datetime | None
    closed_at: datetime | None
    lines: dict[str, Row]
    changed: bool = False

    @property
    def log_reference(self) -> str:
        """What its movements refer to."""
        return f"TR-{self.number}"

    @property
    def in_transit(self) -> int:
        return sum(row.in_transit for row in self.lines.values())

    def leaves(self, row: Row) -> LevelKey:
        return row.sku_id, self.origin_id

    def reaches(self, row: Row) -> LevelKey:
        return row.sku_id, self.destination_id

    def step(self, verb: str, after: str, now: datetime) -> None:
        self.state, self.changed = TRANSFER.step(self.state, verb, after), True
        if after in CLOSED:
            self.closed_at = now

    def told(self) -> Told:
        rows = tuple(
            LineTold(row.sku, row.quantity, row.received, row.in_transit, row.missing, row.over, costs.text_of(row.cost))
            for row in self.lines.values()
        )
        return Told(self.number, self.state, self.origin, self.destination, self.reference, self.note, rows)


class Book:
    """The transfers of one batch, their heads held until the transaction ends. Make it before any SKU or level is locked."""

    def __init__(self, conn: Connection, numbers: Iterable[int]) -> None:
        self._conn = conn
        self._transfers = _read(conn, possible(numbers))
        places = {place for each in self._transfers.values() for place in (each.origin_id, each.destination_id)}
        self._owners = owning.owners(conn, places)

    def find(self, number: int, verb: str) -> Transfer | Refusal:
        """The transfer, if the verb may be done with it now."""
        return TRANSFER.find(self._transfers, number, verb)

    def lock_skus(self) -> None:
        """What lies on transfers is in the average cost of a SKU, and a SKU with units is no bundle: both are decided with its row held."""
        skus.lock_rows(self._conn, {row.sku_id for each in self._transfers.values() for row in each.lines.values()})

    def level_keys(self) -> set[LevelKey]:
        """Of every level that a line of these transfers can move."""
        return {key for each in self._transfers.values() for row in each.lines.values() for key in (each.leaves(row), each.reaches(row))}

    def not_ours(self, transfer: Transfer) -> NotAllowed | None:
        """On hand at one of its places may be an authority's."""
        return owned(self._owners, {transfer.origin: transfer.origin_id, transfer.destination: transfer.destination_id})

    def no_lines(self, rows: Iterable[Row]) -> Refusal | None:
        """A SKU may have become a bundle since it was written into the transfer. Lock the SKUs first."""
        found = lines.resolve(self._conn, [row.sku for row in rows])
        return found if isinstance(found, Refusal) else None

    def write(self) -> None:
        """What has made a step, as it is now in memory."""
        changed = [each for each in self._transfers.values() if each.changed]
        for each in changed:
            head = {"state": each.state, "reference": each.reference, "shipped_at": each.shipped_at, "closed_at": each.closed_at}
            self._conn.execute(update(transfers).where(transfers.c.id == each.number).values(head))
        rows = [
            {"_id": row.id, "_received": row.received, "_missing": row.missing, "_in_transit": row.in_transit, "_cost": row.cost}
            for each in changed
            for row in each.lines.values()
        ]
        if rows:
            self._conn.execute(_MOVE, rows)


_MOVE = (
    update(transfer_lines)
    .where(transfer_lines.c.id == bindparam("_id"))
    .values({name: bindparam(f"_{name}") for name in ("received", "missing", "in_transit", "cost")})
)


def owned(owners: Mapping[int, str], places: Mapping[str, int]) -> NotAllowed | None:
    """places: by code. What an authority owns is moved there, not here."""
    return next((owning.refusal(code, owners[place]) for code, place in places.items() if place in owners), None)


def _read(conn: Connection, numbers: Sequence[int]) -> dict[int, Transfer]:
    found: dict[int, Transfer] = {}
    for start in range(0, len(numbers), CHUNK):
        chunk = numbers[start : start + CHUNK]
        held = select(transfers).where(transfers.c.id.in_(chunk)).order_by(transfers.c.id).with_for_update()
        heads = conn.execute(held).mappings().all()
        rows = lines.of(conn, transfer_lines, transfer_lines.c.transfer_id, [head["id"] for head in heads])
        named = {head[side] for head in heads for side in ("from_id", "to_id")}
        codes = {row.id: row.code for row in conn.execute(select(locations.c.id, locations.c.code).where(locations.c.id.in_(named)))}
        found |= {head["id"]: _transfer(head, codes, rows[head["id"]]) for head in heads}
    return found


def _transfer(head: RowMapping, codes: Mapping[int, str], rows: Sequence[Mapping[Any, Any]]) -> Transfer:
    columns = "id", "sku_id", "sku", "quantity", "received", "missing", "in_transit", "cost"
    return Transfer(
        number=head["id"],
        state=head["state"],
        origin_id=head["from_id"],
        origin=codes[head["from_id"]],
        destination_id=head["to_id"],
        destination=codes[head["to_id"]],
        reference=head["reference"],
        note=head["note"],
        shipped_at=head["shipped_at"],
        closed_at=head["closed_at"],
        lines={row["sku"]: Row(*(row[name] for name in columns)) for row in rows},
    )
