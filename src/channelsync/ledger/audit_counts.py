"""What an applied count sheet says it has changed, against the movements that it made; and that no other sheet says so."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, text

Rows = Iterator[tuple[str, str, str]]

SIDES = """
    SELECT sheet_id AS sheet, sku_id, difference AS kept, 0 AS logged, 1 AS line, 0 AS movement FROM count_lines WHERE difference IS NOT NULL
    UNION ALL SELECT count_sheets.id, movements.sku_id, 0, on_hand, 0, 1 FROM count_sheets
        JOIN movements ON movements.reference = 'CNT-' || CAST(count_sheets.id AS TEXT) AND movements.location_id = count_sheets.location_id
        WHERE state = 'applied' AND type = 'count' AND movements.recorded_at = closed_at
"""
"""A movement of a sheet is recorded when the sheet is closed: what somebody counts by hand under the name of a sheet is none of it."""


def check(conn: Connection) -> Rows:
    query = f"""
        SELECT sheet, sku_id, SUM(kept), SUM(logged), SUM(line), SUM(movement) FROM ({SIDES}) AS sides
        GROUP BY sheet, sku_id HAVING SUM(kept) <> SUM(logged) OR SUM(line) <> SUM(movement) ORDER BY sheet, sku_id
    """  # noqa: S608
    for sheet, sku_id, kept, logged, line, movements in conn.execute(text(query)):
        expected = f"{int(logged):+d} ({movements} movements CNT-{sheet} of when it was applied)"
        yield f"count sheet {sheet}, SKU {sku_id}", expected, f"{int(kept):+d}" if line else "no difference"
