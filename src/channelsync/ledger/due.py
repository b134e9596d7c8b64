"""Which shelves can be written now: the conditions, for whoever asks what is due. What is done about it is in `outbox`.

They are asked every second of every channel, so the statements are built once; what differs is bound by `about`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, TextClause, bindparam, exists, or_, text

from channelsync.ledger import bundles
from channelsync.ledger.schema import attempts, channels, listings, shelves
from channelsync.ledger.spelt import one_of
from channelsync.ledger.types import Utc

OPEN_STATES = ("armed", "sent", "unknown")
RETRY_MAX = timedelta(hours=2)
"""No shop asks for a longer pause: a `retry_at` further away is left from a wall clock that went back."""

IS_DUE = text("shelves.due")
"""Literal, like the partial index it must match: with 100,000 shelves and none due, SQLite otherwise reads all of them each second."""

UNCOUNTED_PAUSE = timedelta(minutes=1)

Condition = ColumnElement[bool] | TextClause


def about(channel_id: int, avoid: Sequence[int], now: datetime) -> dict[str, Any]:
    """The parameters of `sendable`. avoid: channels whose lowers cannot go out now, so that nobody waits for them."""
    return {
        "channel": channel_id,
        "avoid": list(avoid),
        "now": now,
        "retry_latest": now + RETRY_MAX,
        "uncounted_before": now - UNCOUNTED_PAUSE,
    }


def sendable(*, raises: bool, absolute: bool = False) -> list[Condition]:
    """What a shelf (joined with its listing) must be for a write in this direction to be computed now.

    It names no shelf for which `difference` can only answer None: those would fill every batch, and be looked at each second.
    """
    shelf = shelves.c
    wanted: list[Condition] = [
        shelf.channel_id == bindparam("channel", type_=BigInteger),
        IS_DUE,
        shelf.target > shelf.book if raises else shelf.target < shelf.book,
        shelf.aside_at.is_(None),
        or_(shelf.retry_at.is_(None), shelf.retry_at <= bindparam("now", type_=Utc), shelf.retry_at > bindparam("retry_latest", type_=Utc)),
        ~exists().where(attempts.c.shelf_id == shelf.id, attempts.c.state.in_(OPEN_STATES)),
    ]
    if raises:
        wanted += [shelf.verify.is_(False), shelf.gap <= 0, ~_lower_elsewhere()]
    else:
        wanted.append(shelf.book + shelf.gap > 0)
    if absolute:
        long_ago = shelf.read_at <= bindparam("uncounted_before", type_=Utc)
        counted = or_(shelf.reading.is_not(None), shelf.read_at.is_(None), long_ago)
        wanted += [counted, shelf.gap == 0] if raises else [counted]
    wanted.append(shelf.frozen.is_(False))  # none that is due is: this says it of the row that is locked
    return wanted


def _lower_elsewhere() -> ColumnElement[bool]:
    """Another shelf that sells from the same units still has to go down, and can: lowers of a SKU go out before its raises."""
    other, other_listing = shelves.alias("other"), listings.alias("other_listing")
    mine, theirs = listings.c.sku_id, other_listing.c.sku_id
    return or_(*(_lowers(other, other_listing, same) for same in (mine == theirs, *bundles.shared(mine, theirs))))


def _lowers(other: Any, other_listing: Any, same_units: ColumnElement[bool]) -> ColumnElement[bool]:
    live = exists().where(channels.c.id == other.c.channel_id, channels.c.opened_at.is_not(None), channels.c.paused_at.is_(None))
    return exists().where(
        same_units,
        other.c.listing_id == other_listing.c.id,
        other.c.id != shelves.c.id,
        other.c.due,
        other.c.target < other.c.book,
        other.c.book + other.c.gap > 0,
        other.c.aside_at.is_(None),
        ~one_of(other.c.channel_id, "avoid"),
        live,
    )
