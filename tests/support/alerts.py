"""What the tests of alerts share: a look at the ledger, sales, and what stands in the queue."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select

from channelsync.ledger import alert_watch, low_stock, reservations, stock
from channelsync.ledger.alert_rules import Route, Rules
from channelsync.ledger.alert_watch import Look
from channelsync.ledger.holds import Which
from channelsync.ledger.low_stock import LowRow
from channelsync.ledger.refusals import Refusal
from channelsync.ledger.reservations import Release
from channelsync.ledger.schema import alert_messages, alerts
from support.stock import NOW, put, want

ALL = Route("route 1", ("phone",), resolved=True, max_per_hour=1_000)
RULES = Rules(low=5, routes=(ALL,))


def look(conn: Connection, rules: Rules = RULES, now: datetime = NOW, *, slow: bool = False, began: datetime | None = None) -> int:
    """Until nothing more is to be looked at; how many alerts were opened."""
    opened = 0
    while True:
        (step,) = alert_watch.look(conn, [Look(rules, slow, began)], now)
        opened += step.opened
        if not step.more:
            return opened


def stocked(conn: Connection, *units: int, rules: Rules = RULES, location: str = "main") -> None:
    """SKUs A, B, ... with so many units, seen once."""
    look(conn, rules)
    for sku, quantity in zip("ABCDEFGH", units, strict=False):
        put(conn, sku, quantity, location)
    assert look(conn, rules) == 0


def sell(conn: Connection, sku: str, quantity: int, location: str = "main") -> str:
    reference = f"cart-{sku}-{quantity}-{id(object())}-{len(list(conn.execute(select(alerts.c.id))))}"
    (answer,) = reservations.reserve(conn, [want(sku, quantity, reference, location)], NOW)
    assert not isinstance(answer, Refusal), answer
    return reference


def give_back(conn: Connection, reference: str) -> None:
    (answer,) = reservations.release(conn, [Release(Which(reference=reference))], NOW)
    assert not isinstance(answer, Refusal), answer


def receive(conn: Connection, sku: str, quantity: int, location: str = "main") -> None:
    (answer,) = stock.receive(conn, [stock.Change(sku, location, quantity)], NOW)
    assert not isinstance(answer, Refusal), answer


def told(conn: Connection) -> list[tuple[str, str]]:
    """(kind, open or over) of every alert, the oldest first."""
    rows = conn.execute(select(alerts.c.kind, alerts.c.resolved_at).order_by(alerts.c.id))
    return [(row.kind, "over" if row.resolved_at else "open") for row in rows]


def queued(conn: Connection, *columns: str) -> list[tuple[Any, ...]]:
    wanted = [alert_messages.c[name] for name in columns or ("target", "event", "kind", "state")]
    return [tuple(row) for row in conn.execute(select(*wanted).order_by(alert_messages.c.id))]


def low(conn: Connection, location: str | None = None) -> list[LowRow]:
    return low_stock.page(conn, location, 0, 100)


MINUTE = timedelta(minutes=1)
