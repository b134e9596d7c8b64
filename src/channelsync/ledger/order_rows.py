"""The rows behind an order: its own, and per line what is posted for it. No rules here; `ledger.orders` and its neighbours decide."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from channelsync.contract import OrderState
from channelsync.ledger import fitting
from channelsync.ledger.dialects import by_keys, keys_of
from channelsync.ledger.many import insert_many, update_many
from channelsync.ledger.net_effect import Posted
from channelsync.ledger.order_mapping import Source
from channelsync.ledger.schema import POSTED, order_lines, orders
from channelsync.ledger.spelt import Spelt, one_of

CHUNK = 400
OrderKey = tuple[int, str]
"""(channel id, the order's ref)"""


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


_KEYS = orders.c.channel_id, orders.c.ref
_STORED = select(*_KEYS, *(orders.c[name] for name in ("id", "modified_at", "read_seq", "digest", "state", "before_opening")))
_FIND = Spelt({name: _STORED.where(these).order_by(orders.c.id).with_for_update() for name, these in by_keys(_KEYS).items()})


def find(conn: Connection, wanted: Sequence[OrderKey]) -> dict[OrderKey, StoredOrder]:
    """Those of the orders that are stored, locked until the transaction ends."""
    found: dict[OrderKey, StoredOrder] = {}
    for start in range(0, len(wanted), CHUNK):
        for channel_id, ref, id_, modified_at, read_seq, digest, state, before_opening in _FIND.rows(
            conn, **keys_of(wanted[start : start + CHUNK])
        ):
            found[channel_id, ref] = StoredOrder(id_, modified_at, read_seq, digest, OrderState(state), before_opening)
    return found


_DIGESTS = Spelt({name: select(*_KEYS, orders.c.id, orders.c.digest).where(these) for name, these in by_keys(_KEYS).items()})


def digests(conn: Connection, wanted: Iterable[OrderKey]) -> dict[OrderKey, tuple[int, str]]:
    """(channel id, ref) -> (id, digest) of those of the orders that are stored. Locks nothing."""
    keys = [(channel_id, ref) for channel_id, ref in wanted if fitting.storable(ref) == ref]  # no other can be ours
    found: dict[OrderKey, tuple[int, str]] = {}
    for start in range(0, len(keys), CHUNK):
        for channel_id, ref, id_, digest in _DIGESTS.rows(conn, **keys_of(keys[start : start + CHUNK])):
            found[channel_id, ref] = id_, digest
    return found


_TOLD = (
    "ref", "number", "state", "modified_at", "read_seq", "direct", "digest", "snapshot", "before_opening", "reservation_ref", "placed_at",
    "applied_at",
)  # fmt: skip
_NEW = insert_many(orders, "channel_id", *_TOLD, "first_seen_at", known=False, returning=("channel_id", "ref", "id"))
_AGAIN = update_many(
    orders,
    {"_id": orders.c.id},
    {f"_{name}": orders.c[name].type for name in _TOLD},
    lambda row: {name: row[f"_{name}"] for name in _TOLD},
)


def add(conn: Connection, told: Mapping[OrderKey, Mapping[str, Any]], now: datetime) -> dict[OrderKey, int]:
    """The ids of new orders; one that somebody else has just stored has none."""
    if not told:
        return {}
    rows = [{**told[key], "channel_id": key[0], "first_seen_at": now, "applied_at": now} for key in sorted(told)]
    return {(channel_id, ref): id_ for channel_id, ref, id_ in _NEW.run(conn, rows)}


def change(conn: Connection, told: Mapping[int, Mapping[str, Any]], now: datetime) -> None:
    """What is said now of orders, by their ids, whose rows are locked."""
    if told:
        _AGAIN.run(conn, [{"_id": id_, "_applied_at": now, **{f"_{k}": v for k, v in values.items()}} for id_, values in told.items()])


_LINES = Spelt(select(order_lines).where(one_of(order_lines.c.order_id, "those")).order_by(order_lines.c.id).with_for_update())


def lines_of(conn: Connection, order_ids: Sequence[int]) -> Mapping[int, list[LineRow]]:
    """By order. Locked until the transaction ends: a hold may be ending by the clock at this moment."""
    found: dict[int, list[LineRow]] = {id_: [] for id_ in order_ids}
    for start in range(0, len(order_ids), CHUNK):
        for row in _LINES.mappings(conn, those=order_ids[start : start + CHUNK]):
            found[row["order_id"]].append(line_row(row))
    return found


def line_row(row: Mapping[str, Any]) -> LineRow:
    at = Source(row["sku_id"], row["location_id"], row["pack"], row["shelf_id"], row["bundle_id"])
    posted = Posted(**{name: row[name] for name in POSTED}, took=row["took"], withheld=row["withheld"])
    return LineRow(row["id"], row["line_ref"], at, posted, row["hold_until"], row["quantity"], row["documented"], row["debited"])


_STATE = (*POSTED, "took", "withheld", "hold_until", "quantity", "documented", "debited")
_PLACE = ("sku_id", "location_id", "shelf_id", "bundle_id", "pack")
_ADD = insert_many(order_lines, "order_id", "line_ref", *_PLACE, *_STATE)
_CHANGE = update_many(
    order_lines,
    {"_id": order_lines.c.id},
    {f"_{name}": order_lines.c[name].type for name in ("shelf_id", *_STATE)},
    lambda row: {name: row[f"_{name}"] for name in ("shelf_id", *_STATE)},
)


def save_lines(conn: Connection, of_order: Sequence[tuple[int, LineRow]]) -> None:
    """Store parts of lines as they are now, which are locked, each with its order; id 0: a new one."""
    if new := [_added(order_id, row) for order_id, row in of_order if not row.id]:
        _ADD.run(conn, new)
    if changed := [_changed(row) for _, row in of_order if row.id]:
        _CHANGE.run(conn, changed)


def _added(order_id: int, row: LineRow) -> dict[str, Any]:
    return {"order_id": order_id, "line_ref": row.line_ref, **{name: getattr(row.at, name) for name in _PLACE}, **_state(row)}


def _changed(row: LineRow) -> dict[str, Any]:
    return {"_id": row.id, "_shelf_id": row.at.shelf_id, **{f"_{name}": value for name, value in _state(row).items()}}


def _state(row: LineRow) -> dict[str, Any]:
    return {
        **{name: getattr(row.posted, name) for name in (*POSTED, "took", "withheld")},
        **{name: getattr(row, name) for name in ("hold_until", "quantity", "documented", "debited")},
    }
