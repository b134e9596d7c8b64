"""What was learned by watching a shop: what it showed while we only looked on (`mode = "shadow"`), and what a probe measured."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, ForeignKey, Index, PrimaryKeyConstraint, String, Table

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

measurements = Table(
    "measurements",
    metadata,
    Column("channel_id", BigInteger, ForeignKey("channels.id"), nullable=False),
    Column("name", String(32), nullable=False),
    Column("value", Float, nullable=False),  # seconds; 1 or 0 for yes or no
    Column("at", Utc, nullable=False),
    PrimaryKeyConstraint("channel_id", "name"),
)
"""What `probe` found out about a channel, the last time it did."""
