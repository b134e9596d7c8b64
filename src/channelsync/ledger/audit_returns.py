"""Returns against the log, against the orders they belong to, and against what lies in quarantine."""

# ruff: noqa: S608  (queries are composed of this package's own constants, never of anything from outside)
from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy import Connection, text

from channelsync.ledger.net_effect import COUNTED, NOT_BACK
from channelsync.ledger.since import TOLD_EARLY

Rows = Iterator[tuple[str, str, str]]

WAITING = "received - restocked - written_off - to_supplier"
EARLIER = TOLD_EARLY // timedelta(microseconds=1)
KINDS = "'quarantine', 'return', 'write_off', 'supplier_return'"


def check(conn: Connection) -> Rows:
    yield from _log(conn)
    yield from _states(conn)
    yield from _told(conn)
    yield from _once(conn)
    yield from _quarantine(conn)


def _log(conn: Connection) -> Rows:
    """Every unit that a line counts is one that its RET-<number> has moved, and the other way round. Hands may have used the name before there was one;
    clocks can be set back, but not by more than a day.
    """
    query = f"""
        SELECT return_id, sku_id, location_id, SUM(received), SUM(came), SUM(restocked), SUM(put_back), SUM(written_off), SUM(broken),
            SUM(to_supplier), SUM(went)
        FROM (
            SELECT return_id, sku_id, location_id, received, 0 AS came, restocked, 0 AS put_back, written_off, 0 AS broken, to_supplier, 0 AS went
            FROM return_lines JOIN returns ON returns.id = return_id
            UNION ALL SELECT returns.id, sku_id, movements.location_id, 0, CASE type WHEN 'quarantine' THEN quarantined ELSE 0 END,
                0, CASE type WHEN 'return' THEN on_hand ELSE 0 END, 0, CASE type WHEN 'write_off' THEN damaged ELSE 0 END,
                0, CASE type WHEN 'supplier_return' THEN -quarantined ELSE 0 END
            FROM returns JOIN movements ON movements.reference = 'RET-' || CAST(returns.id AS VARCHAR(20))
            WHERE channel_id IS NULL AND type IN ({KINDS}) AND recorded_at >= created_at - {EARLIER}
        ) AS sides GROUP BY return_id, sku_id, location_id
        HAVING SUM(received) <> SUM(came) OR SUM(restocked) <> SUM(put_back) OR SUM(written_off) <> SUM(broken) OR SUM(to_supplier) <> SUM(went)
        ORDER BY return_id, sku_id, location_id
    """
    for return_id, sku_id, location_id, *sums in conn.execute(text(query)):
        where = f"RET-{return_id}, SKU {sku_id} at location {location_id}"
        expected, found = ("received {}, restocked {}, written off {}, to the supplier {}".format(*sums[side::2]) for side in (1, 0))
        yield where, f"{expected} (movements)", f"{found} (lines)"


def _states(conn: Connection) -> Rows:
    query = f"""
        SELECT returns.id, state, COALESCE(SUM(received), 0), COALESCE(SUM({WAITING}), 0)
        FROM returns LEFT JOIN return_lines ON return_id = returns.id GROUP BY returns.id, state
        HAVING (COALESCE(SUM(received), 0) > 0) <> (state IN ('received', 'inspected')) OR (state = 'inspected' AND SUM({WAITING}) > 0)
        ORDER BY returns.id
    """
    for return_id, state, received, waiting in conn.execute(text(query)):
        yield (
            f"RET-{return_id}, {state}",
            "units have arrived once it is received, and none waits once it is inspected",
            f"{received}, {waiting} wait",
        )


