"""Day one (rule 13): what a SKU's first on hand is, and what opening the ledger would make due. The plan is the real thing, rolled back."""

from __future__ import annotations

from array import array
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, exists, func, select, update

from channelsync.ledger import guard_answer, levels, planned, switches, targets
from channelsync.ledger.levels import Entry, Level, LevelKey, MovementType
from channelsync.ledger.planned import NOWHERE, PAGE, Sink
from channelsync.ledger.schema import bundle_parts, channels, listings, locations, order_lines, orders, shelf_feeds, shelves, skus
from channelsync.ledger.skus import mark_counted

SECTIONS: Final = ("balances", "writes", "blocked", "switches")
"""What the rows of a plan are, in the order in which its sink gets them."""


@dataclass(frozen=True, slots=True)
class Balance:
    """The opening of one (SKU, location) from the shop that opens the ledger: what it shows + what it already took for its unshipped orders."""

    sku: str
    location: str
    shows: int
    taken: int
    sku_id: int
    location_id: int
    listings: int = 1

    @property
    def key(self) -> LevelKey:
        return self.sku_id, self.location_id

    @property
    def on_hand(self) -> int:
        """Below zero is what the shop sold without having it: that is among the taken."""
        return max(0, self.shows + self.taken)


@dataclass(frozen=True, slots=True)
class Plan:
    """opens: channels that are opened by applying it. unchanged: shelves that show the right number already. Its rows went to the sink."""

    opens: tuple[str, ...]
    unchanged: int


@dataclass(frozen=True, slots=True)
class Opening:
    """Open these channels; `source` gives the opening balances of SKUs that were never counted (None: no channel does).

    switching: channels whose backorder switches are turned. sink: takes balances, writes, what is blocked, and switches (the first thousand of
    each channel).
    """

    channel_ids: tuple[int, ...]
    source: int | None
    switching: tuple[int, ...] = ()
    sink: Sink = NOWHERE


def preview(conn: Connection, items: Sequence[Opening], now: datetime) -> list[Plan]:
    """What `open_channels` would do: the same path, rolled back."""
    plans = []
    for item in items:
        with conn.begin_nested() as savepoint:
            plans.append(_open(conn, item, now))
            savepoint.rollback()
        item.sink.moved()
    return plans


def open_channels(conn: Connection, items: Sequence[Opening], now: datetime) -> list[Plan]:
    """Post the opening balances and let the channels be written to."""
    return [_open(conn, item, now) for item in items]


def _open(conn: Connection, item: Opening, now: datetime) -> Plan:
    item.sink.begin()
    fresh = [
        row.id for row in conn.execute(select(channels.c.id).where(channels.c.id.in_(item.channel_ids), channels.c.opened_at.is_(None)))
    ]
    if item.source is not None:
        _seed(conn, item.source, item.sink, now)
    for channel_id in fresh:
        cut_off = conn.execute(select(func.min(shelves.c.rebased_at)).where(shelves.c.channel_id == channel_id)).scalar_one()
        conn.execute(update(channels).where(channels.c.id == channel_id).values(opened_at=cut_off or now))
        guard_answer.accept(conn, channel_id, now)  # a person has seen this plan
        item.sink.moved()
    _tell(item.sink, "writes", planned.writes(conn, item.channel_ids))
    _tell(item.sink, "blocked", planned.blocked(conn, item.channel_ids))
    _tell(item.sink, "switches", (each for channel_id in item.switching for each in switches.to_turn(conn, channel_id)))
    names = conn.scalars(select(channels.c.name).where(channels.c.id.in_(fresh)).order_by(channels.c.name)).all()
    plan = Plan(tuple(names), planned.unchanged(conn, item.channel_ids))
    item.sink.end()
    return plan


def _tell(sink: Sink, section: str, rows: Generator[object]) -> None:
    with closing(rows):  # a sink that fails must leave no cursor open: it would outlive this transaction
        for row in rows:
            sink.add(section, row)
    sink.moved()


def _seed(conn: Connection, channel_id: int, sink: Sink, now: datetime) -> None:
    """Levels of all SKUs first, then shelves: whoever else writes takes these locks in that order."""
    ids = _uncounted(conn, channel_id)
    for chunk in _chunks(ids):
        found = _lock(conn, channel_id, chunk)
        _post(conn, found, now)
        for balance, _ in found:
            sink.add("balances", balance)
    for chunk in _chunks(ids):
        targets.retarget(conn, chunk)
        sink.moved()


def _lock(conn: Connection, channel_id: int, sku_ids: list[int]) -> list[tuple[Balance, Level]]:
    """Whoever applies an order changes its level: once the levels are ours, no order comes between the books and what the shop took."""
    found, present = balances(conn, channel_id, sku_ids), dict[LevelKey, Level]()
    while missing := [balance.key for balance in found if balance.key not in present]:
        present |= levels.read(conn, missing, lock=True)
        if conn.dialect.name != "sqlite":  # there nobody else writes meanwhile
            found = balances(conn, channel_id, sku_ids)
    return [(balance, present[balance.key]) for balance in found]


