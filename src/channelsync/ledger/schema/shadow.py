"""What a shop was seen to show while we only look on (`mode = "shadow"`): the other tool's writes are found in it."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Table

from channelsync.ledger.schema.base import metadata
from channelsync.ledger.types import Key, Utc

sightings = Table(
    "sightings",
    metadata,
    Column("id", Key, primary_key=True),
    Column("shelf_id", BigInteger, ForeignKey("shelves.id"), nullable=False),
    Column("shows", BigInteger, nullable=False),
    Column("first_at", Utc, nullable=False),  # the shop's clock
    Column("last_at", Utc, nullable=False),
    Index(None, "shelf_id", "last_at"),
    Index(None, "last_at"),
)
"""A run of equal readings is one row: the first of them, and the last."""
