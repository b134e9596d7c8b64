"""From states of the ledger to alerts: each source is looked through from a mark on, never as a whole. The stock itself is judged in `low_stock`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, delete, exists, func, select

from channelsync.ledger import alert_queue, alerting, channels, cursors, low_stock, overview, stock_pages
from channelsync.ledger.alert_rules import Kind, Rules
from channelsync.ledger.alerting import Matter
from channelsync.ledger.channels import ChannelState, PauseKind
from channelsync.ledger.dialects import insert_into
from channelsync.ledger.pages import STREAM
from channelsync.ledger.schema import (
    alert_marks,
    alerts,
    bundle_parts,
    findings,
    locations,
    movements,
    set_aside,
    skus,
    stock_looks,
    stock_policies,
)
from channelsync.ledger.schema import channels as channel_table
from channelsync.ledger.stock_policies import EVERYWHERE

MOVEMENTS_MAX = 5_000
SKUS_MAX = 1_000
ROWS_MAX = 200
SETTLED = timedelta(minutes=1)
"""Longer than any transaction of ours stays open: a smaller number than this old a row's can no longer appear."""

FINDINGS = {
    "oversell": Kind.OVERSELL,
    "shortage": Kind.SHORTAGE,
    "drift": Kind.DRIFT,
    "guard": Kind.GUARD,
    "stale_numbers": Kind.STALE,
}
SALES = ("order", "line")
PAUSES = {PauseKind.CREDENTIALS: Kind.CREDENTIALS, PauseKind.LOCATION: Kind.PLACE}


@dataclass(frozen=True, slots=True)
class Look:
    """slow: also at what is seldom and costs more: silent channels, unsent changes. began: when this process did; a channel was not silent before."""

    rules: Rules
    slow: bool = False
    began: datetime | None = None


@dataclass(frozen=True, slots=True)
class Looked:
    """more: there is more to look at, now."""

    opened: int
    more: bool


def look(conn: Connection, items: Sequence[Look], now: datetime) -> list[Looked]:
    """One bounded step. While another process looks, there is nothing to do here."""
    return [_look(conn, item, now) for item in items]


def _look(conn: Connection, item: Look, now: datetime) -> Looked:
    if not _lock(conn):
        return Looked(0, more=False)
    rules = item.rules
    _settings(conn, rules, now)
    opened, more = _stock(conn, rules, now)
    opened += _findings(conn, rules, now) + _aside(conn, rules, now) + _pauses(conn, rules, now)
    if item.slow:
        opened += _silent(conn, item, now) + _unsent(conn, rules, now)
    alerting.sum_up(conn, rules, now)
    return Looked(opened, more)


# -- marks -----------------------------------------------------------------------------------------------------------------------------------


def _lock(conn: Connection) -> bool:
    """Without waiting: who waited here with levels locked could wait for one who waits for them."""
    mine = select(alert_marks.c.value).where(alert_marks.c.name == "look")
    if conn.scalar(mine) is None:
        conn.execute(insert_into(conn, alert_marks).values(name="look").on_conflict_do_nothing())
    return conn.scalar(mine.with_for_update(skip_locked=True)) is not None


def _mark(conn: Connection, name: str) -> int | None:
    return conn.scalar(select(alert_marks.c.value).where(alert_marks.c.name == name))


def _set_mark(conn: Connection, name: str, value: int, said: str = "") -> None:
    stored = insert_into(conn, alert_marks).values(name=name, value=value, said=said)
    conn.execute(stored.on_conflict_do_update(index_elements=["name"], set_={"value": value, "said": said}))


def _settings(conn: Connection, rules: Rules, now: datetime) -> None:
    """Levels of the config that are new: every SKU is held against them once, page by page."""
    said = hashlib.sha256(repr((rules.low, rules.low_at, rules.margin_share, rules.margin_least)).encode()).hexdigest()
    if conn.scalar(select(alert_marks.c.said).where(alert_marks.c.name == "levels")) != said:
        _set_mark(conn, "levels", 0, said)
        _set_mark(conn, "walk", 0)
    named = hashlib.sha256(repr(sorted(rules.targets())).encode()).hexdigest()
    if conn.scalar(select(alert_marks.c.said).where(alert_marks.c.name == "targets")) != named:
        _set_mark(conn, "targets", 0, named)
        alert_queue.drop_others(conn, rules.targets(), now)


