"""What is recorded of a SKU's surroundings: what shares units with it, who sells that, what was there at the start and at the end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, func, or_, select

from channelsync.ledger.recording.model import Channel, Item, Level, Rules, Shelf, Sku, Traits
from channelsync.ledger.recording.names import Aliases
from channelsync.ledger.schema import (
    book_entries,
    bundle_parts,
    channels,
    listings,
    locations,
    movements,
    shelf_feeds,
    shelves,
)

GROUP_MAX = 60
"""SKUs at most that are followed through bundles."""

KINDS = frozenset({"bigcommerce", "memory", "moysklad", "shopify", "woocommerce"})


@dataclass(frozen=True, slots=True)
class Facts:
    """What the ledger does not know of a channel: its connector's traits, and the engine's settings, in seconds."""

    traits: Traits
    poll: float
    sweep: float
    timeout: float
    on_lower: str = "ask"
    on_higher: str = "overwrite"


@dataclass(frozen=True, slots=True)
class Listed:
    """A listing: by whom, as which of our items, and the SKU units in one piece of it."""

    channel_id: int
    item: str
    sku_id: int
    recipe: Mapping[int, int]


@dataclass(slots=True)
class Goods:
    """units: SKUs that are counted. bundles: id -> parts. listed: by listing id. shelf: shelf id -> (listing id, our name of its location)."""

    units: list[int]
    bundles: dict[int, dict[int, int]]
    names: dict[int, str]
    aliases: Aliases
    listed: dict[int, Listed] = field(default_factory=dict)
    shelf: dict[int, tuple[int, str]] = field(default_factory=dict)

    @property
    def all(self) -> list[int]:
        return [*self.units, *self.bundles]

    def recipe(self, sku_id: int, pack: int) -> dict[int, int]:
        return {part: units * pack for part, units in self.bundles.get(sku_id, {sku_id: 1}).items()}

    def sold_as(self, channel_id: int, sku_id: int, pack: int) -> Listed | None:
        """The listing that an order line without a shelf most likely meant."""
        found = [each for each in self.listed.values() if (each.channel_id, each.sku_id) == (channel_id, sku_id)]
        return next((each for each in found if each.recipe == self.recipe(sku_id, pack)), found[0] if found else None)


def gather(conn: Connection, sku_id: int, aliases: Aliases) -> Goods:
    """The SKU, and all that is made of what it is made of."""
    parts = _closure(conn, sku_id)
    goods = Goods([each for each in parts if not parts[each]], {each: made for each, made in parts.items() if made}, {}, aliases)
    for each in parts:
        goods.names[each] = (aliases.bundles if parts[each] else aliases.skus).of(each)
    for row in conn.execute(select(locations.c.id).order_by(locations.c.priority, locations.c.id)):
        if conn.scalar(select(movements.c.id).where(movements.c.location_id == row.id, movements.c.sku_id.in_(goods.units)).limit(1)):
            aliases.places.of(row.id)
    _list(conn, goods)
    return goods


def _closure(conn: Connection, sku_id: int) -> dict[int, dict[int, int]]:
    """SKU -> its parts, the SKU that was asked for first."""
    found: dict[int, dict[int, int]] = {}
    ahead = [sku_id]
    while ahead and len(found) < GROUP_MAX:
        each = ahead.pop(0)
        if each in found:
            continue
        rows = conn.execute(
            select(bundle_parts)
            .where(or_(bundle_parts.c.bundle_id == each, bundle_parts.c.sku_id == each))
            .order_by(bundle_parts.c.bundle_id, bundle_parts.c.sku_id)
        ).all()
        found[each] = {row.sku_id: int(row.quantity) for row in rows if row.bundle_id == each}
        ahead += [row.sku_id if row.bundle_id == each else row.bundle_id for row in rows]
    return {each: parts for each, parts in found.items() if set(parts) <= set(found)}


def _list(conn: Connection, goods: Goods) -> None:
    """A listing of one unit has its SKU's name; any other is a pack."""
    query = select(listings).where(listings.c.sku_id.in_(goods.all), listings.c.removed_at.is_(None)).order_by(listings.c.id)
    taken: set[tuple[int, str]] = set()
    for row in conn.execute(query).mappings():
        name = goods.names[row["sku_id"]]
        choices = [name] if row["pack"] == 1 else []
        choices += [f"{name}-x{row['pack']}", *(f"{name}-x{row['pack']}-x{number}" for number in range(2, 100))]
        item = next((each for each in choices if (row["channel_id"], each) not in taken), None)
        if item is None:
            continue
        taken.add((row["channel_id"], item))
        recipe = goods.recipe(row["sku_id"], int(row["pack"]))
        goods.listed[row["id"]] = Listed(row["channel_id"], item, row["sku_id"], recipe)
        goods.aliases.channels.of(row["channel_id"])


def skus(goods: Goods) -> list[Sku]:
    return [
        Sku(sku=goods.names[each], parts={goods.names[part]: units for part, units in goods.bundles.get(each, {}).items()})
        for each in goods.names
    ]


