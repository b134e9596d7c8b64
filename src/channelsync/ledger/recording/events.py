"""What happened beside the orders: units that came and went, reservations, drift, our own writes, and what people were told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, func, or_, select

from channelsync.ledger.recording.goods import Goods
from channelsync.ledger.recording.model import Drift, Found, Push, Reservation, Stock
from channelsync.ledger.recording.orders import Window
from channelsync.ledger.schema import attempts, book_entries, findings, movements, push_calls, reservations, shelves

OF_ORDERS = frozenset({"reserve", "release", "expire", "commit", "fulfil", "return", "quarantine", "defer", "debit"})
"""Movements that an order makes, where a channel is named with them."""

_STOCK: dict[str, Any] = {
    "seed": "received", "receive": "received", "adjust": "adjusted", "count": "counted", "import": "imported", "return": "returned",
    "write_off": "written off", "transfer_out": "moved", "transfer_in": "moved", "shortage": "shortage", "correct": "adjusted",
    "debit": "imported", "fulfil": "written off", "quarantine": "written off",
}  # fmt: skip
_CLAIMS: dict[str, Any] = {"reserve": "reserved", "release": "released", "expire": "expired", "commit": "committed", "fulfil": "fulfilled"}


def stock(rows: Sequence[Any], goods: Goods, window: Window) -> Iterator[Stock]:
    """An authority's reading and the proof of what had left are one: together they say what came or went besides."""
    found: Counter[tuple[datetime, int, int, Any]] = Counter()
    for row in rows:
        if kind := _STOCK.get(row.type):
            found[row.recorded_at, row.sku_id, row.location_id, kind] += row.on_hand - row.pending_debit - row.held_elsewhere
    for (seen, sku_id, location_id, kind), units in found.items():
        if units:
            place = goods.aliases.places.of(location_id)
            yield Stock(seen=window.seconds(seen), sku=goods.names[sku_id], place=place, kind=kind, units=units)


def claims(conn: Connection, rows: Sequence[Any], goods: Goods, window: Window) -> Iterator[Reservation]:
    """rows: movements of reservations within the window. What was reserved before comes first."""
    column = movements.c
    total = [func.sum(column.soft).label("soft"), func.sum(column.hard).label("hard")]
    before = (
        select(column.reference, column.sku_id, column.location_id, *total)
        .where(column.sku_id.in_(goods.units), column.recorded_at <= window.start, column.channel_id.is_(None))
        .group_by(column.reference, column.sku_id, column.location_id)
        .having((func.sum(column.soft) > 0) | (func.sum(column.hard) > 0))
    )
    old = conn.execute(before).all()
    ends = _ends(conn, {row.reference for row in (*old, *rows) if row.reference}, goods)
    for row, seen, change in [
        *((row, window.start, "reserved") for row in old),
        *((row, row.recorded_at, _CLAIMS.get(row.type)) for row in rows),
    ]:
        for kind, units in (("soft", int(row.soft)), ("hard", int(row.hard))):
            until = ends.get((row.reference, row.sku_id))
            if units and change:
                yield Reservation.model_validate(
                    {
                        "seen": window.seconds(seen),
                        "reservation": goods.aliases.reservations.of(row.reference),
                        "sku": goods.names[row.sku_id],
                        "place": goods.aliases.places.of(row.location_id),
                        "kind": kind,
                        "units": units,
                        "change": change,
                        "ends": window.seconds(until) if until and units > 0 else None,
                    }
                )


def _ends(conn: Connection, refs: set[str], goods: Goods) -> dict[tuple[str, int], datetime]:
    found: dict[tuple[str, int], datetime] = {}
    wanted = sorted(refs)
    for begin in range(0, len(wanted), 300):
        query = select(reservations.c.reference, reservations.c.sku_id, reservations.c.expires_at).where(
            reservations.c.reference.in_(wanted[begin : begin + 300]), reservations.c.sku_id.in_(goods.units)
        )
        found |= {(row.reference, row.sku_id): row.expires_at for row in conn.execute(query) if row.expires_at is not None}
    return found


