"""The sweeper's verbs: holds that end by the clock, and rows that are past their retention; each in bounded steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from channelsync.ledger import aside, inbox, keys, order_ends, outbox, reservations, sightings
from channelsync.ledger.net_effect import HOLD_GRACE
from channelsync.ledger.routing import destinations

CALLS_KEPT = timedelta(days=90)
"""How long settled calls are kept for `explain`; what they did to a book stays in its entries for ever."""

SIGHTINGS_KEPT = timedelta(days=30)
"""How long a shadow channel's readings are kept for its report."""


@dataclass(frozen=True, slots=True)
class Ending:
    """limit: how many of each kind at most. shop_times: channel id -> its shop's own clock now; a channel that is not named goes by ours."""

    limit: int
    shop_times: tuple[tuple[int, datetime], ...] = ()


def end_holds(conn: Connection, items: Sequence[Ending], now: datetime) -> list[int]:
    """Expire soft reservations by our clock and unpaid checkouts by their shops'. Returns how many ended."""
    return [reservations.expire(conn, now, item.limit) + _end_checkouts(conn, item, now) for item in items]


def _end_checkouts(conn: Connection, item: Ending, now: datetime) -> int:
    return order_ends.expire_holds(conn, item.limit, now, grace=HOLD_GRACE, shop_times=dict(item.shop_times))


@dataclass(frozen=True, slots=True)
class Forget:
    """limit: rows per kind. delivery_age: after which a handled delivery's body, which holds personal data, is gone, and what was aside and is resolved."""

    limit: int
    delivery_age: timedelta


def forget(conn: Connection, items: Sequence[Forget], now: datetime) -> list[int]:
    """Forget what is past its retention: bodies, what was aside, where orders without holds go, keys, settled calls. Returns how many rows."""
    return [_forget(conn, item, now) for item in items]


def _forget(conn: Connection, item: Forget, now: datetime) -> int:
    bodies = inbox.purge_bodies(conn, now - item.delivery_age, item.limit) + aside.purge(conn, now - item.delivery_age, item.limit)
    looks = sightings.purge(conn, now - SIGHTINGS_KEPT, item.limit)
    places = destinations.forget(conn, item.limit)
    return bodies + looks + places + keys.purge(conn, now, limit=item.limit) + outbox.purge(conn, now - CALLS_KEPT, item.limit)