# -- stock -----------------------------------------------------------------------------------------------------------------------------------


def _stock(conn: Connection, rules: Rules, now: datetime) -> tuple[int, bool]:
    """What has moved; then SKUs whose level was set, and a page of those that the config's new levels are held against.

    On PostgreSQL `movements` stays a minute behind `seen`, for numbers that an open transaction may still hold: what lies between is looked
    at again, without an alert where a level has changed meanwhile.
    """
    newest = int(conn.scalar(select(func.coalesce(func.max(movements.c.id), 0))) or 0)
    mark = _mark(conn, "movements")
    if mark is None:
        _set_mark(conn, "movements", newest)
        mark = newest
    seen = max(mark, _mark(conn, "seen") or 0)
    upto, asked, walking = min(newest, mark + MOVEMENTS_MAX), _asked_for(conn), (_mark(conn, "walk") or 0) >= 0
    moved, fresh = _moved(conn, mark, upto), _moved(conn, seen, upto)
    quiet = asked | (moved if walking else set())
    opened = low_stock.evaluate(conn, rules, (moved - quiet) | fresh, now, known_before=seen)
    low_stock.evaluate(conn, rules, quiet - fresh, now, known_before=None)
    if upto > mark:
        _set_mark(conn, "movements", max(mark, min(upto, stock_pages.complete_until(conn, now))) if upto == newest else upto)
        _set_mark(conn, "seen", max(seen, upto))
    return (opened, True) if upto < newest else (opened, _walk(conn, rules, now))


def _moved(conn: Connection, after: int, upto: int) -> set[int]:
    """SKUs with a movement in between, and the bundles with a level of their own that are made of them."""
    if upto <= after:
        return set()
    ids = set(conn.scalars(select(movements.c.sku_id).where(movements.c.id > after, movements.c.id <= upto).distinct()))
    return ids | _bundles_of(conn, ids)


def _bundles_of(conn: Connection, sku_ids: Iterable[int]) -> set[int]:
    """Bundles with a level of their own that are made of these."""
    said = exists().where(stock_policies.c.sku_id == bundle_parts.c.bundle_id, stock_policies.c.location_id == EVERYWHERE)
    ids, found = sorted(sku_ids), set[int]()
    for start in range(0, len(ids), low_stock.CHUNK):
        parts = ids[start : start + low_stock.CHUNK]
        found |= set(conn.scalars(select(bundle_parts.c.bundle_id).where(bundle_parts.c.sku_id.in_(parts), said)))
    return found


def _asked_for(conn: Connection) -> set[int]:
    ids = list(conn.scalars(select(stock_looks.c.sku_id).order_by(stock_looks.c.sku_id).limit(SKUS_MAX)))
    if ids:
        conn.execute(delete(stock_looks).where(stock_looks.c.sku_id.in_(ids)))
    return set(ids)


def _walk(conn: Connection, rules: Rules, now: datetime) -> bool:
    after = _mark(conn, "walk")
    if after is None or after < 0:
        return False
    ids = list(conn.scalars(select(skus.c.id).where(skus.c.id > after).order_by(skus.c.id).limit(SKUS_MAX)))
    low_stock.evaluate(conn, rules, ids, now, known_before=None)
    more = len(ids) == SKUS_MAX
    _set_mark(conn, "walk", ids[-1] if more else -1)
    return more


# -- findings, things aside, pauses ----------------------------------------------------------------------------------------------------------


def _findings(conn: Connection, rules: Rules, now: datetime) -> int:
    """Open ones behind the mark that no alert was made of; and alerts whose finding is resolved."""
    for name, kind in FINDINGS.items():
        over = exists().where(findings.c.id == alerts.c.source_id, findings.c.kind == name, findings.c.resolved_at.is_not(None))
        alerting.end(conn, rules, kind, over, now)
    mark = _mark(conn, "findings") or 0
    told = exists().where(alerts.c.source_id == findings.c.id, alerts.c.kind.in_([kind.value for kind in FINDINGS.values()]))
    query = (
        select(findings, skus.c.sku, channel_table.c.name)
        .outerjoin(skus, skus.c.id == findings.c.sku_id)
        .outerjoin(channel_table, channel_table.c.id == findings.c.channel_id)
        .where(findings.c.resolved_at.is_(None), findings.c.kind.in_(FINDINGS), findings.c.id > mark, ~told)
        .order_by(findings.c.id)
        .limit(ROWS_MAX)
    )
    rows = conn.execute(query).mappings().all()
    codes = {row.id: row.code for row in conn.execute(select(locations.c.id, locations.c.code))}
    opened = alerting.open_all(conn, rules, (_found(row, codes) for row in rows), now)
    old = conn.scalar(select(func.max(findings.c.id)).where(findings.c.id > mark, findings.c.created_at < now - SETTLED))
    if old is not None:
        _set_mark(conn, "findings", min(old, rows[-1]["id"]) if len(rows) == ROWS_MAX else old)
    return opened


