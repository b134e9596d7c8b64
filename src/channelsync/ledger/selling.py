"""Who sells what, and what is due: the questions the dispatcher asks before it writes. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from sqlalchemy import BigInteger, Connection, and_, bindparam, exists, func, or_, select, text

from channelsync.ledger import bundles
from channelsync.ledger.due import IS_DUE, about, sendable
from channelsync.ledger.outbox import DueRaise
from channelsync.ledger.schema import attempts, channels, listings, push_calls, shelves
from channelsync.ledger.spelt import Spelt, one_of
from channelsync.ledger.to_read import ShelfState, states

RAISES_AT_ONCE = 2_000
_A_DUE_ONE = select(shelves.c.id).where(shelves.c.channel_id == bindparam("channel"), IS_DUE).limit(1)
_ANY_DUE = Spelt(_A_DUE_ONE)
_WRITTEN = exists().where(channels.c.id == bindparam("channel"), channels.c.opened_at.is_not(None), channels.c.paused_at.is_(None))
_UNSETTLED = exists().where(push_calls.c.channel_id == bindparam("channel"), text("push_calls.state <> 'settled'"))
_DUTY = Spelt(select(_WRITTEN.label("may_write"), _UNSETTLED.label("unsettled"), exists(_A_DUE_ONE).label("due")))


@dataclass(frozen=True, slots=True)
class Duty:
    """What a channel's dispatcher has to do now. may_write: its first plan was applied and nobody paused it. unsettled: an earlier round, process or
    holder has left calls open. due: there are numbers to write.
    """

    may_write: bool
    unsettled: bool
    due: bool


def duty(conn: Connection, channel_id: int) -> Duty:
    """Asked every second of every channel and after every sale, and nearly always there is nothing to do: one question, and cheap."""
    return Duty(*(bool(told) for told in _DUTY.rows(conn, channel=channel_id)[0]))


def any_due(conn: Connection, channel_id: int) -> bool:
    """Is there anything more to write?"""
    return _ANY_DUE.first(conn, channel=channel_id) is not None


def due_raises(
    conn: Connection, channel_id: int, avoid: Sequence[int], now: datetime, *, absolute: bool = False, after: DueRaise | None = None
) -> tuple[DueRaise, ...]:
    """The shelves this channel can raise now, the scarcest first, each as it stands; pages by key: `after` is the last of the page before."""
    query, bound = _raises_query(absolute=absolute, paged=after is not None), about(channel_id, avoid, now)
    if after is not None:
        bound |= {"last_target": after.target, "last_shelf": after.shelf}
    return tuple(DueRaise(*row) for row in query.rows(conn, **bound))


@cache
def _raises_query(*, absolute: bool, paged: bool) -> Spelt:
    query = select(shelves.c.id, shelves.c.target, shelves.c.rises).join(listings, listings.c.id == shelves.c.listing_id)
    query = query.where(*sendable(raises=True, absolute=absolute))
    if paged:
        target, shelf = bindparam("last_target", type_=BigInteger), bindparam("last_shelf", type_=BigInteger)
        query = query.where(or_(shelves.c.target > target, and_(shelves.c.target == target, shelves.c.id > shelf)))
    return Spelt(query.order_by(shelves.c.target, shelves.c.id).limit(RAISES_AT_ONCE))


def risen_since(conn: Connection, seen: Sequence[DueRaise]) -> tuple[DueRaise, ...]:
    """Those of the shelves whose target has risen since they were seen, as they stand now, if they are to be raised still."""
    before = {each.shelf: each.rises for each in seen}
    due = (DueRaise(*row) for row in _NOW_DUE.rows(conn, shelves=list(before)))
    return tuple(each for each in due if each.rises != before[each.shelf])


_NOW_DUE = Spelt(
    select(shelves.c.id, shelves.c.target, shelves.c.rises).where(
        one_of(shelves.c.id, "shelves"), shelves.c.due, shelves.c.target > shelves.c.book
    )
)


def sellers_by_shelf(conn: Connection, shelf_ids: Sequence[int]) -> dict[int, frozenset[int]]:
    """Of each of these shelves, the channels that sell from the same units: its SKU, or in bundles."""
    rows = _SOLD_AS.rows(conn, shelves=list(shelf_ids))
    mates = bundles.mates(conn, {sku_id for _, sku_id in rows})
    sellers = _sellers(conn, {mate for found in mates.values() for mate in found})
    return {shelf_id: frozenset(channel for mate in mates[sku_id] for channel in sellers.get(mate, ())) for shelf_id, sku_id in rows}


_SOLD_AS = Spelt(
    select(shelves.c.id, listings.c.sku_id)
    .join(listings, listings.c.id == shelves.c.listing_id)
    .where(one_of(shelves.c.id, "shelves"), listings.c.sku_id.is_not(None))
)


def _sellers(conn: Connection, sku_ids: set[int]) -> dict[int, set[int]]:
    query = select(listings.c.sku_id, listings.c.channel_id).distinct().where(listings.c.removed_at.is_(None))
    found: dict[int, set[int]] = {}
    ids = sorted(sku_ids)
    for start in range(0, len(ids), bundles.CHUNK):
        for row in conn.execute(query.where(listings.c.sku_id.in_(ids[start : start + bundles.CHUNK]))):
            found.setdefault(row.sku_id, set()).add(row.channel_id)
    return found


def unwritten(conn: Connection, written: Sequence[int]) -> tuple[int, ...]:
    """All channels but these: the ones whose lowers nobody sends, also those that left the config."""
    return tuple(id_ for id_ in _ALL.scalars(conn) if id_ not in written)


_ALL = Spelt(select(channels.c.id).order_by(channels.c.id))


def sellers_of_attempts(conn: Connection, attempt_ids: Sequence[str]) -> frozenset[int]:
    """Channels that sell from the units of any SKU these attempts are for."""
    query = select(attempts.c.shelf_id).where(attempts.c.id.in_(list(attempt_ids)))
    return frozenset().union(*sellers_by_shelf(conn, conn.scalars(query).all()).values())


def sendable_shelves(
    conn: Connection, channel_id: int, *, raises: bool, avoid: Sequence[int], now: datetime, limit: int
) -> list[ShelfState]:
    """The shelves an absolute write would go to."""
    bound = about(channel_id, avoid, now) | {"at_most": limit}
    return states(conn, _shelves_query(raises=raises).scalars(conn, **bound))


@cache
def _shelves_query(*, raises: bool) -> Spelt:
    query = select(shelves.c.id).join(listings, listings.c.id == shelves.c.listing_id).where(*sendable(raises=raises, absolute=True))
    return Spelt(query.order_by(shelves.c.target, shelves.c.id).limit(bindparam("at_most", type_=BigInteger)))


def count_due(conn: Connection, channel_id: int) -> int:
    """Shelves of a channel that may be written and do not show their target yet."""
    opened = exists().where(channels.c.id == channel_id, channels.c.opened_at.is_not(None), channels.c.paused_at.is_(None))
    query = select(func.count()).select_from(shelves)
    return int(conn.execute(query.where(shelves.c.channel_id == channel_id, IS_DUE, shelves.c.aside_at.is_(None), opened)).scalar_one())
