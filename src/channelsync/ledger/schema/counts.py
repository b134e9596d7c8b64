"""Count sheets: what should be counted, what was counted and when, and the difference once it is applied."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, ForeignKey, Index, String, Table, Text, UniqueConstraint, false

from channelsync.ledger.schema.base import metadata
from channelsync.ledger.types import Key, Utc

count_sheets = Table(
    "count_sheets",
    metadata,
    Column("id", Key, primary_key=True),
    Column("location_id", BigInteger, ForeignKey("locations.id"), nullable=False),
    Column("state", String(16), nullable=False),
    Column("blind", Boolean, nullable=False, server_default=false()),  # whoever counts is not shown what should be there
    Column("note", Text, nullable=False, server_default=""),
    Column("created_at", Utc, nullable=False),
    Column("created_by", String(128), nullable=False, server_default=""),
    Column("closed_at", Utc),
    CheckConstraint("state IN ('open', 'applied', 'cancelled')", name="state"),
    Index(None, "state", "id"),
)

count_lines = Table(
    "count_lines",
    metadata,
    Column("id", Key, primary_key=True),
    Column("sheet_id", BigInteger, ForeignKey("count_sheets.id"), nullable=False),
    Column("sku_id", BigInteger, ForeignKey("skus.id"), nullable=False),
    Column("counted", BigInteger),  # NULL: not counted yet
    Column("counted_at", Utc),
    Column("counted_by", String(128), nullable=False, server_default=""),
    Column("difference", BigInteger),  # what applying it has changed on hand by; NULL: not applied
    UniqueConstraint("sheet_id", "sku_id"),
    CheckConstraint("counted >= 0", name="counted_not_negative"),
    CheckConstraint("(counted IS NULL) = (counted_at IS NULL)", name="counted_at_a_time"),
)
