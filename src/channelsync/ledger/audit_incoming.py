"""A level's `incoming` against what is on its way there: the open lines of purchase orders and transfers, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, text

Rows = Iterator[tuple[str, str, str]]

ON_THE_WAY = """
    SELECT sku_id, location_id, incoming AS units FROM purchase_lines JOIN purchase_orders ON purchase_orders.id = order_id WHERE incoming <> 0
    UNION ALL SELECT sku_id, to_id, in_transit FROM transfer_lines JOIN transfers ON transfers.id = transfer_id WHERE in_transit <> 0
"""


def check(conn: Connection) -> Rows:
    query = f"""
        SELECT sku_id, location_id, SUM(kept), SUM(coming) FROM (
            SELECT sku_id, location_id, incoming AS kept, 0 AS coming FROM stock_levels WHERE incoming <> 0
            UNION ALL SELECT sku_id, location_id, 0, units FROM ({ON_THE_WAY}) AS documents
        ) AS sides GROUP BY sku_id, location_id HAVING SUM(kept) <> SUM(coming) ORDER BY sku_id, location_id
    """  # noqa: S608
    for sku_id, location_id, kept, coming in conn.execute(text(query)):
        yield f"SKU {sku_id} at location {location_id}, incoming", f"{coming} (open purchase orders and transfers)", str(kept)
