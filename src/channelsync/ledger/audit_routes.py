"""Routes against the holds they decide: a line is held where its last route says, unless the shop has come to say so itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sqlalchemy import Connection, select, text

from channelsync.ledger import line_sources, order_json
from channelsync.ledger.schema import orders

Rows = Iterator[tuple[str, str, str]]

_ELSEWHERE: Final = """
    SELECT order_lines.order_id, order_lines.line_ref, order_routes.location_id AS routed, order_lines.location_id AS held
    FROM order_routes JOIN order_lines ON order_lines.order_id = order_routes.order_id AND order_lines.line_ref = order_routes.line_ref
    WHERE order_routes.id IN (SELECT MAX(id) FROM order_routes GROUP BY order_id, line_ref)
        AND (order_lines.soft > 0 OR order_lines.hard > 0) AND order_lines.location_id <> order_routes.location_id
    ORDER BY order_lines.order_id, order_lines.id
"""


def check(conn: Connection) -> Rows:
    for row in conn.execute(text(_ELSEWHERE)):
        if _is_ours_to_say(conn, row.order_id, row.line_ref):
            where = f"order {row.order_id}, line {row.line_ref!r}"
            yield where, f"held at location {row.routed} (its last route)", f"held at location {row.held}"


def _is_ours_to_say(conn: Connection, order_id: int, line_ref: str) -> bool:
    stored = conn.scalar(select(orders.c.snapshot).where(orders.c.id == order_id))
    snapshot = None if stored is None else order_json.read(stored)
    return snapshot is None or any(line.ref == line_ref and line_sources.routable(line) for line in snapshot.lines)