_BOTH = """
    SELECT sides.order_id, sides.sku_id, SUM(told) AS told, SUM(received) AS received, SUM(restocked) AS restocked FROM (
        SELECT order_id, sku_id, told, received, 0 AS restocked FROM return_lines JOIN returns ON returns.id = return_id WHERE order_id IS NOT NULL
        UNION ALL SELECT order_id, sku_id, 0, 0, restocked FROM order_lines WHERE order_id IN (SELECT order_id FROM returns)
    ) AS sides GROUP BY sides.order_id, sides.sku_id
"""
"""Per order that returns belong to, and SKU."""


def _told(conn: Connection) -> Rows:
    """What both the returns and the shop have, and no other unit."""
    query = f"""
        SELECT order_id, sku_id, told, received, restocked FROM ({_BOTH}) AS sums
        WHERE told <> CASE WHEN received < restocked THEN received ELSE restocked END ORDER BY order_id, sku_id
    """
    for order_id, sku_id, told, received, restocked in conn.execute(text(query)):
        where = f"SKU {sku_id} of order {order_id}, told"
        yield where, f"{min(received, restocked)} ({received} in returns, {restocked} told by the shop)", str(told)
    stray = "SELECT return_id, told FROM return_lines JOIN returns ON returns.id = return_id WHERE order_id IS NULL AND told <> 0"
    for return_id, told in conn.execute(text(f"{stray} ORDER BY return_id")):
        yield f"RET-{return_id}, told", "0: it belongs to no order", str(told)


def _once(conn: Connection) -> Rows:
    """Of what the shop told, no more lies on hand or in quarantine for that reason than no return has received. Where the ledger counts."""
    query = f"""
        SELECT order_id, sku_id, SUM(restocked), SUM(told), SUM(ours), SUM(deferred) FROM (
            SELECT order_id, sku_id, told, 0 AS restocked, 0 AS ours, 0 AS deferred
            FROM return_lines JOIN returns ON returns.id = return_id WHERE order_id IS NOT NULL
            UNION ALL SELECT order_id, sku_id, 0, restocked, CASE WHEN authority_id IS NULL THEN restocked ELSE 0 END, 0
            FROM order_lines JOIN locations ON locations.id = location_id WHERE order_id IN (SELECT order_id FROM returns)
            UNION ALL SELECT orders.id, movements.sku_id, 0, 0, 0, on_hand + quarantined
            FROM orders JOIN movements ON movements.reference = orders.ref AND movements.channel_id = orders.channel_id
            JOIN locations ON locations.id = movements.location_id AND authority_id IS NULL
            WHERE orders.id IN (SELECT order_id FROM returns) AND movements.type = 'defer'
                AND (reason LIKE '{NOT_BACK}%' OR reason LIKE '{COUNTED}%')
        ) AS sides GROUP BY order_id, sku_id
        HAVING SUM(told) > 0 AND SUM(ours) + SUM(deferred) > SUM(restocked) - SUM(told) ORDER BY order_id, sku_id
    """
    for order_id, sku_id, restocked, told, ours, deferred in conn.execute(text(query)):
        where = f"SKU {sku_id} of order {order_id}, lying here because the shop told it"
        yield where, f"at most {restocked - told} ({restocked} told, {told} of these received by returns)", str(ours + deferred)


def _quarantine(conn: Connection) -> Rows:
    """What returns are waiting with lies there. More may: what hands and shops have put aside."""
    query = f"""
        SELECT sku_id, location_id, SUM(waiting), SUM(quarantined) FROM (
            SELECT sku_id, location_id, {WAITING} AS waiting, 0 AS quarantined FROM return_lines JOIN returns ON returns.id = return_id
            WHERE state = 'received'
            UNION ALL SELECT sku_id, location_id, 0, quarantined FROM stock_levels WHERE quarantined <> 0
        ) AS sides GROUP BY sku_id, location_id HAVING SUM(waiting) > SUM(quarantined) ORDER BY sku_id, location_id
    """
    for sku_id, location_id, waiting, quarantined in conn.execute(text(query)):
        yield f"SKU {sku_id} at location {location_id}, quarantined", f"{waiting} or more (returns wait with them)", str(quarantined)
