"""Units on their way from one location to another: they lie on the transfer, at neither place."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, String, Table, Text, UniqueConstraint, text

from channelsync.ledger.schema.base import count, metadata, not_negative
from channelsync.ledger.types import Key, Utc

transfers = Table(
    "transfers",
    metadata,
    Column("id", Key, primary_key=True),
    Column("from_id", BigInteger, ForeignKey("locations.id"), nullable=False),
    Column("to_id", BigInteger, ForeignKey("locations.id"), nullable=False),
    Column("state", String(16), nullable=False),
    Column("reference", String(255), nullable=False, server_default=""),  # a carrier's number
    Column("note", Text, nullable=False, server_default=""),
    Column("created_at", Utc, nullable=False),
    Column("created_by", String(128), nullable=False, server_default=""),
    Column("shipped_at", Utc),
    Column("closed_at", Utc),
    CheckConstraint("state IN ('draft', 'shipped', 'part_received', 'received', 'cancelled')", name="state"),
    CheckConstraint("from_id <> to_id", name="two_places"),
    Index(None, "state", "id"),
)

transfer_lines = Table(
    "transfer_lines",
    metadata,
    Column("id", Key, primary_key=True),
    Column("transfer_id", BigInteger, ForeignKey("transfers.id"), nullable=False),
    Column("sku_id", BigInteger, ForeignKey("skus.id"), nullable=False),
    count("quantity"),  # to be shipped, or shipped
    count("received"),  # may be more than was shipped
    count("missing"),  # shipped, and said never to have arrived
    count("in_transit"),  # shipped and neither received nor missing: its part of the level's incoming at the destination
    Column("cost", BigInteger),  # of one unit when it was shipped, ten-thousandths; NULL: not known
    UniqueConstraint("transfer_id", "sku_id"),
    *not_negative("quantity", "received", "missing", "in_transit"),
    Index("ix_transfer_lines_coming", "sku_id", sqlite_where=text("in_transit > 0"), postgresql_where=text("in_transit > 0")),
)
