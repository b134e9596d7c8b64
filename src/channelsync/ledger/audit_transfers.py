"""The lines of transfers against the log: what left, what arrived and what is on its way are the movements that refer to the transfer (`TR-3`)."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, text

Rows = Iterator[tuple[str, str, str]]

_LINES = "FROM transfer_lines JOIN transfers ON transfers.id = transfer_id WHERE shipped_at IS NOT NULL"
SIDES = f"""
    SELECT 'TR-' || transfers.id AS reference, sku_id, from_id AS location_id, quantity AS out_line, 0 AS out_log, 0 AS in_line, 0 AS in_log,
        0 AS way_line, 0 AS way_log {_LINES}
    UNION ALL SELECT 'TR-' || transfers.id, sku_id, to_id, 0, 0, received, 0, in_transit, 0 {_LINES}
    UNION ALL SELECT reference, sku_id, location_id, 0, CASE type WHEN 'transfer_out' THEN -on_hand ELSE 0 END,
        0, CASE type WHEN 'transfer_in' THEN on_hand ELSE 0 END, 0, incoming
    FROM movements WHERE type IN ('transfer_out', 'transfer_in') OR (type = 'expect' AND reference LIKE 'TR-%')
"""  # noqa: S608


def check(conn: Connection) -> Rows:
    yield from _against_the_log(conn)
    yield from _in_themselves(conn)


def _against_the_log(conn: Connection) -> Rows:
    query = f"""
        SELECT reference, sku_id, location_id, SUM(out_line), SUM(in_line), SUM(way_line), SUM(out_log), SUM(in_log), SUM(way_log)
        FROM ({SIDES}) AS sides GROUP BY reference, sku_id, location_id
        HAVING SUM(out_line) <> SUM(out_log) OR SUM(in_line) <> SUM(in_log) OR SUM(way_line) <> SUM(way_log)
        ORDER BY reference, sku_id, location_id
    """  # noqa: S608
    for reference, sku_id, location_id, *sums in conn.execute(text(query)):
        where = f"transfer {reference!r}, SKU {sku_id} at location {location_id}"
        found, expected = ("shipped {}, received {}, in transit {}".format(*sums[side : side + 3]) for side in (0, 3))
        yield where, f"{expected} (movements)", f"{found} (lines)"


def _in_themselves(conn: Connection) -> Rows:
    """What was shipped is received, in transit or missing, nothing twice; and a transfer is open as long as something is in transit."""
    query = """
        SELECT transfers.id, state, sku_id, quantity, received, in_transit, missing FROM transfer_lines
        JOIN transfers ON transfers.id = transfer_id
        WHERE in_transit + missing <> CASE WHEN shipped_at IS NULL OR received > quantity THEN 0 ELSE quantity - received END
            OR (shipped_at IS NULL AND received <> 0) OR (in_transit > 0 AND state NOT IN ('shipped', 'part_received'))
            OR (missing > 0 AND state <> 'received')
        ORDER BY transfers.id, sku_id
    """
    for number, state, sku_id, quantity, received, in_transit, missing in conn.execute(text(query)):
        expected = "what was shipped is received, in transit or missing"
        found = f"{quantity} to ship, {received} received, {in_transit} in transit, {missing} missing"
        yield f"transfer 'TR-{number}' ({state.replace('_', ' ')}), SKU {sku_id}", expected, found
