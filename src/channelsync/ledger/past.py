"""A SKU as the ledger knew it at an instant: its log up to then, by the time of recording. Reads only.

What was never written down cannot be told, and `Past.unknown` says so: rules, mappings, freezes and readings have no history.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from channelsync.ledger import bundling, skus
from channelsync.ledger.expiry import CALLS_KEPT
from channelsync.ledger.explaining import HOLDS_SHOWN, HoldView, LevelView, PushView
from channelsync.ledger.refusals import UnknownSku
from channelsync.ledger.schema import BUCKETS, attempts, book_entries, channels, listings, locations, movements, orders, shelves

RULES = "the target: rules, mappings and freezes as they were then are not kept"
READINGS = "what the shop showed then: readings are not kept, only what we believed (the book)"
UNTIL = "when each hold was to end"
LINKS = "whether its listings were linked then as they are today"
RECIPE = "the recipe it had then: its parts are those of today"
BEFORE = "anything before the first entry of the log"


@dataclass(frozen=True, slots=True)
class PastShelf:
    """book: opening + writes - took + gave_back + corrected, in the listing's units; None: it was not opened yet. last_push: begun by then."""

    shelf: int
    channel: str
    listing: str
    location: str
    opening: int
    writes: int
    took: int
    gave_back: int
    corrected: int
    book: int | None
    last_push: PushView | None


@dataclass(frozen=True, slots=True)
class Past:
    """parts: of a bundle, each with its levels. began: the SKU's first movement, None if it has none. unknown: what cannot be told of the past."""

    sku: str
    title: str
    at: datetime
    began: datetime | None
    levels: tuple[LevelView, ...]
    holds: tuple[HoldView, ...]
    shelves: tuple[PastShelf, ...]
    parts: tuple[tuple[str, int, tuple[LevelView, ...]], ...]
    unknown: tuple[str, ...]


def past(conn: Connection, text: str, at: datetime, now: datetime, channel: str | None = None) -> Past:
    """Raises UnknownSku. channel: only its shelves."""
    sku = skus.find(conn, [text]).get(text)
    if sku is None:
        raise UnknownSku(text)
    parts = tuple((part.sku, part.quantity, _levels(conn, part.sku_id, at)) for part in bundling.parts_of(conn, sku.id))
    began = conn.scalar(select(func.min(movements.c.recorded_at)).where(movements.c.sku_id == sku.id))
    found = tuple(_shelves(conn, sku.id, at, channel))
    levels, holds = _levels(conn, sku.id, at), _holds(conn, sku.id, at)
    return Past(sku.sku, sku.title, at, began, levels, holds, found, parts, tuple(_unknown(at, now, began, bundle=bool(parts))))


def _unknown(at: datetime, now: datetime, began: datetime | None, *, bundle: bool) -> Iterator[str]:
    yield from (RULES, READINGS, LINKS, UNTIL)
    if bundle:
        yield RECIPE
    if began is None or at < began:
        yield BEFORE
    if at < now - CALLS_KEPT:
        yield f"our writes: each is kept for {CALLS_KEPT.days} days, what it did to the book for ever"


def _levels(conn: Connection, sku_id: int, at: datetime) -> tuple[LevelView, ...]:
    sums = [func.sum(movements.c[bucket]).label(bucket) for bucket in BUCKETS]
    query = (
        select(locations.c.code, *sums)
        .join(locations, locations.c.id == movements.c.location_id)
        .where(movements.c.sku_id == sku_id, movements.c.recorded_at <= at)
        .group_by(locations.c.id, locations.c.code, locations.c.priority)
        .order_by(locations.c.priority, locations.c.code)
    )
    return tuple(_level(row[0], *(int(units) for units in row[1:])) for row in conn.execute(query))


def _level(
    code: str, on_hand: int, soft: int, hard: int, incoming: int, quarantined: int, damaged: int, pending: int, elsewhere: int
) -> LevelView:
    available = on_hand - soft - hard - pending - elsewhere
    return LevelView(code, on_hand, soft, hard, quarantined, damaged, available, pending, elsewhere, incoming)


def _holds(conn: Connection, sku_id: int, at: datetime) -> tuple[HoldView, ...]:
    """What was claimed under each reference and not given back by then."""
    soft, hard, by_channel = func.sum(movements.c.soft), func.sum(movements.c.hard), func.max(movements.c.channel_id)
    query = (
        select(movements.c.reference, locations.c.code, soft, hard, by_channel)
        .join(locations, locations.c.id == movements.c.location_id)
        .where(movements.c.sku_id == sku_id, movements.c.recorded_at <= at, (movements.c.soft != 0) | (movements.c.hard != 0))
        .group_by(movements.c.reference, locations.c.code)
        .having((soft != 0) | (hard != 0))
        .order_by(func.min(movements.c.id))
        .limit(HOLDS_SHOWN)
    )
    rows = conn.execute(query).all()
    names = {row.id: row.name for row in conn.execute(select(channels.c.id, channels.c.name))}
    numbers = _numbers(conn, {row[0] for row in rows if row[4] is not None})
    return tuple(
        HoldView(
            kind,
            int(units),
            row[1],
            "reservation" if row[4] is None else "order",
            numbers.get((row[4], row[0]), row[0]),
            names.get(row[4]),
            None,
        )
        for row in rows
        for kind, units in (("soft", row[2]), ("hard", row[3]))
        if units
    )


def _numbers(conn: Connection, refs: set[str]) -> dict[tuple[int, str], str]:
    if not refs:
        return {}
    query = select(orders.c.channel_id, orders.c.ref, orders.c.number).where(orders.c.ref.in_(refs), orders.c.number != "")
    return {(row.channel_id, row.ref): row.number for row in conn.execute(query)}


def _shelves(conn: Connection, sku_id: int, at: datetime, channel: str | None) -> Iterator[PastShelf]:
    query = (
        select(shelves.c.id, channels.c.name, listings.c.ref, shelves.c.location)
        .join(listings, listings.c.id == shelves.c.listing_id)
        .join(channels, channels.c.id == shelves.c.channel_id)
        .where(listings.c.sku_id == sku_id)
        .order_by(channels.c.name, shelves.c.id)
    )
    for row in conn.execute(query if channel is None else query.where(channels.c.name == channel)).all():
        entries = select(book_entries.c.kind, func.sum(book_entries.c.delta)).where(
            book_entries.c.shelf_id == row.id, book_entries.c.at <= at
        )
        sums = {kind: int(total) for kind, total in conn.execute(entries.group_by(book_entries.c.kind))}
        corrected = sum(sums.get(kind, 0) for kind in ("rebase", "adopted", "returned"))
        parts = sums.get("opening", 0), sums.get("write", 0), -sums.get("took", 0), sums.get("gave_back", 0), corrected
        book = sum(sums.values()) if "opening" in sums else None
        yield PastShelf(row.id, row.name, row.ref, row.location, *parts, book, _last_push(conn, row.id, at))


def _last_push(conn: Connection, shelf_id: int, at: datetime) -> PushView | None:
    """The state is what became of it in the end, if that was before `at`."""
    query = select(attempts).where(attempts.c.shelf_id == shelf_id, attempts.c.created_at <= at, attempts.c.state != "withdrawn")
    row = conn.execute(query.order_by(attempts.c.created_at.desc(), attempts.c.id.desc()).limit(1)).first()
    if row is None:
        return None
    settled = row.settled_at is not None and row.settled_at <= at
    state, reason = (row.state, row.reason) if settled else ("on its way", "")
    return PushView(row.settled_at if settled else row.created_at, row.value, row.delta, state, reason)
