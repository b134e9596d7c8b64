"""A channel's own locations, which ledger locations feed each of them, and the shelves there made to follow.

A location that nobody has mapped feeds nothing and is fed by nothing: no shelf of it is written. Where it holds stock the channel waits for a
person (`engine.places`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypeVar

from sqlalchemy import Connection, bindparam, delete, select, update

from channelsync.contract import ChannelLocation
from channelsync.ledger import fitting, listings, ruling
from channelsync.ledger.dialects import insert_into
from channelsync.ledger.schema import channel_locations, channels, facts, locations, shelves
from channelsync.ledger.schema import cursors as cursor_table
from channelsync.ledger.schema import listings as listing_table

T = TypeVar("T")
Feeds = Mapping[str, tuple[int, ...]]
"""Channel location -> the ledger locations that feed it; () or absent: unmapped."""

PAGE: Final = 200
STREAM: Final = "listings"


def feeds_of(
    refs: Iterable[str], table: Mapping[str, tuple[T, ...]], default: T | None, chosen: str | None = None
) -> dict[str, tuple[T, ...]]:
    """What feeds each of a channel's locations. table: as the config maps them; without one the default feeds the channel's one number, which is
    the nameless one or its only named location. chosen: the one that had the default when there were no others yet.
    """
    known = set(refs)
    if table:
        return {ref: table.get(ref, ()) for ref in known}
    named = known - {""}
    alone = chosen if chosen in named else next(iter(named)) if len(named) == 1 else None
    return {ref: (default,) if default is not None and ref in ("", alone) else () for ref in known}


# -- what a channel tells ------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Told:
    """All locations of a channel, as it tells them. table: those that the config maps."""

    channel_id: int
    locations: tuple[ChannelLocation, ...]
    table: Feeds = field(default_factory=dict)


def tell(conn: Connection, items: Sequence[Told], now: datetime) -> list[None]:
    """Keep them. One that is not told any more is no longer active."""
    for item in items:
        rows = [
            {"channel_id": item.channel_id, "ref": told.ref, "name": fitting.payload(told.name), "active": told.active, "seen_at": now}
            for told in item.locations
            if told.ref and fitting.ref(told.ref) == told.ref
        ]
        mine = channel_locations.c.channel_id == item.channel_id
        conn.execute(
            update(channel_locations).where(mine, channel_locations.c.ref.not_in([row["ref"] for row in rows])).values(active=False)
        )
        if rows:
            statement = insert_into(conn, channel_locations)
            changed = {name: statement.excluded[name] for name in ("name", "active", "seen_at")}
            conn.execute(statement.on_conflict_do_update(index_elements=["channel_id", "ref"], set_=changed), rows)
        current(conn, item.channel_id, item.table)
    return [None for _ in items]


def named(conn: Connection, channel_id: int, refs: Iterable[str], table: Feeds, now: datetime) -> dict[str, tuple[int, ...]]:
    """A page of listings names these locations: keep the ones that nobody has told of. Returns what feeds every one of the page."""
    wanted = {ref for ref in refs if fitting.ref(ref) == ref}
    rows = [{"channel_id": channel_id, "ref": ref, "active": True, "seen_at": now} for ref in sorted(wanted - {""})]
    if rows:
        conn.execute(insert_into(conn, channel_locations).on_conflict_do_nothing(), rows)
    return {ref: fed for ref, fed in current(conn, channel_id, table, also=wanted).items() if ref in wanted}


def current(conn: Connection, channel_id: int, table: Feeds, also: Iterable[str] = ()) -> dict[str, tuple[int, ...]]:
    """What feeds each of the channel's locations now; `channel_locations.location_id` is the first of them, where its orders are taken from."""
    rows = conn.execute(select(channel_locations).where(channel_locations.c.channel_id == channel_id)).all()
    chosen = next((row.ref for row in rows if row.location_id is not None), None)
    default = conn.scalar(select(channels.c.location_id).where(channels.c.id == channel_id))
    active = {row.ref for row in rows if row.active or row.ref == chosen}
    found = feeds_of({*active, *also, *table}, table, default, chosen)
    moved = [
        {"_channel": channel_id, "_ref": row.ref, "_place": place}
        for row in rows
        if (place := next(iter(found.get(row.ref, ())), None)) != row.location_id
    ]
    if moved:
        conn.execute(_MAP, moved)
    return found


_MAP = (
    update(channel_locations)
    .where(channel_locations.c.channel_id == bindparam("_channel"), channel_locations.c.ref == bindparam("_ref"))
    .values(location_id=bindparam("_place"))
)


# -- shelves that follow -------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Follow:
    """Feed a channel's shelves as its locations are mapped now, a bounded number at a time. after: `next` of the answer before."""

    channel_id: int
    table: Feeds = field(default_factory=dict)
    after: int = 0
    limit: int = PAGE


def follow(conn: Connection, items: Sequence[Follow], now: datetime) -> list[int | None]:
    """The shelf to go on after; None: all shelves follow. Costs one look while the mapping is the same.

    A mapping that changed has the listings read anew: shelves at a location that was not mapped were never made.
    """
    return [_follow(conn, item, now) for item in items]


