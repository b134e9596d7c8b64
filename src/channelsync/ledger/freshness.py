"""How fresh each channel is and how fast its work flows: what arrives, what is written, whether the backlog shrinks. Reads only, by index."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select, text

from channelsync.ledger import webhooks
from channelsync.ledger.dialects import insert_into
from channelsync.ledger.schema import attempts, orders, pace, push_calls, shelves

WINDOW = timedelta(minutes=5)
"""Rates are of the last five minutes."""


@dataclass(frozen=True, slots=True)
class Freshness:
    """Rates per minute. backlog: shelves that wait for a write. outlook: what becomes of it at this rate, in words; "" if there is none."""

    orders_per_minute: float
    deliveries_per_minute: float
    writes_per_minute: float
    backlog: int
    outlook: str
    last_order: datetime | None
    last_delivery: datetime | None
    last_reading: datetime | None
    last_push: datetime | None


@dataclass(frozen=True, slots=True)
class Sampled:
    channel_id: int


def sample(conn: Connection, items: Sequence[Sampled], now: datetime) -> list[int]:
    """Note how many shelves of each channel wait, once a minute: two such numbers tell whether it catches up. Returns them."""
    minute = now.replace(second=0, microsecond=0)
    counts = []
    for item in items:
        waiting = backlog(conn, item.channel_id)
        row = {"channel_id": item.channel_id, "minute": minute, "due": waiting}
        conn.execute(
            insert_into(conn, pace).values(**row).on_conflict_do_update(index_elements=["channel_id", "minute"], set_={"due": waiting})
        )
        counts.append(waiting)
    return counts


def backlog(conn: Connection, channel_id: int) -> int:
    """Shelves that do not show their number and may be written."""
    mine = (shelves.c.channel_id == channel_id, text("shelves.due"), shelves.c.aside_at.is_(None))
    return int(conn.execute(select(func.count()).select_from(shelves).where(*mine)).scalar_one())


def of_channel(conn: Connection, channel_id: int, now: datetime) -> Freshness:
    since, minutes = now - WINDOW, WINDOW / timedelta(minutes=1)
    waiting = backlog(conn, channel_id)
    writes = _written(conn, channel_id, since) / minutes
    hooks = webhooks.of_channel(conn, channel_id)
    seen = orders.c.channel_id == channel_id
    settled = push_calls.c.channel_id == channel_id, push_calls.c.settled_at.is_not(None)
    arrived = select(func.count()).select_from(orders).where(seen, orders.c.first_seen_at >= since)
    return Freshness(
        orders_per_minute=int(conn.execute(arrived).scalar_one()) / minutes,
        deliveries_per_minute=webhooks.deliveries_since(conn, channel_id, since) / minutes,
        writes_per_minute=writes,
        backlog=waiting,
        outlook=outlook(waiting, _before(conn, channel_id, now), writes),
        last_order=conn.scalar(select(func.max(orders.c.first_seen_at)).where(seen)),
        last_delivery=hooks.delivered_at if hooks else None,
        last_reading=conn.scalar(select(func.max(shelves.c.read_at)).where(shelves.c.channel_id == channel_id)),
        last_push=conn.scalar(select(func.max(push_calls.c.settled_at)).where(*settled)),
    )


def _written(conn: Connection, channel_id: int, since: datetime) -> int:
    """Shelves whose write was confirmed since then."""
    mine = (push_calls.c.channel_id == channel_id, push_calls.c.settled_at >= since, attempts.c.state == "ok")
    query = select(func.count()).select_from(push_calls).join(attempts, attempts.c.call_key == push_calls.c.key)
    return int(conn.execute(query.where(*mine)).scalar_one())


def _before(conn: Connection, channel_id: int, now: datetime) -> tuple[int, float] | None:
    """The oldest count of the window, and how many minutes ago that was."""
    mine = (pace.c.channel_id == channel_id, pace.c.minute >= now - WINDOW, pace.c.due.is_not(None))
    row = conn.execute(select(pace.c.minute, pace.c.due).where(*mine).order_by(pace.c.minute).limit(1)).one_or_none()
    minutes = (now - row.minute) / timedelta(minutes=1) if row else 0.0
    return (row.due, minutes) if row and minutes >= 1.0 else None


def outlook(waiting: int, before: tuple[int, float] | None, writes_per_minute: float) -> str:
    """In words: catches up in 4 min, falls behind, stands still; "" where nothing waits or nothing is known yet.

    before: how many waited, and how many minutes ago.
    """
    if not waiting:
        return ""
    if before is None:
        return _in(waiting / writes_per_minute) if writes_per_minute else ""
    shrinks = (before[0] - waiting) / before[1]
    if shrinks > 0:
        return _in(waiting / shrinks)
    if not writes_per_minute:
        return "stands still"
    return "falls behind" if shrinks < 0 else "keeps pace, and does not catch up"


def _in(minutes: float) -> str:
    if minutes < 1:
        return "catches up within a minute"
    return f"catches up in {minutes:.0f} min" if minutes < 120 else f"catches up in {minutes / 60:.0f} h"
