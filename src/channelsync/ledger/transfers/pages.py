"""Transfers for people and programs to read, in pages. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, Select, func, select

from channelsync.ledger import costs, reorder_levels
from channelsync.ledger.documents import heads
from channelsync.ledger.schema import AVAILABLE, locations, skus, stock_levels, transfer_lines, transfers
from channelsync.ledger.transfers.states import TRANSFER


@dataclass(frozen=True, slots=True)
class TransferRow:
    """One transfer. lines: how many; quantity (to be shipped, or shipped), received, in_transit, missing, over: their units. value: of what is in
    transit, missing_value: of what is missing, decimal text at what one unit cost when it was shipped, as far as that is known; uncosted and
    missing_uncosted: the units of which it is not, which the values leave out.
    """

    number: int
    state: str
    origin: str
    destination: str
    reference: str
    note: str
    created_at: datetime
    created_by: str
    shipped_at: datetime | None
    closed_at: datetime | None
    lines: int
    quantity: int
    received: int
    in_transit: int
    missing: int
    over: int
    value: str
    missing_value: str
    uncosted: int
    missing_uncosted: int


@dataclass(frozen=True, slots=True)
class LineRow:
    """SKU units, as in `TransferRow`. available: at the origin now. cost: of one unit when it was shipped, decimal text; None: not known, or not
    shipped yet.
    """

    sku: str
    title: str
    quantity: int
    received: int
    in_transit: int
    missing: int
    over: int
    available: int
    cost: str | None


@dataclass(frozen=True, slots=True)
class TransferDetail:
    transfer: TransferRow
    lines: tuple[LineRow, ...]


@dataclass(frozen=True, slots=True)
class Filter:
    """Each None: any. origin, destination: locations."""

    state: str | None = None
    origin: str | None = None
    destination: str | None = None


_FROM, _TO = locations.alias(), locations.alias()


def transfer_rows(conn: Connection, wanted: Filter, before: int | None = None, limit: int = 100) -> list[TransferRow]:
    """The newest first. Raises UnknownLocation."""
    query = heads.newest(_transfers(), transfers, wanted.state, before, limit)
    for column, code in ((transfers.c.from_id, wanted.origin), (transfers.c.to_id, wanted.destination)):
        if code is not None:
            query = query.where(column == reorder_levels.place_of(conn, code))
    return _with_sums(conn, conn.execute(query).mappings().all())


def one_transfer(conn: Connection, number: int) -> TransferDetail:
    """Raises UnknownDocument."""
    head = heads.one(conn, _transfers(), transfers, TRANSFER, number)
    there = (stock_levels.c.sku_id == transfer_lines.c.sku_id) & (stock_levels.c.location_id == head["from_id"])
    query = (
        select(transfer_lines, skus.c.sku, skus.c.title, func.coalesce(AVAILABLE, 0).label("available"))
        .join(skus, skus.c.id == transfer_lines.c.sku_id)
        .outerjoin(stock_levels, there)
        .where(transfer_lines.c.transfer_id == number)
        .order_by(transfer_lines.c.id)
    )
    return TransferDetail(_with_sums(conn, [head])[0], tuple(_line(row) for row in conn.execute(query).mappings()))


def _transfers() -> Select[Any]:
    return (
        select(transfers, _FROM.c.code.label("origin"), _TO.c.code.label("destination"))
        .join(_FROM, _FROM.c.id == transfers.c.from_id)
        .join(_TO, _TO.c.id == transfers.c.to_id)
    )


def _line(row: RowMapping) -> LineRow:
    units = {name: row[name] for name in ("quantity", "received", "in_transit", "missing", "available")}
    return LineRow(row["sku"], row["title"], over=_over(row), cost=costs.text_of(row["cost"]), **units)


def _over(line: RowMapping) -> int:
    return max(0, int(line["received"] - line["quantity"]))


_SUMS: Final = ("lines", "quantity", "received", "in_transit", "missing", "over", "uncosted", "missing_uncosted")


def _with_sums(conn: Connection, heads: Sequence[RowMapping]) -> list[TransferRow]:
    """Money is multiplied here, not by the database: no sum of any size is rounded or overflows."""
    found = {head["id"]: _row(head) for head in heads}
    values, missing = dict.fromkeys(found, 0), dict.fromkeys(found, 0)
    query = select(transfer_lines).where(transfer_lines.c.transfer_id.in_(found))
    for line in conn.execute(query).mappings():
        number, row = line["transfer_id"], found[line["transfer_id"]]
        sums = {name: getattr(row, name) + line[name] for name in ("quantity", "received", "in_transit", "missing")}
        if line["cost"] is None:
            sums |= {"uncosted": row.uncosted + line["in_transit"], "missing_uncosted": row.missing_uncosted + line["missing"]}
        found[number] = replace(row, lines=row.lines + 1, over=row.over + _over(line), **sums)
        values[number] += line["in_transit"] * (line["cost"] or 0)
        missing[number] += line["missing"] * (line["cost"] or 0)
    money = {number: (str(costs.text_of(values[number])), str(costs.text_of(missing[number]))) for number in found}
    return [replace(row, value=money[number][0], missing_value=money[number][1]) for number, row in found.items()]


def _row(head: RowMapping) -> TransferRow:
    said = ("state", "origin", "destination", "reference", "note", "created_at", "created_by", "shipped_at", "closed_at")
    none: dict[str, Any] = dict.fromkeys(_SUMS, 0)
    return TransferRow(head["id"], **{name: head[name] for name in said}, **none, value="", missing_value="")
