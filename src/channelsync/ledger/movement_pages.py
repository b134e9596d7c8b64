"""The log for programs to read, in pages. Reads only."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select

from channelsync.ledger.refusals import UnknownLocation, UnknownSku
from channelsync.ledger.schema import BUCKETS, channels, locations, movements, skus
from channelsync.ledger.stock_pages import PAGE_MAX


def movements_of(conn: Connection, sku: str, location: str | None, before: int | None, limit: int) -> list[dict[str, Any]]:
    """One SKU's, the newest first, from the first one before number `before`. Raises UnknownSku, UnknownLocation."""
    sku_id = conn.scalar(select(skus.c.id).where(skus.c.sku == sku))
    if sku_id is None:
        raise UnknownSku(sku)
    query = (
        select(movements, locations.c.code, channels.c.name)
        .join(locations, locations.c.id == movements.c.location_id)
        .outerjoin(channels, channels.c.id == movements.c.channel_id)
        .where(movements.c.sku_id == sku_id)
        .order_by(movements.c.id.desc())
        .limit(max(1, min(limit, PAGE_MAX)))
    )
    if before is not None:
        query = query.where(movements.c.id < before)
    if location is not None:
        place = conn.scalar(select(locations.c.id).where(locations.c.code == location))
        if place is None:
            raise UnknownLocation(location)
        query = query.where(movements.c.location_id == place)
    return [
        {
            "id": row["id"],
            "at": row["recorded_at"],
            "occurred_at": row["occurred_at"],
            "location": row["code"],
            "type": row["type"],
            **{bucket: row[bucket] for bucket in BUCKETS},
            "reference": row["reference"],
            "reason": row["reason"],
            "actor": row["actor"],
            "channel": row["name"],
        }
        for row in conn.execute(query).mappings()
    ]
