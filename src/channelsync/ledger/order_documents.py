"""What an authority's own documents and numbers say about shipments from its locations.

Per order_lines row there, in SKU units: shipped = max(what the channel says, documented), so whichever side speaks first ends the hold; of that,
`debited` is proved to be out of the authority's number, and the rest is what this row has in pending_debit. At all other locations debited is
all that was shipped.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, RowMapping, bindparam, delete, select, update

from channelsync.ledger import findings, levels, order_json, order_mapping, orders
from channelsync.ledger.dialects import among
from channelsync.ledger.levels import Entry, LevelKey, MovementType
from channelsync.ledger.orders import Sighting
from channelsync.ledger.schema import hand_shipments, order_lines
from channelsync.ledger.schema import orders as order_table

CHUNK = 400
AGAIN: Final = "the ledger counts here again"


@dataclass(frozen=True, slots=True)
class Documented:
    """line: an order_lines row. units: what the authority's documents ship of it by now, in SKU units; fewer than before if one is gone."""

    line: int
    units: int


@dataclass(frozen=True, slots=True)
class Debited:
    """line: an order_lines row. units: what is proved to be out of the authority's number by now, in SKU units."""

    line: int
    units: int


def note(conn: Connection, items: Sequence[Documented], now: datetime) -> None:
    """Store what the documents say and apply the orders again: holds end, pending_debit rises; a document that is gone is followed back."""
    units = {item.line: item.units for item in items}
    of_order: dict[int, dict[int, int]] = defaultdict(dict)
    for row in _rows(conn, units, order_lines.c.id, order_lines.c.order_id, order_lines.c.documented):
        if row["documented"] != units[row["id"]]:
            of_order[row["order_id"]][row["id"]] = units[row["id"]]
    for start in range(0, len(of_order), CHUNK):
        chunk = sorted(of_order)[start : start + CHUNK]
        query = select(order_table.c.id, order_table.c.channel_id, order_table.c.read_seq, order_table.c.snapshot)
        rows = conn.execute(query.where(order_table.c.id.in_(chunk)).order_by(order_table.c.id)).all()
        again = [
            Sighting(row.channel_id, order_json.from_json(row.snapshot), row.read_seq, again=True, stored=True, documents=of_order[row.id])
            for row in rows
        ]
        orders.apply(conn, again, now)


def debit(conn: Connection, items: Sequence[Debited], now: datetime) -> list[Entry]:
    """Move `debited`, and return the movements that take it out of pending_debit, *not yet posted*: they belong into one transaction and one
    `levels.post` with the reading that proves it. More than was shipped is never proved; fewer than before puts units back to pending. Rows at
    locations where the ledger counts are left alone.
    """
    units = {item.line: item.units for item in items}
    columns = (order_lines.c.id, order_lines.c.sku_id, order_lines.c.location_id, order_lines.c.shipped, order_lines.c.debited)
    rows = _rows(conn, units, *columns, order_table.c.ref, order_table.c.channel_id)
    owned = order_mapping.owned_locations(conn)
    entries, changed = [], []
    for row in rows:
        if row["location_id"] not in owned:
            continue
        proved = max(0, min(units[row["id"]], row["shipped"]))
        if proved != row["debited"]:
            changed.append({"_id": row["id"], "_debited": proved})
            entries.append(_entry(row, MovementType.DEBIT, pending_debit=row["debited"] - proved))
    _save(conn, changed)
    return entries


def debit_by_hand(conn: Connection, keys: Collection[LevelKey], shipped_by: datetime, now: datetime) -> list[Entry]:
    """What reservations have shipped from these levels by then is out of the authority's number. Returns the movements, *not yet posted*.

    No order and no document of ours stands behind them: that a reading is late enough (`shipped_by`) is all the proof there is.
    """
    entries, wanted = list[Entry](), sorted(keys)
    for start in range(0, len(wanted), CHUNK):
        chunk = among(conn, (hand_shipments.c.sku_id, hand_shipments.c.location_id), wanted[start : start + CHUNK])
        gone = delete(hand_shipments).where(chunk, hand_shipments.c.shipped_at <= shipped_by).returning(hand_shipments)
        entries += [_by_hand(row) for row in conn.execute(gone).mappings()]
    return entries


