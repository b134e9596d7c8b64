"""The rows behind an order: its own, and per line what is posted for it. No rules here; `ledger.orders` and its neighbours decide."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from channelsync.contract import OrderState
from channelsync.ledger import fitting
from channelsync.ledger.dialects import among, insert_into
from channelsync.ledger.net_effect import Posted
from channelsync.ledger.order_mapping import Source
from channelsync.ledger.schema import POSTED, order_lines, orders

CHUNK = 400


@dataclass(frozen=True, slots=True)
class LineRow:
    """One stored part of a line.

    quantity: units of the listing that are ordered from here now; 0 where the line was before. documented, debited (SKU units): at an
    authority's location, what its own documents have shipped, and what is proved to be out of its number; elsewhere all that was shipped is.
    """

    id: int
    line_ref: str
    at: Source
    posted: Posted
    hold_until: datetime | None
    quantity: int = 0
    documented: int = 0
    debited: int = 0


@dataclass(frozen=True, slots=True)
class StoredOrder:
    id: int
    modified_at: datetime
    read_seq: int
    digest: str
    state: OrderState
    before_opening: bool


def find_order(conn: Connection, channel_id: int, ref: str) -> StoredOrder | None:
    """The order's row, locked until the transaction ends."""
    query = select(orders).where(orders.c.channel_id == channel_id, orders.c.ref == ref).with_for_update()
    row = conn.execute(query).mappings().first()
    if row is None:
        return None
    return StoredOrder(row["id"], row["modified_at"], row["read_seq"], row["digest"], OrderState(row["state"]), row["before_opening"])


def digests(conn: Connection, wanted: Iterable[tuple[int, str]]) -> dict[tuple[int, str], tuple[int, str]]:
    """(channel id, ref) -> (id, digest) of those of the orders that are stored. Locks nothing."""
    keys = [(channel_id, ref) for channel_id, ref in wanted if fitting.storable(ref) == ref]  # no other can be ours
    found: dict[tuple[int, str], tuple[int, str]] = {}
    for start in range(0, len(keys), CHUNK):
        chunk = keys[start : start + CHUNK]
        query = select(orders.c.channel_id, orders.c.ref, orders.c.id, orders.c.digest)
        for row in conn.execute(query.where(among(conn, (orders.c.channel_id, orders.c.ref), chunk))):
            found[row.channel_id, row.ref] = row.id, row.digest
    return found


def save_order(conn: Connection, order_id: int | None, channel_id: int, values: dict[str, Any], now: datetime) -> int | None:
    """The order's id; None: it was to be new, and somebody else has just stored it."""
    if order_id is not None:
        conn.execute(update(orders).where(orders.c.id == order_id).values(**values, applied_at=now))
        return order_id
    statement = insert_into(conn, orders).values(**values, channel_id=channel_id, first_seen_at=now, applied_at=now)
    made: int | None = conn.execute(statement.on_conflict_do_nothing().returning(orders.c.id)).scalar_one_or_none()
    return made


def lines_of(conn: Connection, order_id: int) -> list[LineRow]:
    """Locked until the transaction ends: a hold may be ending by the clock at this moment."""
    query = select(order_lines).where(order_lines.c.order_id == order_id).order_by(order_lines.c.id).with_for_update()
    return [line_row(dict(row)) for row in conn.execute(query).mappings()]


def line_row(row: Mapping[str, Any]) -> LineRow:
    at = Source(row["sku_id"], row["location_id"], row["pack"], row["shelf_id"], row["bundle_id"])
    posted = Posted(**{name: row[name] for name in POSTED}, took=row["took"], withheld=row["withheld"])
    return LineRow(row["id"], row["line_ref"], at, posted, row["hold_until"], row["quantity"], row["documented"], row["debited"])


def save_line(conn: Connection, order_id: int, row: LineRow) -> LineRow:
    """Store a part of a line as it is now; id 0: a new one."""
    values = {
        **{name: getattr(row.posted, name) for name in POSTED},
        "took": row.posted.took,
        "withheld": row.posted.withheld,
        "hold_until": row.hold_until,
        "quantity": row.quantity,
        "documented": row.documented,
        "debited": row.debited,
    }
    if row.id:
        conn.execute(update(order_lines).where(order_lines.c.id == row.id).values(**values, shelf_id=row.at.shelf_id))
        return row
    at = {name: getattr(row.at, name) for name in ("sku_id", "location_id", "shelf_id", "bundle_id", "pack")}
    made = insert(order_lines).values(order_id=order_id, line_ref=row.line_ref, **at, **values).returning(order_lines.c.id)
    return replace(row, id=conn.execute(made).scalar_one())
