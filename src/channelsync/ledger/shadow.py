"""What another tool did to a shop while we only looked on: its writes, and which of them put sold units back on sale.

The shop's number is what it started with, less what the shop took for its orders, plus what somebody wrote. We know the orders, with hindsight
all of them; so every look bounds what had been written by then. Where the bounds of two looks do not meet, somebody wrote in between, at least
as much as lies between the bounds: the report never names a write that an order could explain.

Shops cut their times to the second, so an effect dated t happened within the second before; that is what makes bounds of one number.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from channelsync.contract import Effect
from channelsync.ledger import bundles
from channelsync.ledger.schema import (
    channels,
    listings,
    movements,
    order_lines,
    orders,
    shelf_feeds,
    shelves,
    sightings,
    skus,
)

RESOLUTION = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class ForeignWrite:
    """Somebody else moved a shelf's number by (at least) `change` between two looks, by the shop's clock.

    showed: before and after. left: what could still be sold then, in the listing's units. resurrected: units of sold goods that went back on sale.
    """

    channel: str
    listing: str
    location: str
    sku: str
    after: datetime
    before: datetime
    showed: tuple[int, int]
    change: int
    left: int
    resurrected: int


@dataclass(frozen=True, slots=True)
class Report:
    """looked: shelves that were looked at. writes: oldest first."""

    looked: int
    writes: tuple[ForeignWrite, ...] = field(default_factory=tuple)

    @property
    def resurrected(self) -> int:
        return sum(write.resurrected for write in self.writes)


@dataclass(frozen=True, slots=True)
class Look:
    at: datetime
    shows: int


@dataclass(frozen=True, slots=True)
class _Shelf:
    id: int
    channel: str
    listing: str
    location: str
    sku_id: int
    sku: str
    pack: int


def report(conn: Connection, channel: str | None = None, since: datetime | None = None) -> Report:
    """Every shelf that was looked at (of one channel only, if named), since then."""
    found: list[ForeignWrite] = []
    looked = 0
    for shelf in _shelves(conn, channel):
        looks = _looks(conn, shelf.id, since)
        looked += bool(looks)
        found += _writes(conn, shelf, looks)
    return Report(looked, tuple(sorted(found, key=lambda write: (write.before, write.channel, write.listing))))


def _writes(conn: Connection, shelf: _Shelf, looks: Sequence[Look]) -> Iterator[ForeignWrite]:
    jumps = list(foreign_writes(looks, _effects(conn, shelf.id)))
    if not jumps:
        return
    recipe = bundles.recipes(conn, [shelf.sku_id]).get(shelf.sku_id) or ((shelf.sku_id, 1),)
    history = _moves(conn, shelf, recipe)
    for earlier, later, change in jumps:
        left = _left(history, recipe, later.at) // shelf.pack
        yield ForeignWrite(
            shelf.channel,
            shelf.listing,
            shelf.location,
            shelf.sku,
            earlier.at,
            later.at,
            (earlier.shows, later.shows),
            change,
            left,
            resurrected=max(0, min(change, later.shows - max(0, left))),
        )


def foreign_writes(looks: Sequence[Look], effects: Iterable[Effect]) -> Iterator[tuple[Look, Look, int]]:
    """(the look before, the look after, how much was written at least). Pure."""
    known = list(effects)
    low = high = 0
    earlier: Look | None = None
    for look in looks:
        took_least, took_most = _bounds(known, look.at)
        least, most = look.shows + took_least, look.shows + took_most
        if earlier is None:
            low, high = least, most
        elif least > high:
            yield earlier, look, least - high
            low, high = least, most
        elif most < low:
            yield earlier, look, most - low
            low, high = least, most
        else:
            low, high = max(low, least), min(high, most)
        earlier = look


def _bounds(effects: Iterable[Effect], at: datetime) -> tuple[int, int]:
    """What the shop had taken by then, at least and at most."""
    least = most = 0
    for effect in effects:
        if effect.at <= at:
            least, most = least + effect.units, most + effect.units
        elif effect.at - RESOLUTION <= at:
            least, most = least + min(0, effect.units), most + max(0, effect.units)
    return least, most


# -- rows ----------------------------------------------------------------------------------------------------------------------------------


def _shelves(conn: Connection, channel: str | None) -> list[_Shelf]:
    query = (
        select(shelves.c.id, channels.c.name, listings.c.ref, shelves.c.location, skus.c.id.label("sku_id"), skus.c.sku, listings.c.pack)
        .join(listings, listings.c.id == shelves.c.listing_id)
        .join(channels, channels.c.id == shelves.c.channel_id)
        .join(skus, skus.c.id == listings.c.sku_id)
        .where(select(sightings.c.id).where(sightings.c.shelf_id == shelves.c.id).exists())
        .order_by(shelves.c.id)
    )
    rows = conn.execute(query if channel is None else query.where(channels.c.name == channel))
    return [_Shelf(*row) for row in rows]


def _looks(conn: Connection, shelf_id: int, since: datetime | None) -> list[Look]:
    query = select(sightings).where(sightings.c.shelf_id == shelf_id).order_by(sightings.c.id)
    looks: list[Look] = []
    for row in conn.execute(query if since is None else query.where(sightings.c.last_at >= since)):
        looks.append(Look(row.first_at, row.shows))
        if row.last_at > row.first_at:
            looks.append(Look(row.last_at, row.shows))
    return looks


def _effects(conn: Connection, shelf_id: int) -> list[Effect]:
    """What the shop itself did to the shelf's number, with the times that the orders tell. A line that moved between places has a row for each."""
    query = (
        select(orders.c.id, order_lines.c.line_ref, orders.c.snapshot)
        .join(orders, orders.c.id == order_lines.c.order_id)
        .where(order_lines.c.shelf_id == shelf_id)
    )
    lines = {(row.id, row.line_ref): row.snapshot for row in conn.execute(query)}
    return [
        Effect(units, datetime.fromisoformat(at))
        for (_, line_ref), snapshot in lines.items()
        for line in snapshot["lines"]
        if line["ref"] == line_ref
        for units, at in line["effects"]
    ]


@dataclass(frozen=True, slots=True)
class _Move:
    """What can be sold of one SKU at one location changed by so many units."""

    at: datetime
    location_id: int
    sku_id: int
    units: int


def _moves(conn: Connection, shelf: _Shelf, recipe: bundles.Recipe) -> list[_Move]:
    """Where the shelf sells from, by the time things happened. Of a bundle: of its parts."""
    move = movements.c
    change = move.on_hand - move.soft - move.hard - move.pending_debit - move.held_elsewhere
    query = (
        select(move.occurred_at, move.location_id, move.sku_id, change)
        .join(shelf_feeds, shelf_feeds.c.location_id == move.location_id)
        .where(shelf_feeds.c.shelf_id == shelf.id, move.sku_id.in_([sku_id for sku_id, _ in recipe]))
    )
    return [_Move(*row) for row in conn.execute(query)]


def _left(history: Iterable[_Move], recipe: bundles.Recipe, at: datetime) -> int:
    """How many could be sold then: at each location what is shortest, then the sum."""
    there: dict[int, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for move in history:
        if move.at <= at:
            there[move.location_id][move.sku_id] += move.units
    return sum(min(units[sku_id] // quantity for sku_id, quantity in recipe) for units in there.values())
