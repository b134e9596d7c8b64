"""Where stock is counted: locations, SKUs, levels, the movement log, and reservations."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ColumnElement,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    false,
    text,
)

from channelsync.ledger.schema.base import count, metadata, not_negative
from channelsync.ledger.types import Key, Utc

BUCKETS = ("on_hand", "soft", "hard", "incoming", "quarantined", "damaged", "pending_debit", "held_elsewhere")

locations = Table(
    "locations",
    metadata,
    Column("id", Key, primary_key=True),
    Column("code", String(64), nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("priority", Integer, nullable=False, server_default=text("100")),
    Column("authority_id", BigInteger),  # the channel that owns on hand here; NULL: the ledger does
    CheckConstraint("kind IN ('warehouse', 'retail', 'fulfilment', 'virtual')", name="kind"),
)

skus = Table(
    "skus",
    metadata,
    Column("id", Key, primary_key=True),
    Column("sku", String(255), nullable=False, unique=True),
    Column("title", Text, nullable=False, server_default=""),
    Column("backorder", String(8), nullable=False, server_default="deny"),
    Column("backorder_limit", BigInteger),
    Column("expected_text", String(128), nullable=False, server_default=""),  # for customers: when what is not there comes ("5-7 days")
    Column("expected_on", String(10)),  # the same as a date, ISO
    Column("reference_limit", BigInteger),  # units that one reference may claim, in all; NULL: no limit
    Column("unit_cost", BigInteger),  # ten-thousandths of the store's currency; NULL: not known, and that of a bundle
    Column(
        "release_delay", Integer, nullable=False, server_default=text("0")
    ),  # minutes that a hold outlives its end while it is a backorder
    Column(
        "counted", Boolean, nullable=False, server_default=false()
    ),  # has ever had physical units posted; before that, oversell means nothing
    Column("created_at", Utc, nullable=False),
    CheckConstraint("backorder IN ('deny', 'allow', 'preorder')", name="backorder"),
    Index("ix_skus_promised", "id", sqlite_where=text("backorder <> 'deny'"), postgresql_where=text("backorder <> 'deny'")),
)

stock_levels = Table(
    "stock_levels",
    metadata,
    Column("sku_id", BigInteger, ForeignKey("skus.id"), nullable=False),
    Column("location_id", BigInteger, ForeignKey("locations.id"), nullable=False),
    *(count(bucket) for bucket in BUCKETS),
    PrimaryKeyConstraint("sku_id", "location_id"),
    *not_negative(*BUCKETS),
)

_AT = stock_levels.c
AVAILABLE: Final[ColumnElement[int]] = _AT.on_hand - _AT.soft - _AT.hard - _AT.pending_debit - _AT.held_elsewhere
"""Of a row of `stock_levels`; `levels.Level.available` says the same of one that has been read."""

movements = Table(
    "movements",
    metadata,
    Column("id", Key, primary_key=True),
    Column("sku_id", BigInteger, nullable=False),  # no foreign keys on the hot path: `audit` checks them
    Column("location_id", BigInteger, nullable=False),
    Column("type", String(16), nullable=False),
    *(count(bucket) for bucket in BUCKETS),
    Column("reference", String(255), nullable=False, server_default=""),
    Column("reason", String(255), nullable=False, server_default=""),
    Column("actor", String(128), nullable=False, server_default=""),
    Column("channel_id", BigInteger),
    Column("occurred_at", Utc, nullable=False),
    Column("recorded_at", Utc, nullable=False),
    Index(None, "sku_id", "location_id", "id"),
    Index(None, "reference"),
)

reservations = Table(
    "reservations",
    metadata,
    Column("id", Key, primary_key=True),
    Column("reference", String(255), nullable=False),
    Column("sku_id", BigInteger, nullable=False),
    Column("location_id", BigInteger, nullable=False),
    Column("kind", String(4), nullable=False),
    Column("quantity", BigInteger, nullable=False),  # as granted
    Column("open", BigInteger, nullable=False),  # still held
    Column("bundle_id", BigInteger),  # the SKU that was asked for, where that is a bundle and this one of its parts
    Column("pack", BigInteger, nullable=False, server_default=text("1")),  # SKU units in one of what was asked for
    Column("state", String(10), nullable=False, server_default="open"),
    Column("expires_at", Utc),
    Column("created_at", Utc, nullable=False),
    Column("resolved_at", Utc),
    CheckConstraint("kind IN ('soft', 'hard')", name="kind"),
    CheckConstraint("state IN ('open', 'released', 'expired', 'committed', 'fulfilled')", name="state"),
    CheckConstraint("open >= 0 AND open <= quantity AND quantity > 0", name="open_within_quantity"),
    CheckConstraint("(state = 'open') = (open > 0)", name="open_while_held"),
    CheckConstraint("kind = 'soft' OR expires_at IS NULL", name="hard_never_expires"),
    Index(None, "reference"),
    Index("ix_reservations_expiring", "expires_at", sqlite_where=text("state = 'open'"), postgresql_where=text("state = 'open'")),
    Index("ix_reservations_held", "sku_id", "location_id", sqlite_where=text("state = 'open'"), postgresql_where=text("state = 'open'")),
)

bundle_parts = Table(
    "bundle_parts",
    metadata,
    Column("bundle_id", BigInteger, ForeignKey("skus.id"), nullable=False),
    Column("sku_id", BigInteger, ForeignKey("skus.id"), nullable=False),
    Column("quantity", BigInteger, nullable=False),
    PrimaryKeyConstraint("bundle_id", "sku_id"),
    CheckConstraint("quantity > 0", name="quantity"),
    CheckConstraint("bundle_id <> sku_id", name="not_itself"),
    Index(None, "sku_id"),
)
"""A SKU with parts is a bundle: it has no stock of its own, and its parts are no bundles."""

stock_updates = Table(
    "stock_updates",
    metadata,
    Column("sku_id", BigInteger, ForeignKey("skus.id"), nullable=False),
    Column("location_id", BigInteger, ForeignKey("locations.id"), nullable=False),
    Column("as_of", Utc, nullable=False),
    Column("units", BigInteger, nullable=False),
    Column("recorded_at", Utc, nullable=False),
    PrimaryKeyConstraint("sku_id", "location_id"),
    *not_negative("units"),
)
"""The last number that a warehouse or an ERP told of each level, and when it was true there: an older one is ignored."""
