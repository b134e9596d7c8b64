"""One look for what people should hear: each source from its mark on, never as a whole. What moved is judged in `low_stock`, the rest in `alert_states`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, exists, func, select

from channelsync.ledger import alert_marks, alert_queue, alert_refusals, alert_returns, alert_states, alerting, low_stock, stock_pages
from channelsync.ledger.alert_rules import Rules
from channelsync.ledger.reorder_levels import EVERYWHERE
from channelsync.ledger.schema import bundle_parts, movements, reorder_levels, skus, stock_looks
from channelsync.ledger.spelt import Spelt, one_of

MOVEMENTS_MAX = 2_000
SKUS_MAX = 400


@dataclass(frozen=True, slots=True)
class Look:
    """slow: also at what is seldom and costs more: silent channels, unsent changes, refusals. began: when this process did; a channel was not silent before."""

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
    if not alert_marks.lock(conn):
        return Looked(0, more=False)
    rules = item.rules
    _settings(conn, rules, now)
    opened, more = _stock(conn, rules, now)
    opened += (
        alert_states.from_findings(conn, rules, now)
        + alert_states.from_aside(conn, rules, now)
        + alert_states.from_pauses(conn, rules, now)
        + alert_returns.from_returns(conn, rules, now)
    )
    if item.slow:
        opened += alert_states.from_silence(conn, rules, item.began, now) + alert_states.from_unsent(conn, rules, now)
        opened += alert_refusals.from_refusals(conn, rules, now)
    alerting.sum_up(conn, rules, now)
    return Looked(opened, more)


def _settings(conn: Connection, rules: Rules, now: datetime) -> None:
    """Levels of the config that are new: every SKU is held against them once, page by page."""
    said = hashlib.sha256(repr((rules.low, rules.low_at, rules.margin_share, rules.margin_least)).encode()).hexdigest()
    if alert_marks.said(conn, "levels") != said:
        alert_marks.put(conn, "levels", 0, said)
        alert_marks.put(conn, "walk", 0)
    named = hashlib.sha256(repr(sorted(rules.targets())).encode()).hexdigest()
    if alert_marks.said(conn, "targets") != named:
        alert_marks.put(conn, "targets", 0, named)
        alert_queue.drop_others(conn, rules.targets(), now)


_NEWEST = Spelt(select(func.coalesce(func.max(movements.c.id), 0)))


def _stock(conn: Connection, rules: Rules, now: datetime) -> tuple[int, bool]:
    """What has moved; then SKUs whose level was set, and a page of those that the config's new levels are held against.

    Numbers up to `seen` were looked at. On PostgreSQL an open transaction may hold a smaller one, so `movements` follows a minute behind, and what
    lies there is looked at once more; without an alert where a level has changed meanwhile.
    """
    newest = int(_NEWEST.scalar(conn))
    mark = alert_marks.read(conn, "movements")
    if mark is None:
        alert_marks.put(conn, "movements", newest)
        mark = newest
    seen = max(mark, alert_marks.read(conn, "seen") or 0)
    complete = newest if mark == newest else stock_pages.complete_until(conn, now)
    upto, behind = min(newest, seen + MOVEMENTS_MAX), max(mark, min(seen, complete, mark + MOVEMENTS_MAX))
    asked, walking = _asked_for(conn), (alert_marks.read(conn, "walk") or 0) >= 0
    again, fresh = _moved(conn, mark, behind), _moved(conn, seen, upto)
    quiet = asked | (again if walking else set())
    opened = low_stock.evaluate(conn, rules, (again - quiet) | fresh, now, known_before=seen)
    low_stock.evaluate(conn, rules, quiet - fresh, now, known_before=None)
    if behind == seen:  # nothing is left to be looked at once more, but for what was too young just now
        behind = max(behind, min(upto, complete))
    for name, before, after in (("movements", mark, behind), ("seen", seen, upto)):
        if after > before:
            alert_marks.put(conn, name, after)
    if upto < newest or behind < min(seen, complete):
        return opened, True
    return opened, _walk(conn, rules, now)


_MOVED = Spelt(select(movements.c.sku_id).where(movements.c.id > bindparam("after"), movements.c.id <= bindparam("upto")).distinct())


def _moved(conn: Connection, after: int, upto: int) -> set[int]:
    """SKUs with a movement in between, and the bundles with a level of their own that are made of them."""
    if upto <= after:
        return set()
    ids = set(_MOVED.scalars(conn, after=after, upto=upto))
    return ids | _bundles_of(conn, ids)


_BUNDLES = Spelt(
    select(bundle_parts.c.bundle_id).where(
        one_of(bundle_parts.c.sku_id, "parts"),
        exists().where(reorder_levels.c.sku_id == bundle_parts.c.bundle_id, reorder_levels.c.location_id == EVERYWHERE),
    )
)


def _bundles_of(conn: Connection, sku_ids: Iterable[int]) -> set[int]:
    """Bundles with a level of their own that are made of these."""
    ids, found = sorted(sku_ids), set[int]()
    for start in range(0, len(ids), low_stock.CHUNK):
        found |= set(_BUNDLES.scalars(conn, parts=ids[start : start + low_stock.CHUNK]))
    return found


_ASKED_FOR = Spelt(select(stock_looks.c.sku_id).order_by(stock_looks.c.sku_id).limit(SKUS_MAX))


def _asked_for(conn: Connection) -> set[int]:
    ids = _ASKED_FOR.scalars(conn)
    if ids:
        conn.execute(delete(stock_looks).where(stock_looks.c.sku_id.in_(ids)))
    return set(ids)


def _walk(conn: Connection, rules: Rules, now: datetime) -> bool:
    after = alert_marks.read(conn, "walk")
    if after is None or after < 0:
        return False
    ids = list(conn.scalars(select(skus.c.id).where(skus.c.id > after).order_by(skus.c.id).limit(SKUS_MAX)))
    low_stock.evaluate(conn, rules, ids, now, known_before=None)
    more = len(ids) == SKUS_MAX
    alert_marks.put(conn, "walk", ids[-1] if more else -1)
    return more
