"""What the ledger believes of an authority's physical stock, laid out to be compared with the authority itself. Reads only, but for `doubt`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from channelsync.contract import ShelfRef
from channelsync.ledger import bundles, listings
from channelsync.ledger.dialects import among
from channelsync.ledger.levels import LevelKey
from channelsync.ledger.schema import authority_rows, locations, set_aside, skus, stock_levels
from channelsync.ledger.schema import listings as listing_table

CHUNK = 400


@dataclass(frozen=True, slots=True)
class Row:
    """One number that the authority has told, and that went into a level. on_hand: what it put there. gone: its listing was deleted there.

    late: it should have come and did not, or must be newer than what came; it is being asked for by name.
    """

    listing_id: int
    shelf: ShelfRef
    on_hand: int
    pack: int
    gone: bool
    late: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """On hand of one SKU at a location that the authority owns, and the numbers it was made of."""

    key: LevelKey
    sku: str
    location: str
    on_hand: int
    rows: tuple[Row, ...]

    @property
    def told(self) -> int:
        """What its numbers add up to, as they came last."""
        return sum(row.on_hand for row in self.rows)


def standing_after(conn: Connection, channel_id: int, after: int, limit: int) -> list[Standing]:
    """Levels at the authority's locations, all of up to so many SKUs at once; the next page begins after the last one's SKU."""
    owned = select(locations.c.id).where(locations.c.authority_id == channel_id)
    ids = select(stock_levels.c.sku_id).where(stock_levels.c.sku_id > after, stock_levels.c.location_id.in_(owned))
    wanted = conn.scalars(ids.distinct().order_by(stock_levels.c.sku_id).limit(limit)).all()
    return _standing(conn, channel_id, stock_levels.c.sku_id.in_(wanted)) if wanted else []


def standing_named(conn: Connection, channel_id: int, keys: Iterable[LevelKey]) -> list[Standing]:
    """The same by SKU and location."""
    wanted, found = sorted(set(keys)), list[Standing]()
    for start in range(0, len(wanted), CHUNK):
        found += _standing(
            conn, channel_id, among(conn, (stock_levels.c.sku_id, stock_levels.c.location_id), wanted[start : start + CHUNK])
        )
    return found


def _standing(conn: Connection, channel_id: int, which: Any) -> list[Standing]:
    query = (
        select(stock_levels.c.sku_id, stock_levels.c.location_id, stock_levels.c.on_hand, skus.c.sku, locations.c.code)
        .join(skus, skus.c.id == stock_levels.c.sku_id)
        .join(locations, locations.c.id == stock_levels.c.location_id)
        .where(which, locations.c.authority_id == channel_id)
        .order_by(stock_levels.c.sku_id, stock_levels.c.location_id)
    )
    levels = conn.execute(query).all()
    rows = _rows(conn, channel_id, {level.sku_id for level in levels})
    return [
        Standing(key, level.sku, level.code, level.on_hand, tuple(rows.get(key, ())))
        for level in levels
        for key in [(level.sku_id, level.location_id)]
    ]


def _rows(conn: Connection, channel_id: int, sku_ids: Collection[int]) -> Mapping[LevelKey, list[Row]]:
    table = authority_rows.c
    query = (
        select(authority_rows, listing_table.c.ref, listing_table.c.removed_at)
        .join(listing_table, listing_table.c.id == table.listing_id)
        .where(table.channel_id == channel_id, table.sku_id.in_(sku_ids))
        .order_by(table.listing_id, table.location)
    )
    found: dict[LevelKey, list[Row]] = defaultdict(list)
    for row in conn.execute(query).mappings():
        shelf = ShelfRef(row["ref"], row["location"])
        late = row["stale_since"] is not None or (row["wanted_seq"] > 0 and row["read_seq"] <= row["wanted_seq"])
        each = Row(row["listing_id"], shelf, row["on_hand"], row["pack"], row["removed_at"] is not None, late)
        found[row["sku_id"], row["location_id"]].append(each)
    return found


def never_heard(conn: Connection, channel_id: int, told: Sequence[ShelfRef], places: Mapping[str, int]) -> list[tuple[ShelfRef, str]]:
    """Numbers that the authority tells and the ledger has not, though it could take them: the shelf and its SKU. `told` at most a page."""
    names = listings.resolve(conn, channel_id, {shelf.listing for shelf in told})
    made = bundles.recipes(conn, {found.sku_id for found in names.values() if found.sku_id is not None})
    owned = set(conn.scalars(select(locations.c.id).where(locations.c.authority_id == channel_id)))
    linked = {
        (found.id, shelf.location): (shelf, found.sku_id)
        for shelf in told
        if (found := names.get(shelf.listing)) is not None and found.sku_id is not None and found.sku_id not in made
        if found.removed_at is None and places.get(shelf.location) in owned
    }
    table, keys = authority_rows.c, sorted(linked)
    heard: set[tuple[int, str]] = set()
    for start in range(0, len(keys), CHUNK):
        here = among(conn, (table.listing_id, table.location), keys[start : start + CHUNK])
        heard |= {(row.listing_id, row.location) for row in conn.execute(select(table.listing_id, table.location).where(here))}
    missed = [linked[key] for key in keys if key not in heard]
    sku_names = {row.id: row.sku for row in conn.execute(select(skus.c.id, skus.c.sku).where(skus.c.id.in_({sku for _, sku in missed})))}
    return [(shelf, sku_names[sku_id]) for shelf, sku_id in missed]


def refused_because(conn: Connection, channel_id: int, refs: Collection[str]) -> str | None:
    """Why a number of one of these listings was set aside, if one was."""
    mine = set_aside.c.channel_id == channel_id, set_aside.c.kind == "physical", set_aside.c.resolved_at.is_(None)
    query = select(set_aside.c.reason).where(*mine, set_aside.c.ref.in_(refs)).order_by(set_aside.c.id).limit(1)
    reason: str | None = conn.scalar(query)
    return reason


@dataclass(frozen=True, slots=True)
class Doubt:
    """These numbers are not what the authority says: they are asked for by name, until they come."""

    channel_id: int
    rows: tuple[tuple[int, str], ...]


def doubt(conn: Connection, items: Sequence[Doubt], now: datetime) -> list[int]:
    """Answers how many rows are asked for that were not before."""
    return [sum(_doubt(conn, item.channel_id, key, now) for key in sorted(item.rows)) for item in items]


def _doubt(conn: Connection, channel_id: int, key: tuple[int, str], now: datetime) -> int:
    table = authority_rows.c
    here = table.channel_id == channel_id, table.listing_id == key[0], table.location == key[1], table.stale_since.is_(None)
    return conn.execute(update(authority_rows).where(*here).values(stale_since=now, asked_at=None)).rowcount
