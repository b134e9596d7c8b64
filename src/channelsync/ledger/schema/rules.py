"""What shelves may show: the config's rules as rows, so that every verb can resolve them, and what people have frozen."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, String, Table, Text, text

from channelsync.ledger.schema.base import metadata
from channelsync.ledger.types import Key, Utc

shelf_rules = Table(
    "shelf_rules",
    metadata,
    Column("id", Key, primary_key=True),
    # what it is about; NULL: any
    Column("channel_id", BigInteger),
    Column("sku", String(255)),
    Column("listing", String(255)),
    Column("opens", Utc),  # a window: from here, until `closes`
    Column("closes", Utc),
    Column("position", Integer, nullable=False),
    Column("source", Text, nullable=False),  # where it stands in the config
    # what it says; NULL: nothing about this
    Column("safety_stock", BigInteger),
    Column("safety_share", Integer),
    Column("share", Integer),
    Column("show_min", BigInteger),
    Column("show_max", BigInteger),
    Column("skip", Boolean),
    Column("plenty", BigInteger),
    Index(None, "sku"),
)

freezes = Table(
    "freezes",
    metadata,
    Column("id", Key, primary_key=True),
    Column("sku_id", BigInteger, ForeignKey("skus.id"), nullable=False),
    Column("channel_id", BigInteger, ForeignKey("channels.id")),  # only there; NULL: everywhere
    Column("listing_id", BigInteger, ForeignKey("listings.id")),  # only this one, whatever SKU it sells
    Column("reason", Text, nullable=False),
    Column("actor", String(128), nullable=False),
    Column("frozen_at", Utc, nullable=False),
    Column("thawed_at", Utc),
    Column("thawed_by", String(128)),
    Index("ix_freezes_standing", "sku_id", sqlite_where=text("thawed_at IS NULL"), postgresql_where=text("thawed_at IS NULL")),
    Index(None, "listing_id"),
)
"""One row per freeze, kept after the thaw: who, when and why."""