def _by_hand(row: RowMapping, *, on_hand: int = 0, reason: str = "") -> Entry:
    key, units = (row["sku_id"], row["location_id"]), row["units"]
    return Entry(
        *key, MovementType.DEBIT, on_hand=on_hand, pending_debit=-units, reference=row["reference"], reason=reason, actor="authority"
    )


def given_back(conn: Connection, location_ids: Collection[int], now: datetime) -> list[Entry]:
    """The ledger counts at these locations from now on: what was shipped but not proved to be out of the authority's number has left all the same.

    Returns the movements, not yet posted. Units that the authority's last number no longer held are a shortage.
    """
    pending = order_lines.c.shipped - order_lines.c.debited
    query = select(order_lines, order_table.c.ref, order_table.c.channel_id).join(order_table, order_table.c.id == order_lines.c.order_id)
    query = (
        query.where(order_lines.c.location_id.in_(list(location_ids)), pending != 0)
        .order_by(order_lines.c.id)
        .with_for_update(of=order_lines)
    )
    rows = conn.execute(query).mappings().all()
    _save(conn, [{"_id": row["id"], "_debited": row["shipped"]} for row in rows])
    left = {
        key: level.on_hand for key, level in levels.read(conn, [(row["sku_id"], row["location_id"]) for row in rows], lock=True).items()
    }
    entries = []
    for row in rows:
        key, units = (row["sku_id"], row["location_id"]), row["shipped"] - row["debited"]
        if units > left[key]:
            missing = units - left[key]
            entries.append(_entry(row, MovementType.SHORTAGE, on_hand=missing, reason="shipped but never counted"))
            findings.record(conn, "shortage", row["channel_id"], key[0], row["ref"], {"units": missing}, now)
        left[key] = max(0, left[key] - units)
        entries.append(_entry(row, MovementType.DEBIT, on_hand=-units, pending_debit=-units, reason=AGAIN))
    return entries + _hands_given_back(conn, location_ids, left)


def _hands_given_back(conn: Connection, location_ids: Collection[int], left: dict[LevelKey, int]) -> list[Entry]:
    """left: on hand of the levels that order lines took from."""
    gone = delete(hand_shipments).where(hand_shipments.c.location_id.in_(list(location_ids))).returning(hand_shipments)
    rows = conn.execute(gone).mappings().all()
    present = {
        key: level.on_hand for key, level in levels.read(conn, [(row["sku_id"], row["location_id"]) for row in rows], lock=True).items()
    }
    left = present | left
    entries = []
    for row in rows:
        key, units = (row["sku_id"], row["location_id"]), row["units"]
        if missing := max(0, units - left[key]):
            entries.append(
                Entry(*key, MovementType.SHORTAGE, on_hand=missing, reference=row["reference"], reason="shipped but never counted")
            )
        left[key] = max(0, left[key] - units)
        entries.append(_by_hand(row, on_hand=-units, reason=AGAIN))
    return entries


def _rows(conn: Connection, line_ids: Collection[int], *columns: object) -> list[RowMapping]:
    """Locked until the transaction ends, in key order."""
    ids, found = sorted(line_ids), list[RowMapping]()
    for start in range(0, len(ids), CHUNK):
        query = select(*columns).join(order_table, order_table.c.id == order_lines.c.order_id)  # type: ignore[call-overload]
        query = query.where(order_lines.c.id.in_(ids[start : start + CHUNK])).order_by(order_lines.c.id).with_for_update(of=order_lines)
        found += conn.execute(query).mappings().all()
    return found


def _entry(row: RowMapping, type_: MovementType, *, on_hand: int = 0, pending_debit: int = 0, reason: str = "") -> Entry:
    return Entry(
        row["sku_id"],
        row["location_id"],
        type_,
        on_hand=on_hand,
        pending_debit=pending_debit,
        reference=row["ref"],
        reason=reason,
        actor="authority",
        channel_id=row["channel_id"],
    )


_SET_DEBITED = update(order_lines).where(order_lines.c.id == bindparam("_id")).values(debited=bindparam("_debited"))


def _save(conn: Connection, rows: list[dict[str, int]]) -> None:
    if rows:
        conn.execute(_SET_DEBITED, rows)
