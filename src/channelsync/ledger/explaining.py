"""Why a shelf shows its number: every term of it, each hold with its owner, the shelf's own statement, the last push and the last reading.

opening + our writes - what the shop took + what it gave back (+ corrections) = book; what it shows beyond that is unexplained. Reads only.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, func, select

from channelsync.ledger import authority_view, bundles, bundling, freezing, rules, skus, switches, targets
from channelsync.ledger.bundles import Pool
from channelsync.ledger.freezing import Standing
from channelsync.ledger.purchasing.coming import Coming, coming
from channelsync.ledger.refusals import UnknownSku
from channelsync.ledger.rules import Step
from channelsync.ledger.schema import (
    AVAILABLE,
    attempts,
    book_entries,
    channels,
    listings,
    locations,
    order_lines,
    orders,
    reservations,
    shelf_feeds,
    shelves,
    stock_levels,
)

HOLDS_SHOWN = 500


@dataclass(frozen=True, slots=True)
class LevelView:
    location: str
    on_hand: int
    soft: int
    hard: int
    quarantined: int
    damaged: int
    available: int
    pending_debit: int = 0
    held_elsewhere: int = 0
    incoming: int = 0


@dataclass(frozen=True, slots=True)
class HoldView:
    """kind: soft or hard; at an authority's location also pending (shipped, still in its number) and elsewhere (it holds them for others).

    by: order (its channel and number), reservation (its reference) or authority (the reading).
    """

    kind: str
    units: int
    location: str
    by: str
    reference: str
    channel: str | None
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Statement:
    """In the listing's units. book = opening + writes - took + gave_back + corrected; shown = book + unexplained."""

    opening: int
    writes: int
    took: int
    gave_back: int
    corrected: int
    book: int
    shown: int
    unexplained: int


@dataclass(frozen=True, slots=True)
class PushView:
    at: datetime
    value: int
    delta: int
    state: str
    reason: str


@dataclass(frozen=True, slots=True)
class ShelfView:
    """statement None: its number was not read yet. steps: from available to the target. aside: why nothing is written to it.

    sells_on: the shop goes on selling it at 0, by its own switch; None: it does not tell. may_sell_on: whether it should.
    """

    shelf: int
    channel: str
    listing: str
    title: str
    location: str
    pack: int
    target: int | None
    due: bool
    steps: tuple[Step, ...]
    statement: Statement | None
    last_push: PushView | None
    reading: int | None
    read_at: datetime | None
    verify: bool
    aside: str | None
    frozen: bool = False
    sells_on: bool | None = None
    may_sell_on: bool = False