def _post(conn: Connection, found: Sequence[tuple[Balance, Level]], now: datetime) -> None:
    entries = [
        Entry(
            *balance.key,
            MovementType.SEED,
            on_hand=balance.on_hand - present.on_hand,
            reason=f"opening: shown {balance.shows} + taken for unshipped orders {balance.taken}",
            actor="opening",
        )
        for balance, present in found
    ]
    mark_counted(conn, {balance.sku_id for balance, _ in found})
    levels.write(conn, entries, now, there={balance.key for balance, _ in found})


def _uncounted(conn: Connection, channel_id: int) -> array[int]:
    """The SKUs that the channel opens, by id."""
    query = _shown(channel_id).with_only_columns(skus.c.id, maintain_column_froms=True).distinct().order_by(None).order_by(skus.c.id)
    return array("q", (row["id"] for page in planned.pages(conn, query) for row in page))


def _chunks(ids: array[int]) -> Iterator[list[int]]:
    return (ids[start : start + PAGE].tolist() for start in range(0, len(ids), PAGE))


def balances(conn: Connection, channel_id: int, sku_ids: Sequence[int]) -> list[Balance]:
    """Opening balances of those of the SKUs that were never counted, from this channel's books (each from a closed reading).

    Units of a shelf that several locations feed are put where its orders are taken from (`order_mapping`): there they were subtracted. Which
    ones lie elsewhere nobody has said yet.
    """
    rows = conn.execute(_shown(channel_id).where(skus.c.id.in_(sku_ids))).all()
    return _balances(rows, _taken(conn, channel_id, sku_ids))


def _balances(rows: Sequence[Row[Any]], taken: Mapping[LevelKey, int]) -> list[Balance]:
    """rows: of each shelf one for each location that feeds it, that of its orders first."""
    shown: dict[LevelKey, list[int]] = {}
    names: dict[LevelKey, tuple[str, str]] = {}
    seen: set[int] = set()
    for row in rows:
        if row.shelf_id in seen:
            continue
        seen.add(row.shelf_id)
        key = (row.id, row.location_id)
        shown.setdefault(key, []).append(row.book * row.pack)
        names[key] = (row.sku, row.code)
    return [
        Balance(*names[key], shows=min(numbers), taken=taken.get(key, 0), sku_id=key[0], location_id=key[1], listings=len(numbers))
        for key, numbers in shown.items()
    ]


def _shown(channel_id: int) -> Select[Any]:
    """Shelves of SKUs that were never counted, each once for each location that feeds it."""
    own = func.coalesce(select(channels.c.location_id).where(channels.c.id == channel_id).scalar_subquery(), 0)
    return (
        select(
            skus.c.id,
            skus.c.sku,
            locations.c.id.label("location_id"),
            locations.c.code,
            shelves.c.id.label("shelf_id"),
            shelves.c.book,
            listings.c.pack,
        )
        .join(listings, listings.c.sku_id == skus.c.id)
        .join(shelves, shelves.c.listing_id == listings.c.id)
        .join(shelf_feeds, shelf_feeds.c.shelf_id == shelves.c.id)
        .join(locations, locations.c.id == shelf_feeds.c.location_id)
        .where(listings.c.channel_id == channel_id, skus.c.counted.is_(False), shelves.c.book.is_not(None), listings.c.removed_at.is_(None))
        .where(shelves.c.plenty.is_(None))  # what is not to be counted is no opening
        .where(~exists().where(bundle_parts.c.bundle_id == skus.c.id))  # a bundle has no stock of its own
        .where(shelves.c.id.not_in(_fed_by_authorities()))
        .order_by(skus.c.id, locations.c.id != own, locations.c.priority, locations.c.id)
    )


def _fed_by_authorities() -> Select[tuple[int]]:
    """Shelves that show, in part at least, what an authority counts: on hand is imported there, never taken from a shop."""
    owned = shelf_feeds.c.location_id == locations.c.id
    return select(shelf_feeds.c.shelf_id).join(locations, owned).where(locations.c.authority_id.is_not(None))


def _taken(conn: Connection, channel_id: int, sku_ids: Sequence[int]) -> dict[LevelKey, int]:
    """Units the shop has already taken out of its number for orders that are not shipped yet: still on the floor."""
    line = order_lines.c
    query = (
        select(line.sku_id, line.location_id, line.hard, line.took, line.pack, line.shipped, line.restocked, line.quarantined)
        .join(orders, orders.c.id == line.order_id)
        .where(line.sku_id.in_(sku_ids), orders.c.channel_id == channel_id, line.hard > 0)
        .where(line.bundle_id.is_(None))  # sold from the bundle's own number: its parts' numbers still show them
    )
    taken: dict[LevelKey, int] = {}
    for row in conn.execute(query):
        held = row.took * row.pack - (row.shipped - row.restocked) - row.quarantined
        key = (row.sku_id, row.location_id)
        taken[key] = taken.get(key, 0) + min(row.hard, max(0, held))
    return taken
