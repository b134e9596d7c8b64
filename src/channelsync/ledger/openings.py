"""Day one (rule 13): what a SKU's first on hand is, and what opening the ledger would make due. The plan is the real thing, rolled back."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, exists, func, select, update

from channelsync.ledger import guard_answer, levels, planned, switches, targets
from channelsync.ledger.levels import Entry, LevelKey, MovementType
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
        savepoint = conn.begin_nested()
        plans.append(_open(conn, item, now))
        savepoint.rollback()
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
        for found in balances(conn, item.source):
            _seed(conn, found, now)
            _tell(item.sink, "balances", found)
    for channel_id in fresh:
        cut_off = conn.execute(select(func.min(shelves.c.rebased_at)).where(shelves.c.channel_id == channel_id)).scalar_one()
        conn.execute(update(channels).where(channels.c.id == channel_id).values(opened_at=cut_off or now))
        guard_answer.accept(conn, channel_id, now)  # a person has seen this plan
    _tell(item.sink, "writes", planned.writes(conn, item.channel_ids))
    _tell(item.sink, "blocked", planned.blocked(conn, item.channel_ids))
    _tell(item.sink, "switches", (each for channel_id in item.switching for each in switches.to_turn(conn, channel_id)))
    names = conn.scalars(select(channels.c.name).where(channels.c.id.in_(fresh)).order_by(channels.c.name)).all()
    return Plan(tuple(names), planned.unchanged(conn, item.channel_ids))


def _tell(sink: Sink, section: str, rows: Iterable[object]) -> None:
    for row in rows:
        sink.add(section, row)


def _seed(conn: Connection, found: Sequence[Balance], now: datetime) -> None:
    present = levels.read(conn, [(balance.sku_id, balance.location_id) for balance in found], lock=True)
    entries = [
        Entry(
            balance.sku_id,
            balance.location_id,
            MovementType.SEED,
            on_hand=balance.on_hand - present[balance.sku_id, balance.location_id].on_hand,
            reason=f"opening: shown {balance.shows} + taken for unshipped orders {balance.taken}",
            actor="opening",
        )
        for balance in found
    ]
    ids = {balance.sku_id for balance in found}
    mark_counted(conn, ids)
    levels.write(conn, entries, now)
    targets.retarget(conn, ids)


def balances(conn: Connection, channel_id: int) -> Iterator[list[Balance]]:
    """Opening balances of every SKU that was never counted, from this channel's books (each from a closed reading), some at a time.

    Units of a shelf that several locations feed are put where its orders are taken from (`order_mapping`): there they were subtracted. Which
    ones lie elsewhere nobody has said yet.
    """
    query = _uncounted(channel_id)
    every = query.with_only_columns(skus.c.id, maintain_column_froms=True).distinct().order_by(None).order_by(skus.c.id)
    ids = array("q", (row["id"] for page in planned.pages(conn, every) for row in page))  # all of them first: whoever gets a page seeds it
    taken = _taken(conn, channel_id)
    for start in range(0, len(ids), PAGE):
        chunk = ids[start : start + PAGE].tolist()
        yield _balances(conn.execute(query.where(skus.c.id.in_(chunk))).all(), taken)


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


def _uncounted(channel_id: int) -> Select[Any]:
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


def _taken(conn: Connection, channel_id: int) -> dict[LevelKey, int]:
    """Units the shop has already taken out of its number for orders that are not shipped yet: still on the floor."""
    line = order_lines.c
    held_by = line.sku_id, line.location_id, line.hard, line.took, line.pack, line.shipped, line.restocked, line.quarantined
    query = (
        select(*held_by)
        .join(orders, orders.c.id == order_lines.c.order_id)
        .where(orders.c.channel_id == channel_id, order_lines.c.hard > 0)
        .where(order_lines.c.bundle_id.is_(None))  # sold from the bundle's own number: its parts' numbers still show them
    )
    taken: dict[LevelKey, int] = {}
    for row in (row for page in planned.pages(conn, query) for row in page):
        held = row["took"] * row["pack"] - (row["shipped"] - row["restocked"]) - row["quarantined"]
        key = (row["sku_id"], row["location_id"])
        taken[key] = taken.get(key, 0) + min(row["hard"], max(0, held))
    return taken
