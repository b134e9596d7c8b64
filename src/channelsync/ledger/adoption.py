"""Adopting a drift: on `adopt`, a hand edit in a shop becomes a physical correction of ours; and it is given back if it was a late order after all."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, select, update

from channelsync.ledger import bundles, levels
from channelsync.ledger.levels import Entry, MovementType
from channelsync.ledger.schema import listings, locations, shelf_feeds, shelves


def fits(conn: Connection, shelf_id: int, gap: int, *, lock: bool = True) -> bool:
    """Whether the units to take off are on hand at one of the shelf's locations; a number is never clamped to make it fit.

    Never of a bundle: which of its parts would have come or gone, a bundle's number does not say. Never where an authority counts: what lies
    there is its to say.
    """
    if bundles.pools(conn, [shelf_id]):
        return False
    return _place(conn, shelf_id, gap, lock=lock) is not None


def correction(conn: Connection, shelf_id: int, gap: int) -> tuple[str, int]:
    """Where and by how much on hand would change if this were adopted; only for a gap that fits. Locks nothing."""
    row = _place(conn, shelf_id, gap, lock=False)
    assert row is not None, "whoever asks has seen that it fits"
    return row.code, gap * row.pack


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
    if _place(conn, shelf_id, 0) is None:  # an authority counts there by now, or nobody: its own number has replaced what was adopted
        return []
    return [_correction(conn, shelf_id, -part, "adoption taken back: it was this order")]


def _correction(conn: Connection, shelf_id: int, units: int, reason: str) -> Entry:
    row = _place(conn, shelf_id, units) or _place(conn, shelf_id, 0)
    assert row is not None, f"no location whose units are ours feeds shelf {shelf_id}"
    return Entry(row.sku_id, row.location_id, MovementType.ADJUST, on_hand=units * row.pack, reason=reason, actor="channel")


def _place(conn: Connection, shelf_id: int, units: int, *, lock: bool = True) -> Row[Any, Any, Any, Any] | None:
    """Of the locations where the ledger counts the first, by priority, that has the units to take off (listing units; any if there are none to take)."""
    query = (
        select(listings.c.sku_id, listings.c.pack, shelf_feeds.c.location_id, locations.c.code)
        .join(shelves, shelves.c.listing_id == listings.c.id)
        .join(shelf_feeds, shelf_feeds.c.shelf_id == shelves.c.id)
        .join(locations, locations.c.id == shelf_feeds.c.location_id)
        .where(shelves.c.id == shelf_id, locations.c.authority_id.is_(None))
        .order_by(locations.c.priority, locations.c.id)
    )
    places = conn.execute(query).all()
    present = levels.read(conn, [(row.sku_id, row.location_id) for row in places], lock=lock and units < 0)
    return next((row for row in places if units >= 0 or present[row.sku_id, row.location_id].on_hand + units * row.pack >= 0), None)
