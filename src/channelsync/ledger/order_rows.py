"""The rows behind an order: its own, and per line what is posted for it. No rules here; `ledger.orders` and its neighbours decide."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from channelsync.contract import OrderState
from channelsync.ledger import fitting
from channelsync.ledger.dialects import by_keys, keys_of
from channelsync.ledger.many import insert_many, update_many
from channelsync.ledger.net_effect import Posted
from channelsync.ledger.order_mapping import Source
from channelsync.ledger.schema import POSTED, order_lines, orders
from channelsync.ledger.spelt import Spelt

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


_FIND = Spelt(
    select(*(orders.c[name] for name in ("id", "modified_at", "read_seq", "digest", "state", "before_opening")))
    .where(orders.c.channel_id == bindparam("channel"), orders.c.ref == bindparam("named"))
    .with_for_update()
)


def find_order(conn: Connection, channel_id: int, ref: str) -> StoredOrder | None:
    """The order's row, locked until the transaction ends."""
    row = _FIND.first(conn, channel=channel_id, named=ref)
    if row is None:
        return None
    id_, modified_at, read_seq, digest, state, before_opening = row
    return StoredOrder(id_, modified_at, read_seq, digest, OrderState(state), before_opening)


_KEYS = orders.c.channel_id, orders.c.ref
_DIGESTS = Spelt({name: select(*_KEYS, orders.c.id, orders.c.digest).where(these) for name, these in by_keys(_KEYS).items()})


def digests(conn: Connection, wanted: Iterable[tuple[int, str]]) -> dict[tuple[int, str], tuple[int, str]]:
    """(channel id, ref) -> (id, digest) of those of the orders that are stored. Locks nothing."""
    keys = [(channel_id, ref) for channel_id, ref in wanted if fitting.storable(ref) == ref]  # no other can be ours
    found: dict[tuple[int, str], tuple[int, str]] = {}
    for start in range(0, len(keys), CHUNK):
        for channel_id, ref, id_, digest in _DIGESTS.rows(conn, **keys_of(keys[start : start + CHUNK])):
            found[channel_id, ref] = id_, digest
    return found


_TOLD = (
    "ref", "number", "state", "modified_at", "read_seq", "direct", "digest", "snapshot", "before_opening", "reservation_ref", "placed_at",
    "applied_at",
)  # fmt: skip
_NEW = insert_many(orders, "channel_id", *_TOLD, "first_seen_at", known=False, returning="id")
_AGAIN = Spelt(
    update(orders).where(orders.c.id == bindparam("_id")).values({name: bindparam(f"_{name}", type_=orders.c[name].type) for name in _TOLD})
)


def save_order(conn: Connection, order_id: int | None, channel_id: int, values: dict[str, Any], now: datetime) -> int | None:
    """The order's id; None: it was to be new, and somebody else has just stored it."""
    if order_id is not None:
        _AGAIN.run(conn, _id=order_id, _applied_at=now, **{f"_{name}": value for name, value in values.items()})
        return order_id
    row = {**values, "channel_id": channel_id, "first_seen_at": now, "applied_at": now}
    made: int | None = next(iter(_NEW.run(conn, [row])), None)
    return made


_LINES = Spelt(select(order_lines).where(order_lines.c.order_id == bindparam("mine")).order_by(order_lines.c.id).with_for_update())


def lines_of(conn: Connection, order_id: int) -> list[LineRow]:
    """Locked until the transaction ends: a hold may be ending by the clock at this moment."""
    return [line_row(row) for row in _LINES.mappings(conn, mine=order_id)]


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


def save_lines(conn: Connection, order_id: int, rows: Sequence[LineRow]) -> None:
    """Store parts of lines as they are now, which are locked; id 0: a new one."""
    if new := [row for row in rows if not row.id]:
        at = ({name: getattr(row.at, name) for name in _PLACE} for row in new)
        _ADD.run(
            conn, [{"order_id": order_id, "line_ref": row.line_ref, **where, **_state(row)} for where, row in zip(at, new, strict=True)]
        )
    if changed := [row for row in rows if row.id]:
        _CHANGE.run(conn, [{"_id": row.id, "_shelf_id": row.at.shelf_id} | {f"_{k}": v for k, v in _state(row).items()} for row in changed])


def _state(row: LineRow) -> dict[str, Any]:
    return {
        **{name: getattr(row.posted, name) for name in (*POSTED, "took", "withheld")},
        **{name: getattr(row, name) for name in ("hold_until", "quantity", "documented", "debited")},
    }
