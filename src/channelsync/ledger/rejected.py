"""Deliveries whose signature did not verify, counted by reason: a wrong secret is not the same as never called. Nothing else of them is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from channelsync.ledger import fitting
from channelsync.ledger.dialects import insert_into
from channelsync.ledger.schema import rejections

CHANNEL_LENGTH = 64
REASON_LENGTH = 128
ROWS_MAX = 1000
"""Reasons are the connectors' own words, but a stranger chose what they are said about."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """channel: "" for one we do not have. count: how often since it was last told."""

    channel: str
    reason: str
    count: int = 1


def note(conn: Connection, items: Sequence[Rejected], now: datetime) -> list[None]:
    """Add to the counts. Past `ROWS_MAX` different reasons new ones are counted as one."""
    full = conn.execute(select(func.count()).select_from(rejections)).scalar_one() >= ROWS_MAX
    for item in items:
        reason = "other" if full else fitting.storable(item.reason)[:REASON_LENGTH]
        row = {"channel": fitting.storable(item.channel)[:CHANNEL_LENGTH], "reason": reason, "count": item.count, "last_at": now}
        insert = insert_into(conn, rejections).values(**row)
        more = {"count": rejections.c.count + item.count, "last_at": now}
        conn.execute(insert.on_conflict_do_update(index_elements=["channel", "reason"], set_=more))
    return [None for _ in items]


@dataclass(frozen=True, slots=True)
class Tally:
    channel: str
    reason: str
    count: int
    last_at: datetime


def tallies(conn: Connection) -> list[Tally]:
    """Every reason, the latest first."""
    rows = conn.execute(select(rejections).order_by(rejections.c.last_at.desc())).mappings()
    return [Tally(row["channel"], row["reason"], row["count"], row["last_at"]) for row in rows]
