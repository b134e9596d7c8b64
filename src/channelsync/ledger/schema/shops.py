"""Channels and what they tell: listings, their other names, how far each stream was read, and deliveries that did not verify."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
    true,
)

from channelsync.ledger.schema.base import count, metadata
from channelsync.ledger.types import Key, Utc

channels = Table(
    "channels",
    metadata,
    Column("id", Key, primary_key=True),
    Column("name", String(64), nullable=False, unique=True),
    Column("connector", String(64), nullable=False),
    Column("role", String(16), nullable=False, server_default="channel"),  # channel, authority
    Column("shop", String(255)),  # the shop's own identity; a channel name belongs to one shop for ever
    Column("location_id", BigInteger, ForeignKey("locations.id")),  # where orders without a location are taken from
    Column("restock", String(16), nullable=False, server_default="channel"),  # what comes back: channel, never, quarantine
    Column("unpaid", String(8), nullable=False, server_default="soft"),  # an unpaid checkout holds: soft, hard, ignore (nothing)
    Column("unpaid_minutes", Integer),  # how long, where the shop names no end
    Column("opened_at", Utc),  # the cut-off instant of its first applied plan; before that nothing is written to it
    Column("paused_at", Utc),
    Column("paused_reason", Text),
    Column("paused_kind", String(16)),  # person, credentials, guard, location: what ends it
    count("read_seq"),
    Column("lease_owner", String(128)),
    count("lease_version"),
    Column("lease_until", Utc),
    Column("created_at", Utc, nullable=False),
)

REMOVED = "removed_at IS NOT NULL"
SELLING_ON = "sells_below_zero"
UNLINKED = "sku_id IS NULL AND removed_at IS NULL"

listings = Table(
    "listings",
    metadata,
    Column("id", Key, primary_key=True),
    Column("channel_id", BigInteger, ForeignKey("channels.id"), nullable=False),
    Column("ref", String(255), nullable=False),
    Column("sku_text", String(255)),  # what the channel calls it, as read
    Column("title", Text, nullable=False, server_default=""),
    Column("barcode", String(64)),
    Column("sku_id", BigInteger, ForeignKey("skus.id")),  # the link; NULL: not mapped
    Column("pack", Integer, nullable=False, server_default=text("1")),
    Column("stock_ref", String(255)),
    Column("tracked", Boolean, nullable=False),
    Column("problem", Text),
    Column("sells_below_zero", Boolean),  # the shop goes on selling it at 0; NULL: it does not say
    Column("seen_at", Utc, nullable=False),
    Column("removed_at", Utc),
    Column("linked_at", Utc),  # first linked or unlinked: from then on automatic matching leaves it alone, whatever its SKU text becomes
    Column("linked_text", String(255)),  # its SKU text when it was linked: another one since then is shown to people
    UniqueConstraint("channel_id", "ref"),
    CheckConstraint("pack > 0", name="pack"),
    Index(None, "sku_id"),
    Index(None, "channel_id", "sku_text"),
    Index("ix_listings_removed", "channel_id", sqlite_where=text(REMOVED), postgresql_where=text(REMOVED)),
    Index(None, "channel_id", "sku_id"),
    Index("ix_listings_selling_on", "channel_id", sqlite_where=text(SELLING_ON), postgresql_where=text(SELLING_ON)),
    Index("ix_listings_unlinked", "channel_id", sqlite_where=text(UNLINKED), postgresql_where=text(UNLINKED)),
)

listing_aliases = Table(
    "listing_aliases",
    metadata,
    Column("channel_id", BigInteger, nullable=False),
    Column("alias", String(255), nullable=False),
    Column("listing_id", BigInteger, ForeignKey("listings.id"), nullable=False),
    PrimaryKeyConstraint("channel_id", "alias"),
)

cursors = Table(
    "cursors",
    metadata,
    Column("channel_id", BigInteger, ForeignKey("channels.id"), nullable=False),
    Column("stream", String(32), nullable=False),
    Column("high_water", Text),
    Column("resume", Text),
    Column("looked_at", Utc),  # our clock when the last complete run began: everything visible then is applied
    Column("updated_at", Utc, nullable=False),
    PrimaryKeyConstraint("channel_id", "stream"),
)

rejections = Table(
    "rejections",
    metadata,
    Column("channel", String(64), primary_key=True),
    Column("reason", String(128), primary_key=True),
    count("count"),
    Column("last_at", Utc, nullable=False),
)
"""Deliveries whose signature did not verify, counted apart: a wrong secret is not the same as never called."""

channel_locations = Table(
    "channel_locations",
    metadata,
    Column("channel_id", BigInteger, ForeignKey("channels.id"), nullable=False),
    Column("ref", String(255), nullable=False),
    Column("name", Text, nullable=False, server_default=""),
    Column("active", Boolean, nullable=False, server_default=true()),
    Column("location_id", BigInteger, ForeignKey("locations.id")),  # the ledger location behind it; NULL: nobody has mapped it
    Column("seen_at", Utc),
    PrimaryKeyConstraint("channel_id", "ref"),
)
"""The places where a channel keeps numbers of its own, and where they are in the ledger."""