def _follow(conn: Connection, item: Follow, now: datetime) -> int | None:
    feeds = current(conn, item.channel_id, item.table, also=[""])
    name, digest = (
        f"places {item.channel_id}",
        hashlib.sha256(json.dumps(sorted(pair for pair in feeds.items() if pair[1])).encode()).hexdigest(),
    )
    if not item.after and conn.scalar(select(facts.c.value).where(facts.c.name == name)) == digest:
        return None
    page = (
        select(shelves.c.id, shelves.c.listing_id, shelves.c.location, listing_table.c.sku_id)
        .join(listing_table, listing_table.c.id == shelves.c.listing_id)
        .where(shelves.c.channel_id == item.channel_id, shelves.c.id > item.after)
        .order_by(shelves.c.id)
        .limit(item.limit)
    )
    rows = conn.execute(page).all()
    listings.feed(conn, {(row.listing_id, row.location): set(feeds.get(row.location, ())) for row in rows})
    ruling.settle(conn, {row.sku_id for row in rows if row.sku_id is not None}, now)
    if len(rows) == item.limit:
        return int(rows[-1].id)
    statement = insert_into(conn, facts).values(name=name, value=digest)
    conn.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"value": digest}))
    conn.execute(delete(cursor_table).where(cursor_table.c.channel_id == item.channel_id, cursor_table.c.stream == STREAM))
    return None


# -- for people ------------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Place:
    """A location of a channel. fed_by: codes of ledger locations; (): left alone; None: unmapped."""

    channel: str
    ref: str
    name: str
    active: bool
    fed_by: tuple[str, ...] | None


def listed(conn: Connection, tables: Mapping[str, Mapping[str, tuple[str, ...]]]) -> list[Place]:
    """Every location that a channel has told of. tables: what the config maps, by channel name."""
    query = (
        select(channels.c.name.label("channel"), channel_locations, locations.c.code)
        .join(channels, channels.c.id == channel_locations.c.channel_id)
        .outerjoin(locations, locations.c.id == channel_locations.c.location_id)
        .order_by(channels.c.name, channel_locations.c.ref)
    )
    found = []
    for row in conn.execute(query).mappings():
        alone = None if row["code"] is None else (row["code"],)
        found.append(Place(row["channel"], row["ref"], row["name"], row["active"], tables.get(row["channel"], {}).get(row["ref"], alone)))
    return found


def unmapped(conn: Connection, channel_id: int, table: Feeds) -> list[ChannelLocation]:
    """Active locations of the channel that no ledger location feeds, and that nobody has said to leave alone."""
    mine = channel_locations.c.channel_id == channel_id, channel_locations.c.active, channel_locations.c.location_id.is_(None)
    rows = conn.execute(select(channel_locations).where(*mine).order_by(channel_locations.c.ref))
    return [ChannelLocation(row.ref, row.name, row.active) for row in rows if row.ref not in table]


def sold_refs(conn: Connection, channel_id: int, after: str, limit: int) -> list[str]:
    """Listings of the channel that are linked and counted there, by ref; pages by key."""
    table = listing_table.c
    own = table.channel_id == channel_id, table.sku_id.is_not(None), table.stock_ref.is_(None), table.removed_at.is_(None)
    usable = table.tracked, table.problem.is_(None), table.ref > after
    return list(conn.scalars(select(table.ref).where(*own, *usable).order_by(table.ref).limit(limit)))


def mapped(conn: Connection, channel_id: int, table: Feeds) -> dict[str, tuple[str, ...]]:
    """The codes of what feeds each mapped location of the channel, as the config would say it."""
    codes = {row.id: row.code for row in conn.execute(select(locations.c.id, locations.c.code))}
    if table:
        return {ref: tuple(codes[place] for place in fed) for ref, fed in table.items()}
    mine = channel_locations.c.channel_id == channel_id, channel_locations.c.location_id.is_not(None)
    return {row.ref: (codes[row.location_id],) for row in conn.execute(select(channel_locations).where(*mine))}


def line_for(conn: Connection, known: Mapping[str, tuple[str, ...]], ref: str, name: str) -> str:
    """The config's line with one more of a channel's locations in it: `locations = { "1" = "main", "2" = "annex" }`. known: `mapped`."""
    used = {code for fed in known.values() for code in fed}
    codes = conn.scalars(select(locations.c.code).order_by(locations.c.priority, locations.c.id)).all()
    free = next((code for code in codes if code not in used), None) or _code(name)
    entries = (f"{_text(each)} = {_codes(fed)}" for each, fed in [*known.items(), (ref, (free,))])
    return f"locations = {{ {', '.join(entries)} }}"


def _codes(codes: Sequence[str]) -> str:
    return _text(codes[0]) if len(codes) == 1 else f"[{', '.join(_text(code) for code in codes)}]"


def _text(text: str) -> str:
    """A TOML string is a JSON one."""
    return json.dumps(text, ensure_ascii=False)


def _code(name: str) -> str:
    """A code for a ledger location that has yet to be added under [locations]."""
    letters = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in name.lower()).strip("-")
    return letters[:63] or "new-location"
