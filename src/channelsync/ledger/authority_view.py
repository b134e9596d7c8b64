"""What an authority's role shows of itself, for `explain` and `status`: what waits to leave its number, what it holds for others, how fresh it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from channelsync.ledger import authority_import, cursors, exports
from channelsync.ledger.schema import authority_rows, channels, hand_shipments, listings, locations, order_lines, orders
from channelsync.ledger.schema import exports as export_table

SHOWN = 500

Hold = tuple[str, int, str, str, str, str | None, datetime | None]
"""kind, units, location, by, reference, channel, until: as in `explaining.HoldView`."""


def holds(conn: Connection, sku_id: int) -> list[Hold]:
    """pending: shipped, and not proved to be out of the authority's number. elsewhere: what it holds for others, and by which reading."""
    return [*_pending_orders(conn, sku_id), *_pending_by_hand(conn, sku_id), *_elsewhere(conn, sku_id)]


def _pending_orders(conn: Connection, sku_id: int) -> list[Hold]:
    query = (
        select(order_lines, locations.c.code, channels.c.name, orders.c.ref, orders.c.number)
        .join(orders, orders.c.id == order_lines.c.order_id)
        .join(channels, channels.c.id == orders.c.channel_id)
        .join(locations, locations.c.id == order_lines.c.location_id)
        .where(order_lines.c.sku_id == sku_id, locations.c.authority_id.is_not(None), order_lines.c.shipped > order_lines.c.debited)
        .order_by(order_lines.c.id)
        .limit(SHOWN)
    )
    found: list[Hold] = []
    for row in conn.execute(query).mappings():
        documented = "documented" if row["documented"] >= row["shipped"] else "no document yet"
        reference = f"{row['number'] or row['ref']} ({documented})"
        found.append(("pending", row["shipped"] - row["debited"], row["code"], "order", reference, row["name"], None))
    return found


def _pending_by_hand(conn: Connection, sku_id: int) -> list[Hold]:
    query = select(hand_shipments, locations.c.code).join(locations, locations.c.id == hand_shipments.c.location_id)
    rows = conn.execute(query.where(hand_shipments.c.sku_id == sku_id).limit(SHOWN)).mappings()
    return [("pending", row["units"], row["code"], "reservation", row["reference"], None, None) for row in rows]


def _elsewhere(conn: Connection, sku_id: int) -> list[Hold]:
    table = authority_rows
    query = (
        select(table, locations.c.code, channels.c.name, listings.c.ref, listings.c.removed_at)
        .join(locations, locations.c.id == table.c.location_id)
        .join(channels, channels.c.id == table.c.channel_id)
        .join(listings, listings.c.id == table.c.listing_id)
        .where(table.c.sku_id == sku_id, table.c.held > 0)
        .order_by(table.c.listing_id, table.c.location)
        .limit(SHOWN)
    )
    found: list[Hold] = []
    for row in conn.execute(query).mappings():
        why = "deleted there" if row["removed_at"] is not None else f"{row['reserved']} reserved there"
        reference = f"{row['ref']}@{row['location']}: {why}, asked {row['read_at']:%Y-%m-%d %H:%M:%S} (question {row['read_seq']})"
        found.append(("elsewhere", row["held"], row["code"], "authority", reference, row["name"], None))
    return found


@dataclass(frozen=True, slots=True)
class AuthorityView:
    """last_reading, last_full: when the runs began. stale: rows that did not come although they should have. waiting: claims it is to be told."""

    channel: str
    last_reading: datetime | None
    last_full: datetime | None
    numbers: int
    stale: int
    waiting: int
    aside: int
    undocumented: int


def authorities(conn: Connection) -> list[AuthorityView]:
    """Every channel in that role, by name."""
    query = select(channels.c.id, channels.c.name).where(channels.c.role == "authority").order_by(channels.c.name)
    return [_view(conn, row.id, row.name) for row in conn.execute(query)]


def _view(conn: Connection, channel_id: int, name: str) -> AuthorityView:
    mine, ours = authority_rows.c.channel_id == channel_id, export_table.c.channel_id == channel_id
    numbers, stale = conn.execute(select(func.count(authority_rows.c.units), func.count(authority_rows.c.stale_since)).where(mine)).one()
    aside, undocumented = conn.execute(
        select(func.count(export_table.c.aside_at), func.count(export_table.c.undocumented_since)).where(ours)
    ).one()
    return AuthorityView(
        name,
        cursors.looked_at(conn, channel_id, authority_import.STREAM),
        cursors.looked_at(conn, channel_id, authority_import.FULL),
        numbers,
        stale,
        exports.waiting(conn, channel_id),
        aside,
        undocumented,
    )
