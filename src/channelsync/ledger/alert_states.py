"""Findings, things aside and states of channels as alerts: opened while they are so, ended when they are so no longer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, bindparam, exists, func, select

from channelsync.ledger import alert_marks, alerting, channels, cursors, edits, overview, vanished
from channelsync.ledger.alert_rules import Kind, Rules
from channelsync.ledger.alerting import Matter
from channelsync.ledger.channels import ChannelState, PauseKind
from channelsync.ledger.pages import STREAM
from channelsync.ledger.schema import alerts, findings, locations, set_aside, skus
from channelsync.ledger.schema import channels as channel_table
from channelsync.ledger.spelt import Spelt, one_of

ROWS_MAX = 200
SETTLED = timedelta(minutes=1)
"""Longer than any transaction of ours stays open: a smaller number than this old a row's can no longer appear."""

FINDINGS = {
    "oversell": Kind.OVERSELL,
    "shortage": Kind.SHORTAGE,
    edits.DRIFT: Kind.DRIFT,
    edits.FOREIGN: Kind.FOREIGN,
    "guard": Kind.GUARD,
    "stale_numbers": Kind.STALE,
    vanished.KIND: Kind.VANISHED,
}
SALES = ("order", "line")
PAUSES = {PauseKind.CREDENTIALS: Kind.CREDENTIALS, PauseKind.LOCATION: Kind.PLACE}


def _findings() -> Select[Any]:
    """Open ones behind the mark that no alert was made of."""
    told = exists().where(alerts.c.source_id == findings.c.id, alerts.c.kind.in_([kind.value for kind in FINDINGS.values()]))
    return (
        select(findings, skus.c.sku, channel_table.c.name)
        .outerjoin(skus, skus.c.id == findings.c.sku_id)
        .outerjoin(channel_table, channel_table.c.id == findings.c.channel_id)
        .where(findings.c.resolved_at.is_(None), findings.c.kind.in_(FINDINGS), findings.c.id > bindparam("mark"), ~told)
        .order_by(findings.c.id)
        .limit(ROWS_MAX)
    )


_FINDINGS = Spelt(_findings())
_RESOLVED = alerting.over([*FINDINGS.values()], exists().where(findings.c.id == alerts.c.source_id, findings.c.resolved_at.is_not(None)))
_CODES = Spelt(select(locations.c.id, locations.c.code))
_OLD = Spelt(select(func.max(findings.c.id)).where(findings.c.id > bindparam("mark"), findings.c.created_at < bindparam("settled")))


def from_findings(conn: Connection, rules: Rules, now: datetime) -> int:
    """Open ones behind the mark that no alert was made of; and alerts whose finding is resolved."""
    alerting.end(conn, rules, _RESOLVED, now)
    mark = alert_marks.read(conn, "findings") or 0
    rows = _FINDINGS.mappings(conn, mark=mark)
    codes = {row[0]: row[1] for row in _CODES.rows(conn)}
    opened = alerting.open_all(conn, rules, (_found(row, codes) for row in rows), now)
    old = _OLD.scalar(conn, mark=mark, settled=now - SETTLED)
    if old is not None:
        alert_marks.put(conn, "findings", min(old, rows[-1]["id"]) if len(rows) == ROWS_MAX else old)
    return opened


def _found(row: Any, codes: dict[int, str]) -> Matter:
    kind, detail, sku, channel = FINDINGS[row["kind"]], dict(row["detail"]), row["sku"] or "?", row["name"]
    place = codes.get(detail.get("location_id", 0)) or detail.get("location")
    titles = {
        Kind.OVERSELL: f"{sku} is oversold{f' at {place}' if place else ''}: {detail.get('available')} available",
        Kind.SHORTAGE: f"{sku}: {detail.get('units')} units were shipped that the ledger did not have",
        Kind.DRIFT: f"{channel} shows another number for {sku} than expected, and nothing explains it ({row['reference']})",
        Kind.FOREIGN: f"{channel}: {edits.said(sku, row['reference'], detail)}. {edits.REMEDY.format(shelf=detail.get('id', 'SHELF'))}",
        Kind.GUARD: f"{channel} is stopped by the guard: {detail.get('reason') or 'too many numbers would change at once'}",
        Kind.STALE: f"{channel}: {detail.get('count')} numbers have stopped coming",
        Kind.VANISHED: f"{channel}: {detail.get('reason') or 'many listings are gone from the shop at once'}",
    }
    data = {"sku": row["sku"], "channel": channel, "location": place, "reference": row["reference"], "finding": row["id"], "detail": detail}
    return Matter(kind, row["id"], titles[kind], data, locations=(str(place),) if place in codes.values() else ())