def drifts(conn: Connection, goods: Goods, window: Window) -> Iterator[Drift]:
    """Settled ones from the book's log, open ones from the shelf."""
    entry = book_entries.c
    query = (
        select(entry.shelf_id, entry.kind, entry.delta, entry.at)
        .where(entry.shelf_id.in_(goods.shelf), entry.kind.in_(("rebase", "adopted", "returned")))
        .where(entry.at > window.start, entry.at <= window.end)
        .order_by(entry.id)
    )
    rows = [(row.shelf_id, row.kind, int(row.delta), row.at) for row in conn.execute(query)]
    still = select(shelves).where(shelves.c.id.in_(goods.shelf), shelves.c.gap != 0, shelves.c.gap_since <= window.end)
    rows += [(row["id"], "open", int(row["gap"]), max(row["gap_since"], window.start)) for row in conn.execute(still).mappings()]
    for shelf_id, settled, units, seen in rows:
        listing, place = goods.shelf[shelf_id]
        at = goods.listed[listing]
        channel = goods.aliases.channels.of(at.channel_id)
        yield Drift(seen=window.seconds(seen), channel=channel, item=at.item, location=place, units=units, settled=settled)


def pushes(conn: Connection, goods: Goods, window: Window) -> Iterator[Push]:
    call, wrote = push_calls.c, and_(book_entries.c.attempt_id == attempts.c.id, book_entries.c.kind == "write")
    query = (
        select(attempts, call.carrier, call.first_sent_at, call.sends, book_entries.c.id.label("booked"))
        .join(push_calls, call.key == attempts.c.call_key)
        .outerjoin(book_entries, wrote)
        .where(attempts.c.shelf_id.in_(goods.shelf), attempts.c.created_at > window.start, attempts.c.created_at <= window.end)
        .order_by(attempts.c.created_at, attempts.c.id)
    )
    for row in conn.execute(query).mappings():
        listing, place = goods.shelf[row["shelf_id"]]
        at = goods.listed[listing]
        read_back = row["state"] == "bracketed" or (row["state"] == "ok" and row["reason"].startswith("read back"))
        yield Push.model_validate(
            {
                "seen": window.seconds(row["created_at"]),
                "sent": None if row["first_sent_at"] is None else window.seconds(row["first_sent_at"]),
                "settled": None if row["settled_at"] is None else window.seconds(row["settled_at"]),
                "channel": goods.aliases.channels.of(at.channel_id),
                "item": at.item,
                "location": place,
                "carrier": row["carrier"],
                "value": row["value"],
                "delta": row["delta"],
                "sends": row["sends"],
                "state": row["state"],
                "landed": _landed(row["state"], booked=row["booked"] is not None),
                "was_unknown": not row["accepted"] and (read_back or row["sends"] > 1 or row["state"] == "unknown"),
            }
        )


def _landed(state: str, *, booked: bool) -> bool | None:
    return None if state in ("armed", "sent", "unknown") else booked


def found(conn: Connection, goods: Goods, window: Window) -> Iterator[Found]:
    row = findings.c
    query = select(findings).where(row.sku_id.in_(goods.all), row.created_at <= window.end)
    query = query.where(or_(row.resolved_at.is_(None), row.resolved_at > window.start)).order_by(row.id)
    for each in conn.execute(query).mappings():
        kind = each["kind"] if each["kind"] in ("oversell", "shortage", "drift") else "other"
        said = each["detail"].get("units", each["detail"].get("available")) if isinstance(each["detail"], dict) else None
        yield Found.model_validate(
            {
                "seen": window.seconds(each["created_at"]),
                "kind": kind,
                "channel": goods.aliases.channels.of(each["channel_id"]) if each["channel_id"] in goods.aliases.channels else None,
                "sku": goods.names[each["sku_id"]],
                "units": said if isinstance(said, int) else None,
                "resolved": None if each["resolved_at"] is None else window.seconds(each["resolved_at"]),
            }
        )
