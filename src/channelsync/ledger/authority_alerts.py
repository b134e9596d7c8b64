"""What people must hear of an authority: numbers that stopped coming, and shipments that no document of its confirms. Nothing is cleared by age."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select

from channelsync.ledger import findings
from channelsync.ledger.exports import UNDOCUMENTED
from channelsync.ledger.schema import authority_rows, exports, listings

STALE = "stale_numbers"
NAMED = 20


@dataclass(frozen=True, slots=True)
class Watch:
    """stale_after: since when a number has not come. undocumented_after: how long a shipment may go without a document."""

    channel_id: int
    stale_after: timedelta = timedelta(days=1)
    undocumented_after: timedelta = timedelta(days=3)


def watch(conn: Connection, items: Sequence[Watch], now: datetime) -> list[int]:
    """Open, update and end the findings. Returns how many matters are open per item."""
    return [_stale(conn, item, now) + _undocumented(conn, item, now) for item in items]


def _stale(conn: Connection, item: Watch, now: datetime) -> int:
    table = authority_rows.c
    old = table.channel_id == item.channel_id, table.stale_since <= now - item.stale_after, listings.c.removed_at.is_(None)
    query = select(func.count(), func.min(table.stale_since)).join(listings, listings.c.id == table.listing_id).where(*old)
    count, since = conn.execute(query).one()
    if not count:
        findings.resolve(conn, STALE, item.channel_id, None, "", now)
        return 0
    first = select(listings.c.ref, table.location).join(authority_rows, listings.c.id == table.listing_id).where(*old)
    names = [f"{row.ref}@{row.location}" for row in conn.execute(first.order_by(table.stale_since, listings.c.ref).limit(NAMED))]
    findings.record(conn, STALE, item.channel_id, None, "", {"count": count, "since": since.isoformat(), "first": names}, now)
    return 1


def _undocumented(conn: Connection, item: Watch, now: datetime) -> int:
    old = exports.c.channel_id == item.channel_id, exports.c.undocumented_since <= now - item.undocumented_after
    query = select(exports.c.key, exports.c.document, exports.c.undocumented_since).where(*old)
    rows = conn.execute(query.order_by(exports.c.undocumented_since, exports.c.id).limit(NAMED)).all()
    for row in rows:
        detail = {"document": row.document, "since": row.undocumented_since.isoformat()}
        findings.record(conn, UNDOCUMENTED, item.channel_id, None, row.key, detail, now)
    return len(rows)
