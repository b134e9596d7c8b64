"""Returns whose units have waited too long for an inspection, as alerts: opened once, ended when nothing of them waits too long any more."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Select, bindparam, exists, func, select

from channelsync.ledger import alerting
from channelsync.ledger.alert_rules import Kind, Rules
from channelsync.ledger.alerting import Matter
from channelsync.ledger.returns import waiting
from channelsync.ledger.schema import alerts, locations, orders, return_lines, returns
from channelsync.ledger.spelt import Spelt

ROWS_MAX: Final = 200


_LATE = waiting.HEAD, returns.c.received_at < bindparam("before")
_OVER = alerting.over([Kind.RETURN], ~exists().where(returns.c.id == alerts.c.source_id, *_LATE))


def _untold() -> Select[Any]:
    told = exists().where(alerts.c.kind == Kind.RETURN.value, alerts.c.source_id == returns.c.id, alerts.c.resolved_at.is_(None))
    units = select(func.sum(waiting.LINE)).where(return_lines.c.return_id == returns.c.id).correlate(returns).scalar_subquery()
    return (
        select(returns, locations.c.code, orders.c.ref, orders.c.number, units.label("units"))
        .join(locations, locations.c.id == returns.c.location_id)
        .outerjoin(orders, orders.c.id == returns.c.order_id)
        .where(*_LATE, ~told)
        .order_by(returns.c.id)
        .limit(ROWS_MAX)
    )


_UNTOLD = Spelt(_untold())


def from_returns(conn: Connection, rules: Rules, now: datetime) -> int:
    before = now - rules.inspect_after
    alerting.end(conn, rules, _OVER, now, before=before)
    rows = _UNTOLD.mappings(conn, before=before)
    return alerting.open_all(conn, rules, (_waits(row) for row in rows), now)


def _waits(row: Any) -> Matter:
    units, since = int(row["units"]), row["received_at"]
    of = f" of order {row['number'] or row['ref']}" if row["ref"] else ""
    what = "1 unit has" if units == 1 else f"{units} units have"
    title = f"RET-{row['id']}{of} at {row['code']}: {what} waited to be inspected since {since.isoformat(timespec='minutes')}"
    data = {
        "return": row["id"],
        "location": row["code"],
        "order": row["ref"],
        "reference": row["reference"],
        "units": units,
        "since": since.isoformat(),
    }
    return Matter(Kind.RETURN, row["id"], title, data, locations=(row["code"],))
