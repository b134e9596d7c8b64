"""From the freezes that stand to `shelves.frozen`. Making and ending a freeze is in `freezing`."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, and_, exists, or_, select, update

from channelsync.ledger.schema import freezes, listings, shelves


def mark(conn: Connection, sku_ids: Sequence[int]) -> None:
    """Say on the shelves of these SKUs whether they are frozen. The caller has locked them and gives them their targets and due flags."""
    _mark(conn, listings.c.sku_id.in_(list(sku_ids)))


def mark_unlinked(conn: Connection, listing_id: int) -> None:
    """A listing that sells no SKU any more is frozen only by a freeze of its own."""
    _mark(conn, listings.c.id == listing_id)


def _mark(conn: Connection, mine: ColumnElement[bool]) -> None:
    holds = exists().where(
        freezes.c.thawed_at.is_(None),
        or_(
            freezes.c.listing_id == listings.c.id,
            and_(
                freezes.c.listing_id.is_(None),
                freezes.c.sku_id == listings.c.sku_id,
                or_(freezes.c.channel_id.is_(None), freezes.c.channel_id == listings.c.channel_id),
            ),
        ),
    )
    query = select(shelves.c.id, shelves.c.frozen, holds.label("holds")).join(listings, listings.c.id == shelves.c.listing_id).where(mine)
    rows = conn.execute(query.order_by(shelves.c.id)).all()
    other = [(row.id, bool(row.holds)) for row in rows if row.frozen != bool(row.holds)]
    for frozen in (True, False):
        if ids := [id_ for id_, holds_now in other if holds_now is frozen]:
            conn.execute(update(shelves).where(shelves.c.id.in_(ids)).values(frozen=frozen, version=shelves.c.version + 1))
