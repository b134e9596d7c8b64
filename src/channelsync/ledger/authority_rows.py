"""What each authority said last about each of its numbers, and what that put into the ledger. No rules here; `authority_import` decides."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, RowMapping, case, func, or_, select, update

from channelsync.contract import ShelfRef
from channelsync.ledger.dialects import among, insert_into
from channelsync.ledger.levels import LevelKey
from channelsync.ledger.schema import authority_rows, bundle_parts, listings

CHUNK = 400
RowKey = tuple[int, str]
"""(listing_id, the authority's location)"""


@dataclass(frozen=True, slots=True)
class Row:
    """One number of an authority. units None: none has come yet. on_hand, held: what it put into (sku_id, location_id), in SKU units."""

    units: int | None = None
    reserved: int | None = None
    read_as: str = ""
    read_seq: int = 0
    read_at: datetime | None = None
    wanted_seq: int = 0
    asked_at: datetime | None = None
    stale_since: datetime | None = None
    sku_id: int | None = None
    location_id: int | None = None
    pack: int = 1
    on_hand: int = 0
    held: int = 0


_NAMES = tuple(Row.__dataclass_fields__)


def read(conn: Connection, keys: Iterable[RowKey]) -> dict[RowKey, Row]:
    """The rows of the keys, locked in key order until the transaction ends; a key without a row reads as a new one."""
    wanted = sorted(set(keys))
    found = dict.fromkeys(wanted, Row())
    for start in range(0, len(wanted), CHUNK):
        here = _here(conn, wanted[start : start + CHUNK])
        query = select(authority_rows).where(here).order_by(authority_rows.c.listing_id, authority_rows.c.location)
        for row in conn.execute(query.with_for_update()).mappings():
            found[row["listing_id"], row["location"]] = _row(row)
    return found


def save(conn: Connection, channel_id: int, rows: Mapping[RowKey, Row]) -> None:
    if not rows:
        return
    statement = insert_into(conn, authority_rows)
    new = {name: statement.excluded[name] for name in _NAMES}
    values = [
        {"channel_id": channel_id, "listing_id": key[0], "location": key[1], **{name: getattr(rows[key], name) for name in _NAMES}}
        for key in sorted(rows)
    ]
    conn.execute(statement.on_conflict_do_update(index_elements=["listing_id", "location"], set_=new), values)


def _row(row: RowMapping) -> Row:
    return Row(**{name: row[name] for name in _NAMES})


def sums(conn: Connection, keys: Iterable[LevelKey]) -> dict[LevelKey, tuple[int, int]]:
    """(SKU, location) -> on hand and held, as all its rows together have them."""
    wanted = sorted(set(keys))
    found = dict.fromkeys(wanted, (0, 0))
    table = authority_rows.c
    for start in range(0, len(wanted), CHUNK):
        here = among(conn, (table.sku_id, table.location_id), wanted[start : start + CHUNK])
        query = select(table.sku_id, table.location_id, func.sum(table.on_hand), func.sum(table.held)).where(here)
        for sku_id, location_id, on_hand, held in conn.execute(query.group_by(table.sku_id, table.location_id)):
            found[sku_id, location_id] = int(on_hand), int(held)
    return found


# -- who must be asked, who moved ------------------------------------------------------------------------------------------------------------


def moved(conn: Connection, channel_id: int, limit: int) -> list[RowKey]:
    """Rows whose listing sells something else now than what the row was posted for, or was deleted or came back since. What is a bundle now has
    nothing of its own.
    """
    table = authority_rows
    gone = listings.c.removed_at.is_not(None) & (table.c.held < table.c.on_hand)
    back = listings.c.removed_at.is_(None) & (table.c.held > func.coalesce(table.c.reserved, 0) * table.c.pack)
    sells = case((listings.c.sku_id.in_(select(bundle_parts.c.bundle_id)), None), else_=listings.c.sku_id)
    other = table.c.sku_id.is_distinct_from(sells) | (table.c.pack != listings.c.pack)
    query = (
        select(table.c.listing_id, table.c.location)
        .join(listings, listings.c.id == table.c.listing_id)
        .where(table.c.channel_id == channel_id, table.c.units.is_not(None), or_(other, gone, back))
        .order_by(table.c.listing_id, table.c.location)
        .limit(limit)
    )
    return [(row.listing_id, row.location) for row in conn.execute(query)]


def refs(conn: Connection, keys: Sequence[RowKey]) -> dict[int, str]:
    """Listing id -> the listing's own ref."""
    ids = sorted({key[0] for key in keys})
    return {row.id: row.ref for row in conn.execute(select(listings.c.id, listings.c.ref).where(listings.c.id.in_(ids)))}


def to_ask(conn: Connection, channel_id: int, now: datetime, *, again_after: timedelta, limit: int) -> list[ShelfRef]:
    """What did not come although it should have, and what must be newer than our own claims there; what was asked for least lately first."""
    table = authority_rows
    due = or_(table.c.asked_at.is_(None), table.c.asked_at <= now - again_after)
    query = (
        select(listings.c.ref, table.c.location)
        .join(listings, listings.c.id == table.c.listing_id)
        .where(table.c.channel_id == channel_id, listings.c.removed_at.is_(None), due)
        .where(table.c.stale_since.is_not(None) | ((table.c.wanted_seq > 0) & (table.c.read_seq <= table.c.wanted_seq)))
        .order_by(func.coalesce(table.c.asked_at, 0), table.c.listing_id, table.c.location)
        .limit(limit)
    )
    return [ShelfRef(row.ref, row.location) for row in conn.execute(query)]


@dataclass(frozen=True, slots=True)
class Asked:
    """These are asked for by name now."""

    channel_id: int
    shelves: tuple[ShelfRef, ...]


def note_asked(conn: Connection, items: Sequence[Asked], now: datetime) -> list[None]:
    for item in items:
        for keys in _keys(conn, item.channel_id, [(shelf.listing, shelf.location) for shelf in item.shelves]):
            conn.execute(update(authority_rows).where(_here(conn, keys)).values(asked_at=now))
    return [None for _ in items]


def want_newer(conn: Connection, channel_id: int, places: Sequence[tuple[str, str]], question: int) -> None:
    """Our claims at these (listing, location) have changed: what was asked up to that question does not tell how things are now."""
    for keys in _keys(conn, channel_id, places):
        conn.execute(update(authority_rows).where(_here(conn, keys)).values(wanted_seq=question, asked_at=None))


def _keys(conn: Connection, channel_id: int, places: Sequence[tuple[str, str]]) -> Iterator[list[RowKey]]:
    for start in range(0, len(places), CHUNK):
        chunk = places[start : start + CHUNK]
        mine = listings.c.channel_id == channel_id, listings.c.ref.in_({ref for ref, _ in chunk})
        ids = {row.ref: row.id for row in conn.execute(select(listings.c.id, listings.c.ref).where(*mine))}
        yield sorted((ids[ref], location) for ref, location in chunk if ref in ids)


def _here(conn: Connection, keys: Sequence[RowKey]) -> ColumnElement[bool]:
    return among(conn, (authority_rows.c.listing_id, authority_rows.c.location), keys)


def missed(conn: Connection, channel_id: int, question: int, since: datetime) -> int:
    """A full reading is over and these rows did not come: kept as they are, and noted. Returns how many are new to that."""
    mine = authority_rows.c.channel_id == channel_id, authority_rows.c.read_seq < question, authority_rows.c.stale_since.is_(None)
    living = select(listings.c.id).where(listings.c.channel_id == channel_id, listings.c.removed_at.is_(None))
    stale = update(authority_rows).where(*mine, authority_rows.c.listing_id.in_(living)).values(stale_since=since)
    return conn.execute(stale).rowcount
