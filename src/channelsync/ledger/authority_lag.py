"""Authorities that show no documents: a shipment is out of their number a known time after we learned of it, because nothing else will tell."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from channelsync.ledger import exports, order_documents
from channelsync.ledger.levels import Entry, LevelKey
from channelsync.ledger.order_documents import Debited
from channelsync.ledger.schema import exports as export_table
from channelsync.ledger.schema import order_lines, orders

LIMIT = 1_000
BY_HAND_AFTER = timedelta(days=1)
"""A reservation that was shipped by hand has no document of ours at an authority that shows documents: by then the warehouse has written its own."""


def debit(conn: Connection, channel_id: int, keys: set[LevelKey], learned_by: datetime, now: datetime) -> list[Entry]:
    """Take off what orders owe at these levels and was shipped by then, as far as we knew. The number just applied was read
    late enough.

    An order that was touched since is taken later: its last change may be the shipment. Returns the movements, not yet posted.
    """
    query = (
        select(order_lines, export_table.c.id.label("export_id"))
        .join(orders, orders.c.id == order_lines.c.order_id)
        .join(export_table, export_table.c.order_id == orders.c.id)
        .where(
            export_table.c.channel_id == channel_id,
            export_table.c.undocumented_since.is_not(None),
            orders.c.applied_at <= learned_by,
            order_lines.c.shipped > order_lines.c.debited,
        )
        .order_by(export_table.c.undocumented_since, order_lines.c.id)
        .limit(LIMIT)
    )
    rows = [row for row in conn.execute(query).mappings() if (row["sku_id"], row["location_id"]) in keys]
    entries = order_documents.debit(conn, [Debited(row["id"], row["shipped"]) for row in rows], now)
    exports.judge(conn, sorted({row["export_id"] for row in rows}), now)
    return entries
