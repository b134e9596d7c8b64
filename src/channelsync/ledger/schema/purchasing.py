"""What is ordered from suppliers: who they are, what comes from whom, purchase orders and their lines."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint, text

from channelsync.ledger.schema.base import count, metadata, not_negative
from channelsync.ledger.types import Key, Utc

suppliers = Table(
    "suppliers",
    metadata,
    Column("id", Key, primary_key=True),
    Column("code", String(64), nullable=False, unique=True),
    Column("name", Text, nullable=False, server_default=""),
    Column("lead_days", Integer),  # from order to receipt; NULL: not known
    Column("created_at", Utc, nullable=False),
    CheckConstraint("lead_days >= 0", name="lead_days_not_negative"),
)

supplies = Table(
    "supplies",
    metadata,
    Column("sku_id", BigInteger, ForeignKey("skus.id"), primary_key=True, autoincrement=False),
    Column("supplier_id", BigInteger, ForeignKey("suppliers.id"), nullable=False),
    Column("code", String(255), nullable=False, server_default=""),  # what the supplier calls it
    Column("cost", BigInteger),  # of one unit, ten-thousandths of the store's currency; NULL: not agreed
    Column("lead_days", Integer),  # NULL: as the supplier's
    Column("least", BigInteger),  # the fewest units of one order; NULL: no such limit
    Column("multiple", BigInteger),  # units in a carton; NULL: any number
    CheckConstraint("lead_days >= 0", name="lead_days_not_negative"),
    CheckConstraint("least > 0", name="least"),
    CheckConstraint("multiple > 0", name="multiple"),
    Index(None, "supplier_id", "sku_id"),
)
"""From whom a SKU is bought: one supplier each."""

purchase_orders = Table(
    "purchase_orders",
    metadata,
    Column("id", Key, primary_key=True),
    Column("supplier_id", BigInteger, ForeignKey("suppliers.id")),
    Column("location_id", BigInteger, ForeignKey("locations.id"), nullable=False),
    Column("state", String(16), nullable=False),
    Column("reference", String(255), nullable=False, server_default=""),  # the supplier's own number
    Column("note", Text, nullable=False, server_default=""),
    Column("expected_on", String(10)),  # a date, ISO
    Column("created_at", Utc, nullable=False),
    Column("created_by", String(128), nullable=False, server_default=""),
    Column("ordered_at", Utc),
    Column("closed_at", Utc),
    CheckConstraint("state IN ('draft', 'ordered', 'part_received', 'received', 'cancelled')", name="state"),
    Index(None, "state", "id"),
    Index(None, "reference"),
)

purchase_lines = Table(
    "purchase_lines",
    metadata,
    Column("id", Key, primary_key=True),
    Column("order_id", BigInteger, ForeignKey("purchase_orders.id"), nullable=False),
    Column("sku_id", BigInteger, ForeignKey("skus.id"), nullable=False),
    count("ordered"),
    count("received"),  # may be more than was ordered
    count("incoming"),  # still to come: its part of the level's incoming
    Column("cost", BigInteger),  # of one unit, ten-thousandths; NULL: not known
    UniqueConstraint("order_id", "sku_id"),
    *not_negative("ordered", "received", "incoming"),
    Index("ix_purchase_lines_coming", "sku_id", sqlite_where=text("incoming > 0"), postgresql_where=text("incoming > 0")),
)
