"""Adopting a drift: on `adopt`, a hand edit in a shop becomes a physical correction of ours; and it is given back if it was a late order after all."""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from channelsync.ledger.levels import Entry, MovementType
from channelsync.ledger.schema import listings, locations, shelf_feeds, shelves


def adopt(conn: Connection, shelf_id: int, gap: int) -> list[Entry]:
    """The movement that makes the ledger agree with a shelf that shows `gap` more (listing units)."""
    conn.execute(update(shelves).where(shelves.c.id == shelf_id).values(adopted=shelves.c.adopted + gap))
    return [_correction(conn, shelf_id, gap, "adopted: edited in the shop")]


def take_back(conn: Connection, shelf_id: int, swallowed: int) -> list[Entry]:
    """An order explains (part of) an adopted drift: undo as much of the adoption as the order's effect was."""
    adopted = conn.execute(select(shelves.c.adopted).where(shelves.c.id == shelf_id).with_for_update()).scalar_one()
    if adopted * swallowed <= 0:
        return []
    part = min(abs(adopted), abs(swallowed)) * (1 if adopted > 0 else -1)
    conn.execute(update(shelves).where(shelves.c.id == shelf_id).values(adopted=shelves.c.adopted - part))
    return [_correction(conn, shelf_id, -part, "adoption taken back: it was this order")]


def _correction(conn: Connection, shelf_id: int, units: int, reason: str) -> Entry:
    query = (
        select(listings.c.sku_id, listings.c.pack, shelf_feeds.c.location_id)
        .join(shelves, shelves.c.listing_id == listings.c.id)
        .join(shelf_feeds, shelf_feeds.c.shelf_id == shelves.c.id)
        .join(locations, locations.c.id == shelf_feeds.c.location_id)
        .where(shelves.c.id == shelf_id)
        .order_by(locations.c.priority, locations.c.id)
        .limit(1)
    )
    row = conn.execute(query).one()
    return Entry(row.sku_id, row.location_id, MovementType.ADJUST, on_hand=units * row.pack, reason=reason, actor="channel")
