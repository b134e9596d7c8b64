"""Freezing: nothing is written to a SKU's shelves until somebody thaws them, whatever becomes due. Orders are applied and targets computed all the same.

A freeze is a row that is kept after its thaw. What it means for a shelf is `shelves.frozen`: such a shelf is never due, so nothing is computed,
armed, released or repeated for it (`outbox`); what was on its way already ends by its answer or by a bracket.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, Connection, func, insert, select, update

from channelsync.ledger import bounds, fitting, frost, skus, targets
from channelsync.ledger.refusals import NotAllowed, Refusal, UnknownSku
from channelsync.ledger.schema import channels, freezes, listings, shelves
from channelsync.ledger.schema import skus as sku_table

SHOWN: Final = 500


@dataclass(frozen=True, slots=True)
class Scope:
    """What is (to be) frozen. channel: only its shelves; listing: only those of this listing, by its ref. Both None: everything that sells the SKU."""

    sku: str
    channel: str | None = None
    listing: str | None = None


@dataclass(frozen=True, slots=True)
class Freeze:
    scope: Scope
    reason: str
    actor: str = ""


@dataclass(frozen=True, slots=True)
class Thaw:
    scope: Scope
    actor: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """One standing freeze. channel and listing: as in Scope."""

    sku: str
    channel: str | None
    listing: str | None
    reason: str
    actor: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Frozen:
    """changed False: it was so already. standing: what freezes the SKU now, oldest first. shelves: how many of its shelves are frozen now."""

    sku: str
    changed: bool
    shelves: int
    standing: tuple[Standing, ...]


@dataclass(frozen=True, slots=True)
class _Ids:
    sku_id: int
    channel_id: int | None
    listing_id: int | None

    def standing(self) -> list[ColumnElement[bool]]:
        about = [freezes.c.channel_id.is_not_distinct_from(self.channel_id), freezes.c.listing_id.is_not_distinct_from(self.listing_id)]
        return [*about, freezes.c.thawed_at.is_(None), *([freezes.c.sku_id == self.sku_id] if self.listing_id is None else [])]


def freeze(conn: Connection, items: Sequence[Freeze], now: datetime) -> list[Frozen | Refusal]:
    """What is frozen stays frozen with its first reason."""
    return [_freeze(conn, item, now) for item in items]


def _freeze(conn: Connection, item: Freeze, now: datetime) -> Frozen | Refusal:
    if not item.reason.strip():
        return NotAllowed("a freeze needs a reason: whoever finds the frozen number should know why")
    if problem := bounds.texts(actor=item.actor):
        return problem
    ids = _find(conn, item.scope)
    if isinstance(ids, Refusal):
        return ids
    changed = conn.scalar(select(freezes.c.id).where(*ids.standing())) is None
    if changed:
        row = {"sku_id": ids.sku_id, "channel_id": ids.channel_id, "listing_id": ids.listing_id}
        conn.execute(insert(freezes).values(**row, reason=fitting.payload(item.reason), actor=item.actor, frozen_at=now))
    return _settled(conn, item.scope.sku, ids.sku_id, changed=changed)


def thaw(conn: Connection, items: Sequence[Thaw], now: datetime) -> list[Frozen | Refusal]:
    """Ends the freeze of exactly this scope; a wider or narrower one goes on, and is in the answer."""
    return [_thaw(conn, item, now) for item in items]


def _thaw(conn: Connection, item: Thaw, now: datetime) -> Frozen | Refusal:
    if problem := bounds.texts(actor=item.actor):
        return problem
    ids = _find(conn, item.scope)
    if isinstance(ids, Refusal):
        return ids
    ended = conn.execute(update(freezes).where(*ids.standing()).values(thawed_at=now, thawed_by=item.actor)).rowcount
    return _settled(conn, item.scope.sku, ids.sku_id, changed=ended > 0)


def _find(conn: Connection, scope: Scope) -> _Ids | Refusal:
    sku = skus.find(conn, [scope.sku]).get(scope.sku)
    if sku is None:
        return UnknownSku(scope.sku)
    conn.execute(
        select(sku_table.c.id).where(sku_table.c.id == sku.id).with_for_update(key_share=True)
    )  # one freeze of a scope stands at a time
    channel_id = None
    if scope.channel is not None:
        channel_id = conn.scalar(select(channels.c.id).where(channels.c.name.in_(bounds.findable([scope.channel]))))
        if channel_id is None:
            return NotAllowed(f"there is no channel {scope.channel!r}; `channelsync status` names them")
    if scope.listing is None:
        return _Ids(sku.id, channel_id, None)
    query = select(listings.c.id, listings.c.channel_id).where(
        listings.c.ref.in_(bounds.findable([scope.listing])), listings.c.sku_id == sku.id
    )
    found = conn.execute(query if channel_id is None else query.where(listings.c.channel_id == channel_id)).all()
    if len(found) != 1:
        several = (
            "; several channels have one of this name, say which with --channel" if found else "; `channelsync listings list` shows them"
        )
        return NotAllowed(f"SKU {scope.sku!r} has {len(found)} listings {scope.listing!r}{several}")
    return _Ids(sku.id, found[0].channel_id, found[0].id)


def _settled(conn: Connection, sku: str, sku_id: int, *, changed: bool) -> Frozen:
    targets.lock(conn, [sku_id])
    frost.mark(conn, [sku_id])
    targets.retarget(conn, [sku_id])
    mine = select(func.count()).select_from(shelves).join(listings, listings.c.id == shelves.c.listing_id)
    count = conn.scalar(mine.where(listings.c.sku_id == sku_id, shelves.c.frozen)) or 0
    return Frozen(sku, changed, count, tuple(standing(conn, sku_id=sku_id)))


def standing(conn: Connection, *, sku_id: int | None = None, limit: int = SHOWN) -> list[Standing]:
    """The freezes that stand, oldest first."""
    query = (
        select(freezes, sku_table.c.sku, channels.c.name, listings.c.ref)
        .outerjoin(listings, listings.c.id == freezes.c.listing_id)
        .join(sku_table, sku_table.c.id == func.coalesce(listings.c.sku_id, freezes.c.sku_id))
        .outerjoin(channels, channels.c.id == freezes.c.channel_id)
        .where(freezes.c.thawed_at.is_(None))
        .order_by(freezes.c.id)
    )
    if sku_id is not None:
        query = query.where(sku_table.c.id == sku_id)
    rows = conn.execute(query.limit(limit)).mappings()
    return [Standing(row["sku"], row["name"], row["ref"], row["reason"], row["actor"], row["frozen_at"]) for row in rows]
