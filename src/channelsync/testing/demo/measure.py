"""What came of it: times from the shops' own memory and the ledger's rows, and whether everything is at rest. Reads only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select

from channelsync.ledger.due import OPEN_STATES
from channelsync.ledger.schema import attempts, channels, exports, inbox, listing_aliases, listings, orders, shelves, skus, stock_levels
from channelsync.testing.demo.options import Quantiles
from channelsync.testing.standins.base import StandIn


@dataclass(frozen=True, slots=True)
class ShelfNow:
    channel: str
    sku: str
    target: int | None
    busy: bool

    def at_rest(self, shows: int) -> bool:
        """A number below zero whose target is 0 or less is left alone."""
        return not self.busy and self.target is not None and (shows == self.target or (self.target <= 0 and shows < 0))


def shelves_now(conn: Connection) -> list[ShelfNow]:
    """Every shelf with its target; busy: an attempt, a verification or a gap is open."""
    open_attempts = set(conn.scalars(select(attempts.c.shelf_id).where(attempts.c.state.in_(OPEN_STATES))))
    query = (
        select(shelves, channels.c.name, skus.c.sku)
        .join(listings, listings.c.id == shelves.c.listing_id)
        .join(channels, channels.c.id == shelves.c.channel_id)
        .join(skus, skus.c.id == listings.c.sku_id)
    )
    return [
        ShelfNow(row["name"], row["sku"], row["target"], bool(row["verify"] or row["gap"] or row["id"] in open_attempts))
        for row in conn.execute(query).mappings()
    ]


def unexported(conn: Connection) -> int:
    """Orders that the stock authority has not confirmed as they are now."""
    return int(conn.execute(select(func.count()).select_from(exports).where(exports.c.due | exports.c.in_flight)).scalar_one())


def unsettled(found: Iterable[ShelfNow], shops: Mapping[str, StandIn]) -> list[ShelfNow]:
    return [shelf for shelf in found if not shelf.at_rest(shops[shelf.channel].shows(shelf.sku))]


def available(conn: Connection) -> dict[str, int]:
    """What the ledger says is left, by SKU."""
    level = stock_levels.c
    free = func.sum(level.on_hand - level.soft - level.hard - level.pending_debit - level.held_elsewhere)
    query = select(skus.c.sku, free).join(stock_levels, level.sku_id == skus.c.id).group_by(skus.c.sku)
    return {row[0]: int(row[1]) for row in conn.execute(query)}


def counts(conn: Connection) -> tuple[int, int]:
    """(deliveries stored, numbers sent)."""
    stored = conn.execute(select(func.count()).select_from(inbox)).scalar_one()
    sent = conn.execute(select(func.count()).select_from(attempts).where(attempts.c.state.not_in(("armed", "withdrawn")))).scalar_one()
    return int(stored), int(sent)


# -- times -------------------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SeenOrder:
    channel: str
    ref: str
    first_seen_at: datetime
    skus: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Written:
    """A write of ours that the shop has accepted. One that applies writes later has accepted it that much before its number moved."""

    channel: str
    sku: str
    computed_at: datetime
    accepted_at: datetime


def seen_orders(conn: Connection) -> list[SeenOrder]:
    """Orders as they came in, with the SKUs whose number they moved."""
    names = {row[0]: row[1] for row in conn.execute(select(channels.c.id, channels.c.name))}
    sku_of = {(row[0], row[1]): row[2] for row in conn.execute(_linked())}
    found = []
    for row in conn.execute(select(orders).where(orders.c.before_opening.is_(False)).order_by(orders.c.id)).mappings():
        refs = {line["listing"] for line in row["snapshot"]["lines"]}
        mine = {sku_of[row["channel_id"], ref] for ref in refs if (row["channel_id"], ref) in sku_of}
        found.append(SeenOrder(names[row["channel_id"]], row["ref"], row["first_seen_at"], tuple(sorted(mine))))
    return found


def written(conn: Connection, shops: Mapping[str, StandIn], applied_after: Mapping[str, timedelta]) -> list[Written]:
    """applied_after: for shops that accept first, how long after that their number moves."""
    query = (
        select(channels.c.name, skus.c.sku, attempts.c.created_at, attempts.c.settled_at, attempts.c.accepted, attempts.c.call_key)
        .join(shelves, shelves.c.id == attempts.c.shelf_id)
        .join(listings, listings.c.id == shelves.c.listing_id)
        .join(channels, channels.c.id == shelves.c.channel_id)
        .join(skus, skus.c.id == listings.c.sku_id)
        .where((attempts.c.state == "ok") | attempts.c.accepted)
        .order_by(attempts.c.settled_at)
    )
    moved = {(name, change.sku, change.write): change.at for name, shop in shops.items() for change in shop.changes if change.write}
    found = []
    for row in conn.execute(query):
        accepted_at = row.settled_at
        if row.accepted:
            moved_at = moved.get((row.name, row.sku, row.call_key))
            accepted_at = None if moved_at is None else moved_at - applied_after[row.name]
        if accepted_at is not None:
            found.append(Written(row.name, row.sku, row.created_at, accepted_at))
    return sorted(found, key=lambda write: write.accepted_at)


def _linked() -> Any:
    by_ref = select(listings.c.channel_id, listings.c.ref, skus.c.sku).join(skus, skus.c.id == listings.c.sku_id)
    by_alias = (
        select(listing_aliases.c.channel_id, listing_aliases.c.alias, skus.c.sku)
        .join(listings, listings.c.id == listing_aliases.c.listing_id)
        .join(skus, skus.c.id == listings.c.sku_id)
    )
    return by_ref.union_all(by_alias)


def intake_to_shelf(seen: Sequence[SeenOrder], writes: Sequence[Written], heard: Callable[[SeenOrder], datetime]) -> Quantiles:
    """From our 2xx (or the poll's page) to the other shops' accepted answer, per order, SKU and other shop; what needed no write is left out."""
    by_shelf: dict[tuple[str, str], list[Written]] = defaultdict(list)
    for write in writes:
        by_shelf[write.channel, write.sku].append(write)
    found = []
    for order in seen:
        for (channel, sku), those in by_shelf.items():
            if channel == order.channel or sku not in order.skus:
                continue
            first = next((write for write in those if write.computed_at >= order.first_seen_at), None)
            if first is not None:
                found.append((first.accepted_at - heard(order)).total_seconds() * 1000)
    return quantiles(found)


def shop_delays(seen: Sequence[SeenOrder], shops: Mapping[str, StandIn], heard: Callable[[SeenOrder], datetime]) -> dict[str, Quantiles]:
    """From the sale at the shop to our intake."""
    found: dict[str, list[float]] = {name: [] for name in shops}
    for order in seen:
        true = shops[order.channel].orders.get(order.ref)
        if true is not None:
            found[order.channel].append((heard(order) - true.placed_at).total_seconds() * 1000)
    return {name: quantiles(each) for name, each in found.items()}


def quantiles(milliseconds: Sequence[float]) -> Quantiles:
    if not milliseconds:
        return Quantiles(None, None)
    ordered = sorted(milliseconds)
    return Quantiles(*(round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 1) for share in (0.5, 0.99)))
