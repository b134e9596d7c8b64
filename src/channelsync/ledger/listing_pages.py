"""Listings for people to look through: filtered, and paged by key. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, or_, select

from channelsync.ledger.schema import channels, listings, skus

MAX_PAGE: Final = 500


class Show(StrEnum):
    ALL = "all"  # all that still exist on the channel
    LINKED = "linked"
    UNLINKED = "unlinked"
    PROBLEM = "problem"  # the channel or the connector says that something is wrong with it
    UNTRACKED = "untracked"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Filter:
    """Only of one channel, one SKU (exact text), or with `text` somewhere in ref, SKU text, title or barcode (case does not count)."""

    channel_id: int | None = None
    sku: str | None = None
    text: str | None = None
    show: Show = Show.ALL


@dataclass(frozen=True, slots=True)
class ListingRow:
    """sku: what it is linked to; sku_text: what the channel calls it."""

    id: int
    channel: str
    ref: str
    sku_text: str | None
    title: str
    barcode: str | None
    sku: str | None
    pack: int
    stock_ref: str | None
    tracked: bool
    problem: str | None
    seen_at: datetime
    removed_at: datetime | None


@dataclass(frozen=True, slots=True)
class ListingPage:
    """next: pass it as `after` for the following page; None: this was the last one."""

    rows: tuple[ListingRow, ...]
    next: int | None


def list_listings(conn: Connection, wanted: Filter, *, after: int = 0, limit: int = 100) -> ListingPage:
    """In the order they were first seen; at most 500 a page."""
    size = max(1, min(limit, MAX_PAGE))
    query = _query().where(listings.c.id > after, *_conditions(wanted)).order_by(listings.c.id).limit(size + 1)
    rows = conn.execute(query).mappings().all()
    shown = tuple(_row(row) for row in rows[:size])
    return ListingPage(shown, shown[-1].id if len(rows) > size else None)


def _query() -> Select[Any]:
    names = channels.c.name.label("channel"), skus.c.sku.label("linked_sku")
    return select(listings, *names).join(channels, channels.c.id == listings.c.channel_id).outerjoin(skus, skus.c.id == listings.c.sku_id)


def _conditions(wanted: Filter) -> list[ColumnElement[bool]]:
    conditions = [_SHOWS[wanted.show]]
    if wanted.channel_id is not None:
        conditions.append(listings.c.channel_id == wanted.channel_id)
    if wanted.sku is not None:
        conditions.append(skus.c.sku == wanted.sku)
    if wanted.text:
        columns = listings.c.ref, listings.c.sku_text, listings.c.title, listings.c.barcode
        conditions.append(or_(*(column.icontains(wanted.text, autoescape=True) for column in columns)))
    return conditions


_exists = listings.c.removed_at.is_(None)
_SHOWS: Final[dict[Show, ColumnElement[bool]]] = {
    Show.ALL: _exists,
    Show.LINKED: _exists & listings.c.sku_id.is_not(None),
    Show.UNLINKED: _exists & listings.c.sku_id.is_(None),
    Show.PROBLEM: _exists & listings.c.problem.is_not(None),
    Show.UNTRACKED: _exists & listings.c.tracked.is_(False),
    Show.REMOVED: ~_exists,
}


def _row(row: RowMapping) -> ListingRow:
    return ListingRow(
        id=row["id"],
        channel=row["channel"],
        ref=row["ref"],
        sku_text=row["sku_text"],
        title=row["title"],
        barcode=row["barcode"],
        sku=row["linked_sku"],
        pack=row["pack"],
        stock_ref=row["stock_ref"],
        tracked=row["tracked"],
        problem=row["problem"],
        seen_at=row["seen_at"],
        removed_at=row["removed_at"],
    )
