"""What customers send back: expected, received into quarantine, inspected, and what became of each unit."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, String, Table, Text

from channelsync.ledger.schema.base import count, metadata, not_negative
from channelsync.ledger.types import Key, Utc

returns = Table(
    "returns",
    metadata,
    Column("id", Key, primary_key=True),
    Column("order_id", BigInteger, ForeignKey("orders.id")),  # the channel's order that it belongs to; NULL: none that is known
    Column("location_id", BigInteger, ForeignKey("locations.id"), nullable=False),
    Column("state", String(16), nullable=False),
    Column("reference", String(255), nullable=False, server_default=""),  # an RMA number
    Column("note", Text, nullable=False, server_default=""),
    Column("created_at", Utc, nullable=False),
    Column("created_by", String(128), nullable=False, server_default=""),
    Column("received_at", Utc),  # when the first of it arrived: its age
    Column("closed_at", Utc),
    CheckConstraint("state IN ('expected', 'received', 'inspected', 'cancelled')", name="state"),
    Index(None, "state", "id"),
    Index(None, "order_id"),
)

return_lines = Table(
    "return_lines",
    metadata,
    Column("id", Key, primary_key=True),
    Column("return_id", BigInteger, ForeignKey("returns.id"), nullable=False),
    Column("sku_id", BigInteger, ForeignKey("skus.id"), nullable=False),
    Column("line_ref", String(255)),  # the line of the channel's order
    count("expected"),
    count("received"),
    count("told"),  # of these: also told by the channel as restocked, so that they count once
    count("restocked"),
    count("written_off"),
    count("to_supplier"),
    *not_negative("expected", "received", "told", "restocked", "written_off", "to_supplier"),
    CheckConstraint("restocked + written_off + to_supplier <= received", name="decided_within_received"),
    CheckConstraint("told <= received", name="told_within_received"),
    Index(None, "return_id"),
)
