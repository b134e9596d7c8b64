"""Alerts in numbers, for `status` and the metrics: what is open, and what waits or was given up for each target. Reads only, by indexes alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select, text

from channelsync.ledger.schema import alert_messages as messages
from channelsync.ledger.schema import alerts


@dataclass(frozen=True, slots=True)
class OpenAlerts:
    kind: str
    severity: str
    count: int


@dataclass(frozen=True, slots=True)
class Queue:
    """Messages to one target. waiting_since: when the oldest of those that wait was queued. given_up: of the last 30 days, not tried again."""

    target: str
    waiting: int = 0
    waiting_since: datetime | None = None
    given_up: int = 0


@dataclass(frozen=True, slots=True)
class AlertCounts:
    """queues: by the targets' names; of targets for which nothing waits and nothing was given up there is none."""

    open: tuple[OpenAlerts, ...]
    queues: tuple[Queue, ...]


def alert_counts(conn: Connection) -> AlertCounts:
    standing = text("alerts.resolved_at IS NULL")
    kinds = select(alerts.c.kind, alerts.c.severity, func.count()).where(standing).group_by(alerts.c.kind, alerts.c.severity)
    waiting = (
        select(messages.c.target, func.count(), func.min(messages.c.queued_at))
        .where(text("alert_messages.state = 'waiting'"))  # as the index says it: a value that is bound later is not seen to be the same
        .group_by(messages.c.target)
    )
    failed = select(messages.c.target, func.count()).where(text("alert_messages.state = 'failed'")).group_by(messages.c.target)
    waits = {row[0]: (int(row[1]), row[2]) for row in conn.execute(waiting)}
    lost = {row[0]: int(row[1]) for row in conn.execute(failed)}
    return AlertCounts(
        tuple(OpenAlerts(*row) for row in conn.execute(kinds.order_by(alerts.c.kind, alerts.c.severity))),
        tuple(Queue(name, *waits.get(name, (0, None)), lost.get(name, 0)) for name in sorted({*waits, *lost})),
    )
