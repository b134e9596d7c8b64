"""Opening and ending alerts. Whoever does it writes the alert and its messages in one transaction; sending them is another matter (`alert_queue`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, func, insert, select, update

from channelsync.ledger.alert_rules import MOMENTS, Kind, Route, Rules, severity_of
from channelsync.ledger.dialects import insert_into
from channelsync.ledger.schema import alert_messages, alerts
from channelsync.ledger.spelt import Spelt

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Matter:
    """source_id: of what it is about; with the kind and the location it is what makes two openings the same matter.
    locations: codes of those it is about. data: for programs.
    """

    kind: Kind
    source_id: int
    title: str
    data: Mapping[str, Any]
    location_id: int = 0
    locations: tuple[str, ...] = field(default=())


def open_all(conn: Connection, rules: Rules, matters: Iterable[Matter], now: datetime) -> int:
    """Returns how many were not open before; for those messages are queued."""
    return sum(_open(conn, rules, matter, now) for matter in matters)


def _open(conn: Connection, rules: Rules, matter: Matter, now: datetime) -> bool:
    row = {
        "kind": matter.kind.value,
        "severity": severity_of(matter.kind).value,
        "source_id": matter.source_id,
        "location_id": matter.location_id,
        "title": matter.title,
        "data": {**matter.data, "locations": list(matter.locations)},
    }
    made = (
        insert_into(conn, alerts)
        .values(**row, created_at=now, resolved_at=now if matter.kind in MOMENTS else None)
        .on_conflict_do_nothing()
        .returning(alerts.c.id)
    )
    alert_id = conn.execute(made).scalar_one_or_none()
    if alert_id is None:
        return False
    for target, route in rules.receivers(matter.kind, matter.locations, resolved=False):
        _queue(conn, row, alert_id, "opened", target, route, now)
    return True


def over(kinds: Sequence[Kind], which: ColumnElement[bool]) -> Spelt:
    """For `end`: the open alerts of these kinds that `which` selects."""
    mine = alerts.c.kind.in_([kind.value for kind in kinds]), alerts.c.resolved_at.is_(None), which
    return Spelt(update(alerts).where(*mine).values(resolved_at=bindparam("now")).returning(alerts))


def end(conn: Connection, rules: Rules, those: Spelt, now: datetime, **values: object) -> int:
    """Those (by `over`) are over. values: its parameters."""
    rows = those.mappings(conn, now=now, **values)
    for row in sorted(rows, key=lambda row: row["id"]):
        about = {name: row[name] for name in ("kind", "severity", "data")}
        for target, route in rules.receivers(Kind(row["kind"]), row["data"]["locations"], resolved=True):
            _queue(conn, {**about, "title": f"Over: {row['title']}"}, row["id"], "resolved", target, route, now)
    return len(rows)


def _queue(conn: Connection, about: Mapping[str, Any], alert_id: int, event: str, target: str, route: Route | None, now: datetime) -> None:
    full = route is not None and _sent_lately(conn, route.name, target, now) >= route.max_per_hour
    row = {name: about[name] for name in ("kind", "severity", "title", "data")}
    state = {"state": "held" if full else "waiting", "route": route.name if route else ""}
    conn.execute(
        insert(alert_messages).values(**row, **state, alert_id=alert_id, event=event, target=target, created_at=now, queued_at=now)
    )


def _sent_lately(conn: Connection, route: str, target: str, now: datetime) -> int:
    table = alert_messages.c
    mine = table.route == route, table.target == target, table.created_at > now - HOUR, table.state.in_(("waiting", "sent", "failed"))
    return int(conn.execute(select(func.count()).select_from(alert_messages).where(*mine)).scalar_one())


_HELD = Spelt(select(alert_messages.c.route, alert_messages.c.target).where(alert_messages.c.state == "held").distinct())


def sum_up(conn: Connection, rules: Rules, now: datetime) -> int:
    """What was over a route's limit becomes one message per target as soon as there is room. Returns how many messages."""
    limits = {route.name: route.max_per_hour for route in rules.routes}
    return sum(
        _sum_up(conn, route, target, now)
        for route, target in sorted(_HELD.rows(conn))
        if _sent_lately(conn, route, target, now) < limits.get(route, 1)
    )


def _sum_up(conn: Connection, route: str, target: str, now: datetime) -> int:
    table = alert_messages.c
    mine = table.state == "held", table.route == route, table.target == target
    rows = conn.execute(
        update(alert_messages).where(*mine).values(state="merged", done_at=now).returning(table.kind, table.severity, table.title)
    )
    found = sorted(rows.all(), key=lambda row: (row.kind, row.title))
    counts: dict[str, int] = {}
    for row in found:
        counts[row.kind] = counts.get(row.kind, 0) + 1
    named = ", ".join(f"{count} {kind}" for kind, count in counts.items())
    gravest = next(name for name in ("critical", "warning", "info") if any(row.severity == name for row in found))
    data = {"counts": counts, "first": [row.title for row in found[:20]], "locations": []}
    about = {"kind": "summary", "severity": gravest, "title": f"{len(found)} more alerts: {named}", "data": data}
    conn.execute(insert(alert_messages).values(**about, event="summary", target=target, route=route, created_at=now, queued_at=now))
    return 1
