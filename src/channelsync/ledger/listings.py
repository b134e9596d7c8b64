"""Listings as the channel tells them, their shelves, and finding them by any name the channel uses. Which SKU they sell is in `matching`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, delete, insert, select, update

from channelsync.contract import Listing, ShelfRef
from channelsync.ledger import bounds, fitting, ruling, targets
from channelsync.ledger.dialects import among, insert_into
from channelsync.ledger.schema import channels, listing_aliases, listings, shelf_feeds, shelves

CHUNK: Final = 400
MAX_PAGE: Final = 500
_TOLD: Final = ("sku_text", "title", "barcode", "stock_ref", "tracked", "problem", "sells_below_zero", "seen_at", "removed_at")
"""What the channel tells; everything else about a listing is ours."""


@dataclass(frozen=True, slots=True)
class Upserted:
    """ids: by ref. unfed: shelves that were not made because no ledger location feeds them; nothing is ever written there."""

    ids: Mapping[str, int]
    unfed: tuple[ShelfRef, ...]


def upsert(
    conn: Connection, channel_id: int, told: Sequence[Listing], now: datetime, feeds: Mapping[str, Sequence[int]] | None = None
) -> Upserted:
    """Store what a page of listings says, with aliases and shelves. Links stay as they are, whatever became of the SKU text.

    feeds: channel location -> ledger location ids; a location that is not named is fed by the channel's own location.
    """
    by_ref = {listing.ref: listing for listing in told if fitting.ref(listing.ref) == listing.ref}
    if not by_ref:
        return Upserted({}, ())
    ids = _save(conn, channel_id, [_row(by_ref[ref], channel_id, now) for ref in sorted(by_ref)])
    _save_aliases(conn, channel_id, {alias: ids[ref] for ref, listing in sorted(by_ref.items()) for alias in listing.aliases})
    default = conn.scalar(select(channels.c.location_id).where(channels.c.id == channel_id))
    unfed = _save_shelves(conn, channel_id, [(by_ref[ref], ids[ref]) for ref in sorted(by_ref)], feeds or {}, default)
    ruling.settle(conn, _skus_of(conn, ids.values()), now)
    return Upserted(ids, tuple(unfed))


def gone(conn: Connection, channel_id: int, refs: Iterable[str], now: datetime) -> int:
    """The channel itself says that these listings are deleted. They keep their link and history and are no longer written. Returns how many."""
    known = resolve(conn, channel_id, refs)
    ids = sorted({found.id for found in known.values()})
    done = conn.execute(update(listings).where(listings.c.id.in_(ids), listings.c.removed_at.is_(None)).values(removed_at=now))
    targets.retarget(conn, _skus_of(conn, ids))
    return done.rowcount


def _row(told: Listing, channel_id: int, now: datetime) -> dict[str, Any]:
    long_sku = told.sku is not None and len(told.sku) > 255
    return {
        "channel_id": channel_id,
        "ref": told.ref,
        "sku_text": None if long_sku or told.sku is None else fitting.storable(told.sku),
        "title": fitting.payload(told.title),
        "barcode": fitting.storable(told.barcode) if told.barcode and len(told.barcode) <= 64 else None,
        "stock_ref": None if told.stock_ref is None else fitting.ref(told.stock_ref),
        "tracked": told.tracked,
        "problem": (told.problem and fitting.payload(told.problem)) or ("its SKU is longer than 255 characters" if long_sku else None),
        "sells_below_zero": told.sells_below_zero,
        "seen_at": now,
        "removed_at": None,
    }


def _save(conn: Connection, channel_id: int, rows: list[dict[str, Any]]) -> dict[str, int]:
    statement = insert_into(conn, listings)
    changed = {name: statement.excluded[name] for name in _TOLD}
    conn.execute(statement.on_conflict_do_update(index_elements=["channel_id", "ref"], set_=changed), rows)
    ids: dict[str, int] = {}
    for start in range(0, len(rows), CHUNK):
        refs = [row["ref"] for row in rows[start : start + CHUNK]]
        query = select(listings.c.ref, listings.c.id).where(listings.c.channel_id == channel_id, listings.c.ref.in_(refs))
        ids |= {row[0]: row[1] for row in conn.execute(query)}
    return ids


def _save_aliases(conn: Connection, channel_id: int, aliases: Mapping[str, int]) -> None:
    """Old aliases stay: an old order may still name them."""
    rows = [
        {"channel_id": channel_id, "alias": alias, "listing_id": id_}
        for alias, id_ in sorted(aliases.items())
        if fitting.ref(alias) == alias
    ]
    if rows:
        statement = insert_into(conn, listing_aliases)
        changed = {"listing_id": statement.excluded["listing_id"]}
        conn.execute(statement.on_conflict_do_update(index_elements=["channel_id", "alias"], set_=changed), rows)


# -- shelves -------------------------------------------------------------------------------------------------------------------------------


def _save_shelves(
    conn: Connection, channel_id: int, told: Sequence[tuple[Listing, int]], feeds: Mapping[str, Sequence[int]], default: int | None
) -> list[ShelfRef]:
    """Make the shelves that are missing and feed all of them as told. A listing on another one's stock has no shelf of its own."""
    unfed: list[ShelfRef] = []
    wanted: dict[tuple[int, str], set[int]] = {}
    for listing, id_ in told:
        for location in listing.locations if listing.stock_ref is None else ():
            places = set(feeds.get(location, () if default is None else (default,)))
            if places:
                wanted[id_, location] = places
            else:
                unfed.append(ShelfRef(listing.ref, location))
    rows = [{"listing_id": id_, "location": location, "channel_id": channel_id} for id_, location in wanted]
    if rows:
        conn.execute(insert_into(conn, shelves).on_conflict_do_nothing(), rows)
        feed(conn, wanted)
    return unfed