def _found(row: Any, codes: dict[int, str]) -> Matter:
    kind, detail, sku, channel = FINDINGS[row["kind"]], dict(row["detail"]), row["sku"] or "?", row["name"]
    place = codes.get(detail.get("location_id", 0)) or detail.get("location")
    titles = {
        Kind.OVERSELL: f"{sku} is oversold{f' at {place}' if place else ''}: {detail.get('available')} available",
        Kind.SHORTAGE: f"{sku}: {detail.get('units')} units were shipped that the ledger did not have",
        Kind.DRIFT: f"{channel} shows another number for {sku} than expected, and nothing explains it ({row['reference']})",
        Kind.GUARD: f"{channel} is stopped by the guard: {detail.get('reason') or 'too many numbers would change at once'}",
        Kind.STALE: f"{channel}: {detail.get('count')} numbers have stopped coming",
    }
    data = {"sku": row["sku"], "channel": channel, "location": place, "reference": row["reference"], "finding": row["id"], "detail": detail}
    return Matter(kind, row["id"], titles[kind], data, locations=(str(place),) if place in codes.values() else ())


def _aside(conn: Connection, rules: Rules, now: datetime) -> int:
    """A sale that could not be applied: its units are not subtracted anywhere yet."""
    over = exists().where(set_aside.c.id == alerts.c.source_id, set_aside.c.resolved_at.is_not(None))
    alerting.end(conn, rules, Kind.UNMAPPED, over, now)
    told = exists().where(alerts.c.kind == Kind.UNMAPPED.value, alerts.c.source_id == set_aside.c.id, alerts.c.resolved_at.is_(None))
    query = (
        select(set_aside, channel_table.c.name)
        .join(channel_table, channel_table.c.id == set_aside.c.channel_id)
        .where(set_aside.c.resolved_at.is_(None), set_aside.c.kind.in_(SALES), ~told)
        .order_by(set_aside.c.id)
        .limit(ROWS_MAX)
    )
    rows = conn.execute(query).mappings().all()
    return alerting.open_all(conn, rules, (_unapplied(row) for row in rows), now)


def _unapplied(row: Any) -> Matter:
    data = {"channel": row["name"], "what": row["kind"], "reference": row["ref"], "reason": row["reason"][:500]}
    return Matter(Kind.UNMAPPED, row["id"], f"{row['name']}: a sale could not be applied ({row['ref']}): {row['reason'][:200]}", data)


def _pauses(conn: Connection, rules: Rules, now: datetime) -> int:
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


# -- what is seldom looked at ----------------------------------------------------------------------------------------------------------------


def _silent(conn: Connection, item: Look, now: datetime) -> int:
    """Channels whose orders could not be looked at for too long. One that is paused for its credentials has an alert of its own."""
    limits, down = dict(item.rules.down_after), []
    for state in channels.every(conn):
        limit = limits.get(state.id)
        if limit is None or state.paused_kind is PauseKind.CREDENTIALS:
            continue
        seen = cursors.looked_at(conn, state.id, STREAM)
        since = max(filter(None, (seen, item.began)), default=None)
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
    return _standing(conn, item.rules, Kind.DOWN, [state for state, _ in down], matters, now)


def _unsent(conn: Connection, rules: Rules, now: datetime) -> int:
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


def _standing(conn: Connection, rules: Rules, kind: Kind, now_so: Sequence[ChannelState], matters: Iterator[Matter], now: datetime) -> int:
    """Open what is so, end what is so no longer."""
    alerting.end(conn, rules, kind, and_(alerts.c.source_id.not_in([state.id for state in now_so])), now)
    return alerting.open_all(conn, rules, matters, now)
