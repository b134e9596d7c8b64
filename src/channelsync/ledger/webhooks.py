"""How each channel's webhooks fare: what the shop says of our subscriptions, what had to be repaired, when the last delivery came.

Deliveries that did not verify are counted in `rejected`; the deliveries themselves are in `inbox`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, RowMapping, delete, func, insert, select

from channelsync.ledger import fitting
from channelsync.ledger.dialects import insert_into, upsert
from channelsync.ledger.schema import pace, webhook_changes, webhook_states

CHANGES_KEPT = 200
"""Per channel: enough to see a pattern, and bounded."""

PACE_KEPT = timedelta(hours=2)
SILENCE_LEAST = timedelta(minutes=3)
SILENCE_FACTOR = 8
"""A pause so many times longer than usual is worth a look at the subscriptions; it proves nothing by itself."""

BUSY_LEAST = 10


@dataclass(frozen=True, slots=True)
class Change:
    """change: made (it was missing), armed (the shop had switched it off)."""

    change: str
    topic: str
    ref: str


@dataclass(frozen=True, slots=True)
class Checked:
    """What one comparison with the shop came to. others: subscriptions that are not ours, untouched. fill_from: since when deliveries may
    be missing; None: none is.
    """

    channel_id: int
    url: str
    ours: int = 0
    others: int = 0
    problem: str | None = None
    changes: tuple[Change, ...] = ()
    fill_from: datetime | None = None


@dataclass(frozen=True, slots=True)
class HookState:
    """As `webhook_states`. The back-fill is due while `filled_from` is set and `filled_at` is not."""

    channel_id: int
    url: str
    ours: int
    others: int
    checked_at: datetime | None
    complete_at: datetime | None
    problem: str | None
    delivered_at: datetime | None
    filled_at: datetime | None
    filled_from: datetime | None


@dataclass(frozen=True, slots=True)
class Delivered:
    """So many verified deliveries came, the last of them at `at`."""

    channel_id: int
    count: int
    at: datetime


def note_check(conn: Connection, items: Sequence[Checked], now: datetime) -> list[None]:
    """Keep what a comparison found, and what it repaired."""
    for item in items:
        values: dict[str, object] = {"checked_at": now, "problem": item.problem and fitting.payload(item.problem)}
        if item.problem is None:
            values |= {"url": item.url, "ours": item.ours, "others": item.others, "complete_at": now}
        if item.fill_from is not None:
            values |= {"filled_from": item.fill_from, "filled_at": None}
        _keep(conn, item.channel_id, values)
        _log(conn, item, now)
    return [None for _ in items]


def note_filled(conn: Connection, items: Sequence[int], now: datetime) -> list[None]:
    """The gap of these channels (by id) was looked through."""
    for channel_id in items:
        _keep(conn, channel_id, {"filled_at": now})
    return [None for _ in items]


_COUNT = upsert(pace, ("channel_id", "minute"), (), added=("deliveries",))
_DELIVERED = upsert(webhook_states, ("channel_id",), ("delivered_at",))


def note_delivered(conn: Connection, items: Sequence[Delivered], now: datetime) -> list[None]:
    """Count deliveries by the minute they came in."""
    for item in items:
        _COUNT.run(conn, channel_id=item.channel_id, minute=item.at.replace(second=0, microsecond=0), deliveries=item.count)
        _DELIVERED.run(conn, channel_id=item.channel_id, delivered_at=item.at)
    return [None for _ in items]


def forget(conn: Connection, items: Sequence[int], now: datetime) -> list[int]:
    """Minutes of channels (by id) that are past their time. Returns how many went."""
    old = pace.c.minute < now - PACE_KEPT
    return [conn.execute(delete(pace).where(pace.c.channel_id == channel_id, old)).rowcount for channel_id in items]


def every(conn: Connection) -> dict[int, HookState]:
    """By channel id; a channel that was never looked at and never called us is not among them."""
    return {row["channel_id"]: _state(row) for row in conn.execute(select(webhook_states)).mappings()}


def of_channel(conn: Connection, channel_id: int) -> HookState | None:
    row = conn.execute(select(webhook_states).where(webhook_states.c.channel_id == channel_id)).mappings().one_or_none()
    return None if row is None else _state(row)


def changes(conn: Connection, channel_id: int, limit: int = 10) -> list[tuple[datetime, Change]]:
    """The newest repairs, latest first."""
    mine = select(webhook_changes).where(webhook_changes.c.channel_id == channel_id).order_by(webhook_changes.c.id.desc()).limit(limit)
    return [(row["at"], Change(row["change"], row["topic"], row["ref"])) for row in conn.execute(mine).mappings()]


def deliveries_since(conn: Connection, channel_id: int, since: datetime) -> int:
    """Verified deliveries in the minutes from `since` on, at most two hours back."""
    query = select(func.coalesce(func.sum(pace.c.deliveries), 0)).where(pace.c.channel_id == channel_id, pace.c.minute >= since)
    return int(conn.execute(query).scalar_one())


def silent(conn: Connection, channel_id: int, now: datetime) -> bool:
    """Whether a channel that is usually busy has not called for unusually long. No proof of anything: shops have quiet hours."""
    known = of_channel(conn, channel_id)
    came = deliveries_since(conn, channel_id, now - PACE_KEPT)
    if known is None or known.delivered_at is None or came < BUSY_LEAST:
        return False
    usual = PACE_KEPT / came
    return now - known.delivered_at > max(SILENCE_LEAST, SILENCE_FACTOR * usual)


def _keep(conn: Connection, channel_id: int, values: dict[str, object]) -> None:
    stored = insert_into(conn, webhook_states).values(channel_id=channel_id, **values)
    conn.execute(stored.on_conflict_do_update(index_elements=["channel_id"], set_=values))


def _log(conn: Connection, item: Checked, now: datetime) -> None:
    if not item.changes:
        return
    rows = [
        {"channel_id": item.channel_id, "at": now, "change": c.change, "topic": fitting.ref(c.topic), "ref": fitting.ref(c.ref)}
        for c in item.changes
    ]
    conn.execute(insert(webhook_changes), rows)
    mine = webhook_changes.c.channel_id == item.channel_id
    kept = select(webhook_changes.c.id).where(mine).order_by(webhook_changes.c.id.desc()).offset(CHANGES_KEPT).limit(1).scalar_subquery()
    conn.execute(delete(webhook_changes).where(mine, webhook_changes.c.id <= kept))


def _state(row: RowMapping) -> HookState:
    return HookState(*(row[name] for name in HookState.__dataclass_fields__))