def levels(conn: Connection, goods: Goods, at: datetime) -> list[Level]:
    """on_hand without what an authority still has in its number for us, or holds for others: a replay knows no authority."""
    column = movements.c
    physical = func.sum(column.on_hand - column.pending_debit - column.held_elsewhere)
    query = (
        select(column.sku_id, column.location_id, physical, func.sum(column.soft), func.sum(column.hard))
        .where(column.sku_id.in_(goods.units), column.recorded_at <= at)
        .group_by(column.sku_id, column.location_id)
        .order_by(column.sku_id, column.location_id)
    )
    return [
        Level(sku=goods.names[row[0]], place=goods.aliases.places.of(row[1]), on_hand=int(row[2]), soft=int(row[3]), hard=int(row[4]))
        for row in conn.execute(query)
    ]


def sellers(conn: Connection, goods: Goods, facts: Mapping[str, Facts], start: datetime, end: datetime) -> list[Channel]:
    """Every channel that lists any of it, and those that sold it before."""
    ids = {each.channel_id for each in goods.listed.values()}
    query = select(channels).where(channels.c.id.in_(ids)).order_by(channels.c.id)
    return [_seller(conn, goods, row, facts.get(row["name"]), start, end) for row in conn.execute(query).mappings().all()]


def _seller(conn: Connection, goods: Goods, row: RowMapping, facts: Facts | None, start: datetime, end: datetime) -> Channel:
    facts = facts or Facts(Traits(carrier="compare_and_set"), 60.0, 900.0, 30.0)
    rows = _shelf_rows(conn, goods, row["id"])
    return Channel.model_validate(
        {
            "channel": goods.aliases.channels.of(row["id"]),
            "kind": row["connector"] if row["connector"] in KINDS else "other",
            "authority": row["role"] == "authority",
            "traits": facts.traits,
            "poll": facts.poll,
            "sweep": facts.sweep,
            "timeout": facts.timeout,
            "on_lower": facts.on_lower,
            "on_higher": facts.on_higher,
            "rules": _rules(rows),
            "items": [
                Item(item=each.item, sku=goods.names[each.sku_id], pack=_pack(goods, each))
                for each in goods.listed.values()
                if each.channel_id == row["id"]
            ],
            "shelves": [_shelf(conn, goods, each, start, end) for each in rows],
        }
    )


def _pack(goods: Goods, listed: Listed) -> int:
    part, units = next(iter(listed.recipe.items()))
    return units // goods.bundles.get(listed.sku_id, {part: 1})[part]


def _shelf_rows(conn: Connection, goods: Goods, channel_id: int) -> list[RowMapping]:
    mine = [key for key, each in goods.listed.items() if each.channel_id == channel_id]
    query = select(shelves).where(shelves.c.listing_id.in_(mine)).order_by(shelves.c.id)
    return list(conn.execute(query).mappings())


def _rules(rows: Iterable[RowMapping]) -> Rules:
    """Of the first shelf; what is said for single SKUs or for a time is not told apart."""
    row = next(iter(rows), None)
    if row is None:
        return Rules()
    plain = not (row["safety_share"] or row["show_min"] or row["plenty"] is not None or row["skip"])
    return Rules(safety_stock=row["safety_stock"], share=row["share"], show_max=row["show_max"], plain=plain)


def _shelf(conn: Connection, goods: Goods, row: RowMapping, start: datetime, end: datetime) -> Shelf:
    own = goods.aliases.places.of((row["channel_id"], row["location"])) if row["location"] else ""
    goods.shelf[row["id"]] = (row["listing_id"], own)
    feeds = select(shelf_feeds.c.location_id).where(shelf_feeds.c.shelf_id == row["id"]).order_by(shelf_feeds.c.location_id)
    return Shelf(
        item=goods.listed[row["listing_id"]].item,
        location=own,
        fed_by=[goods.aliases.places.of(each) for each in conn.scalars(feeds)],
        book=_book(conn, row["id"], start),
        book_at_end=_book(conn, row["id"], end),
        target_at_end=row["target"],
        reading=row["reading"],
        read=None if row["read_at"] is None else round((row["read_at"] - start).total_seconds(), 6),
    )


def _book(conn: Connection, shelf_id: int, at: datetime) -> int | None:
    total: Any = conn.scalar(select(func.sum(book_entries.c.delta)).where(book_entries.c.shelf_id == shelf_id, book_entries.c.at <= at))
    return None if total is None else int(total)


def of_line(goods: Goods, channel_id: int, rows: Iterable[RowMapping]) -> Listed | None:
    """Which of our items an order line is, by its rows in the ledger (`order_lines`)."""
    rows = list(rows)
    for row in rows:
        if row["shelf_id"] in goods.shelf:
            return goods.listed[goods.shelf[row["shelf_id"]][0]]
    first = rows[0]
    sold, pack = first["bundle_id"] or first["sku_id"], first["pack"]
    if first["bundle_id"]:
        pack //= goods.bundles.get(first["bundle_id"], {}).get(first["sku_id"], 1)
    return goods.sold_as(channel_id, sold, pack)
