"""The shops' own backorder switches: what each should say, which of them to turn, and what a shop has said of them since. The only door to
`listings.sells_below_zero` beside the catalogue (`listings`).

A listing may be sold on at 0 as long as one more of it may be promised: the policy of its SKU allows it, and its limit has room for a whole pack.
A bundle may if each of its parts may: a shop that sells on knows nothing of the parts that are there.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, TextClause, and_, case, exists, func, or_, select, text, update

from channelsync.ledger.schema import AVAILABLE, bundle_parts, channels, listings, shelves, skus, stock_levels
from channelsync.ledger.skus import Backorder

PLANNED_MAX: Final = 1_000

SELLS_ON: Final = text("listings.sells_below_zero")
PROMISED: Final = text("skus.backorder <> 'deny'")
"""As the indexes of the few say it."""

_part = skus.alias("part")
IS_BUNDLE: Final = exists().where(bundle_parts.c.bundle_id == listings.c.sku_id)


def may_sell_on() -> ColumnElement[bool]:
    """Of a listing that is linked: whether one more of it may be promised when none is left."""
    hindered = exists().where(
        bundle_parts.c.bundle_id == listings.c.sku_id,
        _part.c.id == bundle_parts.c.sku_id,
        ~_has_room(_part, bundle_parts.c.quantity * listings.c.pack),
    )
    own = exists().where(_part.c.id == listings.c.sku_id, _has_room(_part, listings.c.pack))
    return case((IS_BUNDLE, ~hindered), else_=own)


def _has_room(sku: Any, units: ColumnElement[int]) -> ColumnElement[bool]:
    """So many units may be promised beyond what is promised already, over all locations together."""
    level = stock_levels.c
    promised = func.coalesce(func.sum(case((AVAILABLE < 0, -AVAILABLE), else_=0)), 0)
    used = select(promised).where(level.sku_id == sku.c.id).correlate(sku).scalar_subquery()
    return and_(sku.c.backorder != Backorder.DENY.value, or_(sku.c.backorder_limit.is_(None), sku.c.backorder_limit - used >= units))


def differs(*, sells_on: bool) -> tuple[ColumnElement[bool] | TextClause, ...]:
    """Listings whose switch says this, and should say the opposite. A shop that does not tell is right."""
    alive = listings.c.removed_at.is_(None), listings.c.tracked, listings.c.sku_id.is_not(None)
    if sells_on:
        return (*alive, SELLS_ON, ~may_sell_on())
    says = listings.c.sells_below_zero.is_(False)
    promised = select(skus.c.id).where(PROMISED)
    candidates = listings.c.sku_id.in_(promised.union(select(bundle_parts.c.bundle_id)))  # few of many: only they are looked at closely
    return (*alive, says, candidates, may_sell_on())


@dataclass(frozen=True, slots=True)
class ToTurn:
    """A switch that is to be turned. sells_on: what it should say. id: the listing's."""

    channel: str
    listing: str
    sku: str
    sells_on: bool
    id: int


def to_turn(conn: Connection, channel_id: int, *, avoid: Collection[int] = (), limit: int = PLANNED_MAX) -> list[ToTurn]:
    """The channel's switches that do not say what they should, those to be switched off first. avoid: listings (ids) that are left out.

    Only of listings whose number we write: none that is frozen, skipped, refused or never read. One that was never counted has no number of
    ours; it is switched on where its policy says so, and never off.
    """
    query = (
        select(channels.c.name, listings.c.ref, skus.c.sku, listings.c.sells_below_zero, listings.c.id)
        .join(channels, channels.c.id == listings.c.channel_id)
        .join(skus, skus.c.id == listings.c.sku_id)
        .where(listings.c.channel_id == channel_id, listings.c.problem.is_(None), listings.c.stock_ref.is_(None))
        .where(_shelf(shelves.c.book.is_not(None)), ~_shelf(or_(shelves.c.frozen, shelves.c.skip, shelves.c.aside_at.is_not(None))))
        .where(listings.c.id.not_in(sorted(avoid)))
        .order_by(listings.c.id)
    )
    found: list[ToTurn] = []
    for sells_on in (False, True):
        ours = [] if sells_on else [_shelf(shelves.c.target.is_not(None))]
        rows = conn.execute(query.where(*differs(sells_on=not sells_on), *ours).limit(limit - len(found)))
        found += [ToTurn(row.name, row.ref, row.sku, sells_on, row.id) for row in rows]
    return found


def _shelf(is_so: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(shelves.c.listing_id == listings.c.id, is_so)


@dataclass(frozen=True, slots=True)
class Told:
    """What a shop's answer said of a listing's switch."""

    listing_id: int
    sells_on: bool


def tell(conn: Connection, items: Sequence[Told], now: datetime) -> list[None]:
    """Keep it until the catalogue says something else. Rows are locked in key order, like everywhere."""
    for item in sorted(items, key=lambda each: each.listing_id):
        conn.execute(update(listings).where(listings.c.id == item.listing_id).values(sells_below_zero=item.sells_on))
    return [None] * len(items)
