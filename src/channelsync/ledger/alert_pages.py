"""Alerts, their messages and their targets for people and programs to read, and what is forgotten of them with time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, exists, func, select

from channelsync.ledger.schema import alert_messages as messages
from channelsync.ledger.schema import alert_targets as targets
from channelsync.ledger.schema import alerts

MESSAGES_KEPT = timedelta(days=30)
ALERTS_KEPT = timedelta(days=90)
"""Both from their end: what is open or waits is never forgotten."""


@dataclass(frozen=True, slots=True)
class Told:
    """A message about an alert: to whom, and what came of it."""

    target: str
    event: str
    state: str
    tries: int
    reason: str
    created_at: datetime
    done_at: datetime | None


@dataclass(frozen=True, slots=True)
class Alert:
    id: int
    kind: str
    severity: str
    title: str
    data: Mapping[str, Any]
    created_at: datetime
    resolved_at: datetime | None
    messages: tuple[Told, ...]


@dataclass(frozen=True, slots=True)
class Filter:
    """resolved: also those that are over."""

    kind: str | None = None
    severity: str | None = None
    resolved: bool = False


def page(conn: Connection, wanted: Filter, before: int | None, limit: int) -> list[Alert]:
    """The newest first, from the first one before number `before`."""
    columns = (alerts.c[name] for name in ("id", "kind", "severity", "title", "data", "created_at", "resolved_at"))
    query = select(*columns).order_by(alerts.c.id.desc()).limit(limit)
    if not wanted.resolved:
        query = query.where(alerts.c.resolved_at.is_(None))
    if wanted.kind is not None:
        query = query.where(alerts.c.kind == wanted.kind)
    if wanted.severity is not None:
        query = query.where(alerts.c.severity == wanted.severity)
    if before is not None:
        query = query.where(alerts.c.id < before)
    rows = conn.execute(query).mappings().all()
    told = _told(conn, [row["id"] for row in rows])
    return [Alert(**row, messages=tuple(told.get(row["id"], ()))) for row in rows]


def _told(conn: Connection, ids: Sequence[int]) -> dict[int, list[Told]]:
    found: dict[int, list[Told]] = {}
    names = ("target", "event", "state", "tries", "reason", "created_at", "done_at")
    for row in conn.execute(select(messages).where(messages.c.alert_id.in_(ids)).order_by(messages.c.id)).mappings():
        found.setdefault(row["alert_id"], []).append(Told(*(row[name] for name in names)))
    return found


@dataclass(frozen=True, slots=True)
class TargetView:
    """waiting, failed: messages. tries: failures one after the other; next_at: when it is asked again."""

    name: str
    waiting: int
    failed: int
    tries: int
    next_at: datetime | None
    disabled_at: datetime | None
    reason: str


def every_target(conn: Connection) -> list[TargetView]:
    """All that anything was ever sent to."""
    query = select(messages.c.target, messages.c.state, func.count()).where(messages.c.state.in_(("waiting", "failed")))
    counts = {(row[0], row[1]): int(row[2]) for row in conn.execute(query.group_by(messages.c.target, messages.c.state))}
    rows = {row["name"]: row for row in conn.execute(select(targets)).mappings()}
    return [
        TargetView(
            name,
            counts.get((name, "waiting"), 0),
            counts.get((name, "failed"), 0),
            rows[name]["tries"] if name in rows else 0,
            rows[name]["next_at"] if name in rows else None,
            rows[name]["disabled_at"] if name in rows else None,
            rows[name]["reason"] if name in rows else "",
        )
        for name in sorted({*rows, *(name for name, _ in counts)})
    ]


def forget(conn: Connection, items: Sequence[int], now: datetime) -> list[int]:
    """Of messages and alerts past their retention at most so many each. Returns how many rows went."""
    return [_forget(conn, limit, now) for limit in items]


def _forget(conn: Connection, limit: int, now: datetime) -> int:
    old = select(messages.c.id).where(messages.c.done_at < now - MESSAGES_KEPT).order_by(messages.c.done_at).limit(limit)
    gone = conn.execute(delete(messages).where(messages.c.id.in_(old.scalar_subquery()))).rowcount
    unsaid = ~exists().where(messages.c.alert_id == alerts.c.id)
    over = select(alerts.c.id).where(alerts.c.resolved_at < now - ALERTS_KEPT, unsaid).order_by(alerts.c.resolved_at).limit(limit)
    return gone + conn.execute(delete(alerts).where(alerts.c.id.in_(over.scalar_subquery()))).rowcount
