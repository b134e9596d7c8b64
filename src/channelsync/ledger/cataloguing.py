"""One page of a channel's listings into the ledger: stored, matched once by exact SKU, and waiting sales applied."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, bindparam, func, select, update

from channelsync.contract import Cursor, Listing, Page, ShelfRef
from channelsync.ledger import aside, bounds, channel_places, cursors, listings, matching, order_ends, skus
from channelsync.ledger.channel_places import Feeds
from channelsync.ledger.schema import listings as listing_table
from channelsync.ledger.schema import shelves
from channelsync.ledger.schema import skus as sku_table

STREAM = "listings"


@dataclass(frozen=True, slots=True)
class ListingsRead:
    """A page as it was read. places: the channel's locations that the config maps. makes_skus: this channel's SKU texts are the ledger's SKUs (day one)."""

    channel_id: int
    page: Page[Listing]
    looked_at: datetime
    places: Feeds = field(default_factory=dict)
    makes_skus: bool = False


@dataclass(frozen=True, slots=True)
class Taken:
    """unfed: shelves at channel locations that no ledger location feeds."""

    listings: int
    linked: int
    unfed: tuple[ShelfRef, ...]


def take_page(conn: Connection, items: Sequence[ListingsRead], now: datetime) -> list[Taken]:
    return [_take_page(conn, item, now) for item in items]


def _take_page(conn: Connection, item: ListingsRead, now: datetime) -> Taken:
    told = {place for listing in item.page.items for place in listing.locations}
    feeds = channel_places.named(conn, item.channel_id, told, item.places, now)
    upserted = listings.upsert(conn, item.channel_id, item.page.items, now, feeds)
    for ref, reason, raw in item.page.refused:
        aside.put(conn, item.channel_id, "listing", ref, reason, raw, now)
    if item.makes_skus:
        skus.ensure(conn, _sku_texts(item.page.items), now)
    _take_back(conn, item.channel_id, list(upserted.ids.values()), now)
    linked = _match_all(conn, item.channel_id, now, None if item.page.high_water is not None else list(upserted.ids.values()))
    order_ends.stored_snapshots(conn, [(item.channel_id, ref) for ref in order_ends.placed(conn, item.channel_id)], now)
    _name_skus(conn, list(upserted.ids.values()))
    cursors.advance(
        conn, item.channel_id, STREAM, resume=item.page.resume, high_water=item.page.high_water, looked_at=item.looked_at, now=now
    )
    return Taken(len(item.page.items), linked, upserted.unfed)


def _sku_texts(told: Sequence[Listing]) -> list[str]:
    """Texts that can be SKUs. One that cannot stays unlinked and is shown with its reason."""
    texts = [listing.sku for listing in told if listing.sku and listing.problem is None and listing.tracked]
    return [text for text in texts if bounds.sku_text(text) is None]


def _match_all(conn: Connection, channel_id: int, now: datetime, among: Collection[int] | None) -> int:
    """On the last page of a run all that are not linked, as another channel may have brought their SKUs; on the others those of the page:
    looking at all of them with each page would take the square of their number.
    """
    linked, after = 0, 0
    while True:
        matched = matching.match(conn, channel_id, now, after=after, among=among)
        linked += matched.linked
        if matched.next is None:
            return linked
        after = matched.next


def _take_back(conn: Connection, channel_id: int, listing_ids: Sequence[int], now: datetime) -> None:
    """The shop told about these listings again: what it refused before may be writable now."""
    mine = shelves.c.listing_id.in_(listing_ids), shelves.c.aside_at.is_not(None)
    query = select(listing_table.c.ref, shelves.c.location).join(shelves, shelves.c.listing_id == listing_table.c.id).where(*mine)
    for row in conn.execute(query).all():
        aside.resolve(conn, channel_id, "shelf", f"{row.ref}@{row.location}", now)
    conn.execute(update(shelves).where(*mine).values(aside_at=None, aside_reason=None))


def _name_skus(conn: Connection, listing_ids: Sequence[int]) -> None:
    """A SKU without a title gets the first one a shop gives its listing; after that the name is ours."""
    query = (
        select(listing_table.c.sku_id, func.min(listing_table.c.title))
        .join(sku_table, sku_table.c.id == listing_table.c.sku_id)
        .where(listing_table.c.id.in_(listing_ids), listing_table.c.title != "", sku_table.c.title == "")
        .group_by(listing_table.c.sku_id)
    )
    named = [{"_id": sku_id, "_title": title} for sku_id, title in conn.execute(query)]
    if named:
        statement = update(sku_table).where(sku_table.c.id == bindparam("_id"), sku_table.c.title == "")
        conn.execute(statement.values(title=bindparam("_title")), named)


def cursor_of(conn: Connection, channel_id: int) -> Cursor:
    return cursors.get(conn, channel_id, STREAM)