def _aside() -> Select[Any]:
    """Sales that could not be applied and that no alert was made of."""
    told = exists().where(alerts.c.kind == Kind.UNMAPPED.value, alerts.c.source_id == set_aside.c.id, alerts.c.resolved_at.is_(None))
    return (
        select(set_aside, channel_table.c.name)
        .join(channel_table, channel_table.c.id == set_aside.c.channel_id)
        .where(set_aside.c.resolved_at.is_(None), set_aside.c.kind.in_(SALES), ~told)
        .order_by(set_aside.c.id)
        .limit(ROWS_MAX)
    )


_ASIDE = Spelt(_aside())
_APPLIED = alerting.over([Kind.UNMAPPED], ~exists().where(set_aside.c.id == alerts.c.source_id, set_aside.c.resolved_at.is_(None)))


def from_aside(conn: Connection, rules: Rules, now: datetime) -> int:
    """A sale that could not be applied: its units are not subtracted anywhere yet."""
    alerting.end(conn, rules, _APPLIED, now)
    rows = _ASIDE.mappings(conn)
    return alerting.open_all(conn, rules, (_unapplied(row) for row in rows), now)


def _unapplied(row: Any) -> Matter:
    data = {"channel": row["name"], "what": row["kind"], "reference": row["ref"], "reason": row["reason"][:500]}
    return Matter(Kind.UNMAPPED, row["id"], f"{row['name']}: a sale could not be applied ({row['ref']}): {row['reason'][:200]}", data)


def from_pauses(conn: Connection, rules: Rules, now: datetime) -> int:
    states = channels.every(conn)
    opened = 0
    for pause, kind in PAUSES.items():
        mine = [state for state in states if state.paused_at is not None and state.paused_kind is pause]
        opened += _standing(conn, rules, kind, mine, (_paused(kind, state) for state in mine), now)
    return opened


def _paused(kind: Kind, state: ChannelState) -> Matter:
    return Matter(
        kind,
        state.id,
        f"{state.name} is paused: {(state.paused_reason or '')[:300]}",
        {"channel": state.name, "reason": state.paused_reason},
    )


def from_silence(conn: Connection, rules: Rules, began: datetime | None, now: datetime) -> int:
    """Channels whose orders could not be looked at for too long. One that is paused for its credentials has an alert of its own."""
    limits, down = dict(rules.down_after), []
    for state in channels.every(conn):
        limit = limits.get(state.id)
        if limit is None or state.paused_kind is PauseKind.CREDENTIALS:
            continue
        seen = cursors.looked_at(conn, state.id, STREAM)
        since = max(filter(None, (seen, began)), default=None)
        if since is not None and now - since > limit:
            down.append((state, seen))
    matters = (
        Matter(
            Kind.DOWN,
            state.id,
            f"{state.name} does not answer: its orders were last seen {seen.isoformat(timespec='minutes') if seen else 'never'}",
            {"channel": state.name, "last_look": seen.isoformat() if seen else None},
        )
        for state, seen in down
    )
    return _standing(conn, rules, Kind.DOWN, [state for state, _ in down], matters, now)


def from_unsent(conn: Connection, rules: Rules, now: datetime) -> int:
    """Numbers that a shop should show for too long already; of channels that are written to."""
    late = []
    for state in channels.every(conn):
        if state.id in rules.live and state.paused_at is None:
            since = overview.oldest_unsent(conn, state)
            if since is not None and now - since > rules.unsent_after:
                late.append((state, since))
    matters = (
        Matter(
            Kind.UNSENT,
            state.id,
            f"{state.name}: a change of {since.isoformat(timespec='minutes')} has still not been written",
            {"channel": state.name, "since": since.isoformat()},
        )
        for state, since in late
    )
    return _standing(conn, rules, Kind.UNSENT, [state for state, _ in late], matters, now)


_NOT_SO = {kind: alerting.over([kind], ~one_of(alerts.c.source_id, "so")) for kind in (*PAUSES.values(), Kind.DOWN, Kind.UNSENT)}


def _standing(conn: Connection, rules: Rules, kind: Kind, now_so: Sequence[ChannelState], matters: Iterator[Matter], now: datetime) -> int:
    """Open what is so, end what is so no longer."""
    alerting.end(conn, rules, _NOT_SO[kind], now, so=[state.id for state in now_so])
    return alerting.open_all(conn, rules, matters, now)
