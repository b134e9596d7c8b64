"""Stock for people to look through, paged by key; orders are in `order_pages`. Reads only."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, func, select

from channelsync.ledger import bundles
from channelsync.ledger.schema import AVAILABLE, locations, movements, skus, stock_levels

PAGE_MAX = 500


@dataclass(frozen=True, slots=True)
class StockRow:
    """One SKU over all its locations. available: of a bundle, how many can be put together."""

    id: int
    sku: str
    title: str
    on_hand: int
    soft: int
    hard: int
    quarantined: int
    damaged: int
    available: int


def stock_rows(conn: Connection, *, text: str = "", after: int = 0, limit: int = 100) -> list[StockRow]:
    """SKUs with `text` somewhere in their name or title, in the order of their ids; pass the last id as `after` for the next page."""
    level = stock_levels.c
    sums = [func.coalesce(func.sum(level[name]), 0).label(name) for name in ("on_hand", "soft", "hard", "quarantined", "damaged")]
    free = func.coalesce(func.sum(AVAILABLE), 0)
    query = (
        select(skus.c.id, skus.c.sku, skus.c.title, *sums, free.label("available"))
        .outerjoin(stock_levels, level.sku_id == skus.c.id)
        .where(skus.c.id > after)
        .group_by(skus.c.id)
        .order_by(skus.c.id)
        .limit(max(1, min(limit, PAGE_MAX)))
    )
    if text:
        query = query.where(skus.c.sku.icontains(text, autoescape=True) | skus.c.title.icontains(text, autoescape=True))
    rows = [StockRow(row[0], row[1], row[2], *(int(number) for number in row[3:])) for row in conn.execute(query)]
    whole = bundles.everywhere(conn, [row.id for row in rows])
    return [replace(row, available=whole.get(row.id, row.available)) for row in rows]


@dataclass(frozen=True, slots=True)
class MovementRow:
    at: datetime
    location: str
    type: str
    on_hand: int
    soft: int
    hard: int
    reference: str
    reason: str
    actor: str
    incoming: int = 0
    quarantined: int = 0
    damaged: int = 0
    pending_debit: int = 0
    held_elsewhere: int = 0


def last_movements(conn: Connection, sku: str, *, limit: int = 20, until: datetime | None = None) -> list[MovementRow]:
    """The newest first. until: recorded by then."""
    query = (
        select(movements, locations.c.code)
        .join(skus, skus.c.id == movements.c.sku_id)
        .join(locations, locations.c.id == movements.c.location_id)
        .where(skus.c.sku == sku)
        .order_by(movements.c.id.desc())
        .limit(max(1, min(limit, PAGE_MAX)))
    )
    if until is not None:
        query = query.where(movements.c.recorded_at <= until)
    return [
        MovementRow(
            row["recorded_at"],
            row["code"],
            row["type"],
            row["on_hand"],
            row["soft"],
            row["hard"],
            row["reference"],
            row["reason"],
            row["actor"],
            row["incoming"],
            row["quarantined"],
            row["damaged"],
            row["pending_debit"],
            row["held_elsewhere"],
        )
        for row in conn.execute(query).mappings()
    ]