def feed(conn: Connection, wanted: Mapping[tuple[int, str], set[int]]) -> None:
    """Make the feeds of these shelves exactly those."""
    is_now: set[tuple[int, int]] = set()
    shall_be: set[tuple[int, int]] = set()
    keys = sorted(wanted)
    for start in range(0, len(keys), CHUNK):
        query = (
            select(shelves.c.id, shelves.c.listing_id, shelves.c.location, shelf_feeds.c.location_id)
            .outerjoin(shelf_feeds, shelf_feeds.c.shelf_id == shelves.c.id)
            .where(among(conn, (shelves.c.listing_id, shelves.c.location), keys[start : start + CHUNK]))
        )
        for id_, listing_id, location, fed_by in conn.execute(query):
            shall_be |= {(id_, place) for place in wanted[listing_id, location]}
            is_now |= {(id_, fed_by)} if fed_by is not None else set()
    surplus, missing = sorted(is_now - shall_be), sorted(shall_be - is_now)
    for start in range(0, len(surplus), CHUNK):
        here = among(conn, (shelf_feeds.c.shelf_id, shelf_feeds.c.location_id), surplus[start : start + CHUNK])
        conn.execute(delete(shelf_feeds).where(here))
    if missing:
        conn.execute(insert(shelf_feeds), [{"shelf_id": shelf, "location_id": place} for shelf, place in missing])


# -- by any name ---------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Found:
    """A listing by one of its names. sku_id, pack and shelves (channel location -> shelf id) are those of the listing whose number it shows."""

    id: int
    ref: str
    stock_ref: str | None
    sku_id: int | None
    pack: int
    shelves: Mapping[str, int]
    tracked: bool
    problem: str | None
    removed_at: datetime | None


def resolve(conn: Connection, channel_id: int, refs: Iterable[str]) -> dict[str, Found]:
    """ref or alias -> the listing; names the channel never told are absent. A ref wins over another listing's alias."""
    named = _by_name(conn, channel_id, set(refs))
    parents = _by_name(conn, channel_id, {row["stock_ref"] for row in named.values() if row["stock_ref"] is not None})
    stock_of = {name: parents.get(row["stock_ref"], row) if row["stock_ref"] is not None else row for name, row in named.items()}
    places = _shelves_of(conn, {row["id"] for row in stock_of.values()})
    return {name: _found(row, stock_of[name], places.get(stock_of[name]["id"], {})) for name, row in named.items()}


def _by_name(conn: Connection, channel_id: int, names: set[str]) -> dict[str, RowMapping]:
    found: dict[str, RowMapping] = {}
    wanted = bounds.findable(names)
    for start in range(0, len(wanted), CHUNK):
        chunk = wanted[start : start + CHUNK]
        by_alias = (
            select(listings, listing_aliases.c.alias.label("name"))
            .join(listing_aliases, listing_aliases.c.listing_id == listings.c.id)
            .where(listing_aliases.c.channel_id == channel_id, listing_aliases.c.alias.in_(chunk))
        )
        by_ref = select(listings, listings.c.ref.label("name")).where(listings.c.channel_id == channel_id, listings.c.ref.in_(chunk))
        for query in (by_alias, by_ref):
            found |= {row["name"]: row for row in conn.execute(query).mappings()}
    return found


def _shelves_of(conn: Connection, listing_ids: set[int]) -> dict[int, dict[str, int]]:
    places: dict[int, dict[str, int]] = {}
    ids = sorted(listing_ids)
    for start in range(0, len(ids), CHUNK):
        query = select(shelves.c.listing_id, shelves.c.location, shelves.c.id).where(shelves.c.listing_id.in_(ids[start : start + CHUNK]))
        for listing_id, location, id_ in conn.execute(query.order_by(shelves.c.id)):
            places.setdefault(listing_id, {})[location] = id_
    return places


def _found(row: RowMapping, stock: RowMapping, places: Mapping[str, int]) -> Found:
    return Found(
        id=row["id"],
        ref=row["ref"],
        stock_ref=row["stock_ref"],
        sku_id=stock["sku_id"],
        pack=stock["pack"],
        shelves=places,
        tracked=row["tracked"],
        problem=row["problem"],
        removed_at=row["removed_at"],
    )


def _skus_of(conn: Connection, listing_ids: Iterable[int]) -> set[int]:
    ids = sorted(listing_ids)
    found: set[int] = set()
    for start in range(0, len(ids), CHUNK):
        query = select(listings.c.sku_id).where(listings.c.id.in_(ids[start : start + CHUNK]), listings.c.sku_id.is_not(None))
        found |= set(conn.scalars(query))
    return found
