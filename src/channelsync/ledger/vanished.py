"""Listings that are gone at their shop: which ones a whole run over the catalogue did not bring, and taking them off, behind the guard.

That a run did not bring a listing proves nothing by itself: the engine asks for it by name first. Nothing is deleted: links and history stay.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, or_, select

from channelsync.contract import ShelfRef
from channelsync.ledger import findings, listings
from channelsync.ledger.schema import guards, listing_aliases, shelves
from channelsync.ledger.schema import listings as table

KIND = "listings_vanished"
NAMES = 20


@dataclass(frozen=True, slots=True)
class Missing:
    """A listing that was not told since. shelves: its numbers, by which the shop can be asked for it; () if it has none of its own."""

    id: int
    ref: str
    seen_at: datetime
    shelves: tuple[ShelfRef, ...]


def missing(
    conn: Connection, channel_id: int, told_before: datetime, *, refs: Sequence[str] | None = None, after: int = 0, limit: int = 500
) -> list[Missing]:
    """Living listings that were last told before then, in the order of their ids. refs: only these, by ref or alias."""
    mine = table.c.channel_id == channel_id, table.c.removed_at.is_(None), table.c.seen_at < told_before, table.c.id > after
    query = select(table.c.id, table.c.ref, table.c.seen_at).where(*mine).order_by(table.c.id).limit(limit)
    if refs is not None:
        alias = listing_aliases.c
        known_as = select(alias.listing_id).where(alias.channel_id == channel_id, alias.alias.in_(list(refs)))
        query = query.where(or_(table.c.ref.in_(list(refs)), table.c.id.in_(known_as)))
    rows = conn.execute(query).all()
    places: dict[int, list[str]] = {}
    for listing_id, location in conn.execute(
        select(shelves.c.listing_id, shelves.c.location).where(shelves.c.listing_id.in_([row.id for row in rows])).order_by(shelves.c.id)
    ):
        places.setdefault(listing_id, []).append(location)
    return [Missing(row.id, row.ref, row.seen_at, tuple(ShelfRef(row.ref, place) for place in places.get(row.id, ()))) for row in rows]


@dataclass(frozen=True, slots=True)
class Vanished:
    """refs: all that one run found gone."""

    channel_id: int
    refs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Removal:
    """removed: how many are no longer sold. refused: why none is."""

    removed: int
    refused: str | None = None


def remove(conn: Connection, items: Sequence[Vanished], now: datetime) -> list[Removal]:
    """Take them off, unless they are more of the linked ones than the guard lets a shop lose at once: then a person is told, and nothing happens."""
    return [_remove(conn, item, now) for item in items]


def _remove(conn: Connection, item: Vanished, now: datetime) -> Removal:
    if too_many := _too_many(conn, item):
        findings.record(conn, KIND, item.channel_id, None, "", {"reason": too_many, "listings": list(item.refs[:NAMES])}, now)
        return Removal(0, too_many)
    findings.resolve(conn, KIND, item.channel_id, None, "", now)
    return Removal(listings.gone(conn, item.channel_id, item.refs, now))


def _too_many(conn: Connection, item: Vanished) -> str | None:
    limits = conn.execute(select(guards).where(guards.c.channel_id == item.channel_id)).first()
    if limits is None or not limits.zero_share or len(item.refs) < limits.least:
        return None
    living = table.c.channel_id == item.channel_id, table.c.removed_at.is_(None), or_(table.c.sku_id.is_not(None), table.c.tracked)
    whole = int(conn.execute(select(func.count()).select_from(table).where(*living)).scalar_one())
    if len(item.refs) <= limits.zero_share * whole:
        return None
    return (
        f"{len(item.refs)} of {whole} listings are gone from the shop at once: look whether its catalogue was emptied or its key sees less; "
        "if it is right, raise this channel's guard zero_share for a day"
    )