@dataclass(frozen=True, slots=True)
class PartView:
    """One part of a bundle: its units in one bundle, and what there is of it."""

    sku: str
    quantity: int
    counted: bool
    levels: tuple[LevelView, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """freezes: what keeps its shelves, or some of them, from being written. parts: of a bundle. part_of: bundles that it is in. backorder,
    backorder_limit: whether and how far it may be sold beyond what is there. coming: what purchase orders and transfers bring; never available.
    """

    sku: str
    title: str
    counted: bool
    levels: tuple[LevelView, ...]
    holds: tuple[HoldView, ...]
    shelves: tuple[ShelfView, ...]
    freezes: tuple[Standing, ...] = ()
    parts: tuple[PartView, ...] = ()
    part_of: tuple[str, ...] = ()
    backorder: str = skus.Backorder.DENY.value
    backorder_limit: int | None = None
    coming: tuple[Coming, ...] = ()


def explain(conn: Connection, text: str, channel: str | None = None) -> Explanation:
    """Raises UnknownSku. channel: only its shelves."""
    sku = skus.find(conn, [text]).get(text)
    if sku is None:
        raise UnknownSku(text)
    rows = conn.execute(_shelves(sku.id, channel)).mappings().all()
    withheld, pools = targets.withheld_by(conn, [row["id"] for row in rows]), bundles.pools(conn, [row["id"] for row in rows])
    own = {row["id"]: Pool(sku.counted, int(row["available"])) for row in rows}
    found = tuple(_shelf(conn, row, withheld.get(row["id"], 0), pools.get(row["id"]) or own[row["id"]]) for row in rows)
    standing = tuple(freezing.standing(conn, sku_id=sku.id))
    parts = tuple(PartView(part.sku, part.quantity, part.counted, _levels(conn, part.sku_id)) for part in bundling.parts_of(conn, sku.id))
    counted = all(part.counted for part in parts) if parts else sku.counted
    levels, holds = _levels(conn, sku.id), _holds(conn, sku.id)
    part_of = bundling.bundles_with(conn, sku.id)
    policy = sku.backorder.value, sku.backorder_limit
    return Explanation(sku.sku, sku.title, counted, levels, holds, found, standing, parts, part_of, *policy, coming(conn, sku.id))


def _levels(conn: Connection, sku_id: int) -> tuple[LevelView, ...]:
    query = select(locations.c.code, stock_levels).join(stock_levels, stock_levels.c.location_id == locations.c.id)
    rows = conn.execute(query.where(stock_levels.c.sku_id == sku_id).order_by(locations.c.priority, locations.c.code)).mappings()
    return tuple(
        LevelView(
            row["code"],
            row["on_hand"],
            row["soft"],
            row["hard"],
            row["quarantined"],
            row["damaged"],
            row["on_hand"] - row["soft"] - row["hard"] - row["pending_debit"] - row["held_elsewhere"],
            row["pending_debit"],
            row["held_elsewhere"],
            row["incoming"],
        )
        for row in rows
    )


def _holds(conn: Connection, sku_id: int) -> tuple[HoldView, ...]:
    by_order = (
        select(order_lines, locations.c.code, channels.c.name, orders.c.ref, orders.c.number)
        .join(orders, orders.c.id == order_lines.c.order_id)
        .join(channels, channels.c.id == orders.c.channel_id)
        .join(locations, locations.c.id == order_lines.c.location_id)
        .where(order_lines.c.sku_id == sku_id, (order_lines.c.soft > 0) | (order_lines.c.hard > 0))
        .order_by(order_lines.c.id)
        .limit(HOLDS_SHOWN)
    )
    found = []
    for row in conn.execute(by_order).mappings():
        for kind in ("soft", "hard"):
            if row[kind]:
                number = row["number"] or row["ref"]
                found.append(HoldView(kind, row[kind], row["code"], "order", number, row["name"], row["hold_until"]))
    by_hand = (
        select(reservations, locations.c.code)
        .join(locations, locations.c.id == reservations.c.location_id)
        .where(reservations.c.sku_id == sku_id, reservations.c.state == "open")
        .order_by(reservations.c.id)
        .limit(HOLDS_SHOWN)
    )
    found += [
        HoldView(row["kind"], row["open"], row["code"], "reservation", row["reference"], None, row["expires_at"])
        for row in conn.execute(by_hand).mappings()
    ]
    found += [HoldView(*hold) for hold in authority_view.holds(conn, sku_id)]
    return tuple(found)


def _shelves(sku_id: int, channel: str | None) -> Any:
    level = stock_levels.c
    available = func.coalesce(func.sum(AVAILABLE), 0)
    query = (
        select(
            shelves,
            channels.c.name,
            listings.c.ref,
            listings.c.title,
            listings.c.pack,
            listings.c.sells_below_zero,
            switches.may_sell_on().label("may_sell_on"),
            available.label("available"),
        )
        .join(listings, listings.c.id == shelves.c.listing_id)
        .join(channels, channels.c.id == shelves.c.channel_id)
        .outerjoin(shelf_feeds, shelf_feeds.c.shelf_id == shelves.c.id)
        .outerjoin(stock_levels, (level.sku_id == listings.c.sku_id) & (level.location_id == shelf_feeds.c.location_id))
        .where(listings.c.sku_id == sku_id)
        .group_by(shelves.c.id, channels.c.id, listings.c.id)
        .order_by(channels.c.name, shelves.c.id)
    )
    return query if channel is None else query.where(channels.c.name == channel)


def _shelf(conn: Connection, row: RowMapping, withheld: int, pool: Pool) -> ShelfView:
    steps = rules.steps(pool.available if pool.counted else None, rules.of_row(row), pack=row["pack"], withheld=withheld)
    return ShelfView(
        shelf=row["id"],
        channel=row["name"],
        listing=row["ref"],
        title=row["title"],
        location=row["location"],
        pack=row["pack"],
        target=row["target"],
        due=row["due"],
        steps=tuple(steps),
        statement=None if row["book"] is None else _statement(conn, row),
        last_push=_last_push(conn, row["id"]),
        reading=row["reading"],
        read_at=row["read_at"],
        verify=row["verify"],
        aside=row["aside_reason"],
        frozen=row["frozen"],
        sells_on=row["sells_below_zero"],
        may_sell_on=bool(row["may_sell_on"]),
    )


_CORRECTIONS = ("rebase", "adopted", "returned")


def _statement(conn: Connection, row: RowMapping) -> Statement:
    query = select(book_entries.c.kind, func.sum(book_entries.c.delta)).where(book_entries.c.shelf_id == row["id"])
    sums = {kind: int(total) for kind, total in conn.execute(query.group_by(book_entries.c.kind))}
    return Statement(
        opening=sums.get("opening", 0),
        writes=sums.get("write", 0),
        took=-sums.get("took", 0),
        gave_back=sums.get("gave_back", 0),
        corrected=sum(sums.get(kind, 0) for kind in _CORRECTIONS),
        book=row["book"],
        shown=row["book"] + row["gap"],
        unexplained=row["gap"],
    )


def _last_push(conn: Connection, shelf_id: int) -> PushView | None:
    query = select(attempts).where(attempts.c.shelf_id == shelf_id, attempts.c.state != "withdrawn")
    row = conn.execute(query.order_by(attempts.c.created_at.desc(), attempts.c.id.desc()).limit(1)).mappings().one_or_none()
    if row is None:
        return None
    return PushView(row["settled_at"] or row["created_at"], row["value"], row["delta"], row["state"], row["reason"])
