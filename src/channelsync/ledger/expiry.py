"""The sweeper's verb: everything that ends by the clock, in one bounded step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from channelsync.ledger import inbox, keys, orders, outbox, reservations
from channelsync.ledger.net_effect import HOLD_GRACE

CALLS_KEPT = timedelta(days=90)
"""How long settled calls are kept for `explain`; what they did to a book stays in its entries for ever."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """limit: rows per step and kind."""

    limit: int
    delivery_age: timedelta


def sweep(conn: Connection, items: Sequence[Sweep], now: datetime) -> list[int]:
    """Expire soft reservations and unpaid checkouts, forget old bodies and keys. Returns how many holds ended."""
    return [_sweep(conn, item, now) for item in items]


def _sweep(conn: Connection, item: Sweep, now: datetime) -> int:
    ended = reservations.expire(conn, now, item.limit) + orders.expire_holds(conn, item.limit, now, grace=HOLD_GRACE)
    inbox.purge_bodies(conn, now - item.delivery_age, item.limit)
    keys.purge(conn, now, limit=item.limit)
    outbox.purge(conn, now - CALLS_KEPT, item.limit)
    return ended
