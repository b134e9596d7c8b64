"""Orders as last seen, and what is posted for each line."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Boolean, Column, ForeignKey, Index, Integer, String, Table, UniqueConstraint, false, text

from channelsync.ledger.schema.base import count, metadata, not_negative
from channelsync.ledger.types import Key, Utc

orders = Table(
    "orders",
    metadata,
    Column("id", Key, primary_key=True),
    Column("channel_id", BigInteger, ForeignKey("channels.id"), nullable=False),
    Column("ref", String(255), nullable=False),
    Column("number", String(64), nullable=False, server_default=""),
    Column("state", String(10), nullable=False),
    Column("modified_at", Utc, nullable=False),
    count("read_seq"),
    Column("direct", Boolean, nullable=False, server_default=false()),  # the applied snapshot came from a direct read
    Column("digest", String(64), nullable=False),
    Column("snapshot", JSON, nullable=False),
    Column("before_opening", Boolean, nullable=False, server_default=false()),
    Column("reservation_ref", String(255)),
    Column("placed_at", Utc, nullable=False),
    Column("first_seen_at", Utc, nullable=False),
    Column("applied_at", Utc, nullable=False),
    UniqueConstraint("channel_id", "ref"),
    Index(None, "channel_id", "state"),
    Index(None, "channel_id", "first_seen_at"),
    Index(None, "reservation_ref"),
    Index(None, "applied_at"),
    Index(None, "placed_at"),
    Index(None, "number"),
)

POSTED = ("soft", "hard", "shipped", "restocked", "quarantined")

order_lines = Table(
    "order_lines",
    metadata,
    Column("id", Key, primary_key=True),
    Column("order_id", BigInteger, ForeignKey("orders.id"), nullable=False),
    Column("line_ref", String(255), nullable=False),
    Column("sku_id", BigInteger, nullable=False),
    Column("location_id", BigInteger, nullable=False),
    Column("shelf_id", BigInteger),  # the shelf whose number the shop itself moved for this line
    Column("pack", Integer, nullable=False, server_default=text("1")),  # frozen at first application
    Column("bundle_id", BigInteger),  # the SKU that was sold, where that is a bundle and this one of its parts
    count("quantity"),
    *(count(name) for name in POSTED),
    count("took"),
    count("withheld"),
    Column("hold_until", Utc),
    count("documented"),  # at an authority's location: shipped by its own documents, as far as we know
    count("debited"),  # of what was shipped: proved to be out of the authority's number; where the ledger counts, all of it
    UniqueConstraint("order_id", "line_ref", "sku_id", "location_id"),
    *not_negative(*POSTED, "withheld"),
    Index(
        "ix_order_lines_held",
        "sku_id",
        "location_id",
        sqlite_where=text("soft > 0 OR hard > 0"),
        postgresql_where=text("soft > 0 OR hard > 0"),
    ),
    Index("ix_order_lines_withheld", "shelf_id", sqlite_where=text("withheld > 0"), postgresql_where=text("withheld > 0")),
    Index(None, "sku_id", "order_id"),
    Index("ix_order_lines_expiring", "hold_until", sqlite_where=text("soft > 0"), postgresql_where=text("soft > 0")),
)
"""What is already posted per (order, line, SKU, location): the net effect is desired minus this.

Of an order from before the opening, what was shipped, restocked or quarantined by then is recorded here without a movement.
"""

hand_shipments = Table(
    "hand_shipments",
    metadata,
    Column("id", Key, primary_key=True),
    Column("sku_id", BigInteger, ForeignKey("skus.id"), nullable=False),
    Column("location_id", BigInteger, ForeignKey("locations.id"), nullable=False),
    Column("reference", String(255), nullable=False, server_default=""),
    Column("units", BigInteger, nullable=False),
    Column("shipped_at", Utc, nullable=False),
    Index(None, "sku_id", "location_id"),
)
"""Reservations that were shipped at an authority's location and are not proved to be out of its number: their part of pending_debit."""
