"""The safe push: shelves with book and target, what feeds them, calls, attempts, and the book's own log."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
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
    false,
    text,
)

from channelsync.ledger.schema.base import count, metadata
from channelsync.ledger.types import Key, Utc

shelves = Table(
    "shelves",
    metadata,
    Column("id", Key, primary_key=True),
    Column("listing_id", BigInteger, ForeignKey("listings.id"), nullable=False),
    Column("channel_id", BigInteger, nullable=False),
    Column("location", String(255), nullable=False, server_default=""),  # the channel's own ref
    # rules, resolved from `shelf_rules` (shares in hundredths of a percent), and where each of them stands
    count("safety_stock"),
    Column("safety_share", Integer, nullable=False, server_default=text("0")),
    Column("share", Integer, nullable=False, server_default=text("10000")),
    count("show_min"),
    Column("show_max", BigInteger),
    Column("plenty", BigInteger),
    Column("skip", Boolean, nullable=False, server_default=false()),
    Column("rules_from", JSON, nullable=False, server_default=text("'{}'")),
    Column("frozen", Boolean, nullable=False, server_default=false()),  # a person has: never due
    # the safe push (NULL book: no closed reading yet, nothing may be written)
    Column("book", BigInteger),
    Column("target", BigInteger),
    Column("due", Boolean, nullable=False, server_default=false()),
    count("version"),  # moves with every change of target or book: the ledger version an attempt was computed from
    count("own_seq"),  # moves with every own effect that was booked: closes brackets
    Column(
        "rises", BigInteger, nullable=False, server_default=text("0")
    ),  # moves with every rise of the target: what a look came too early for
    Column("gap", BigInteger, nullable=False, server_default=text("0")),
    Column("gap_since", Utc),
    Column("asked_at", Utc),  # a person was asked what to do with the gap
    Column("asked_shop_at", Utc),  # the shop's clock of the reading that was asked about
    Column("verify", Boolean, nullable=False, server_default=false()),
    Column("rebased_at", Utc),  # the shop's clock of the reading that the book was last replaced by
    count("adopted"),
    Column("aside_reason", Text),
    Column("aside_at", Utc),
    # the last look
    Column("reading", BigInteger),
    Column("read_at", Utc),
    Column("retry_at", Utc),  # no write before this (after a refusal that may pass)
    UniqueConstraint("listing_id", "location"),
    Index("ix_shelves_due", "channel_id", "target", "id", sqlite_where=text("due"), postgresql_where=text("due")),
    Index(None, "channel_id", "read_at", "id"),
    Index("ix_shelves_unopened", "channel_id", "read_at", "id", sqlite_where=text("book IS NULL"), postgresql_where=text("book IS NULL")),
    Index("ix_shelves_verify", "channel_id", sqlite_where=text("verify"), postgresql_where=text("verify")),
    Index("ix_shelves_frozen", "channel_id", sqlite_where=text("frozen"), postgresql_where=text("frozen")),
    Index("ix_shelves_gap", "channel_id", sqlite_where=text("gap <> 0"), postgresql_where=text("gap <> 0")),
)

shelf_feeds = Table(
    "shelf_feeds",
    metadata,
    Column("shelf_id", BigInteger, ForeignKey("shelves.id"), nullable=False),
    Column("location_id", BigInteger, ForeignKey("locations.id"), nullable=False),
    PrimaryKeyConstraint("shelf_id", "location_id"),
)

push_calls = Table(
    "push_calls",
    metadata,
    Column("key", String(64), primary_key=True),  # the idempotency key at the shop
    Column("channel_id", BigInteger, nullable=False),
    Column("raises", Boolean, nullable=False),
    Column("carrier", String(16), nullable=False),
    Column("state", String(8), nullable=False),
    Column("lease_version", BigInteger, nullable=False),
    Column("created_at", Utc, nullable=False),
    Column("first_sent_at", Utc),
    Column("last_sent_at", Utc),
    count("sends"),
    Column("settled_at", Utc),
    CheckConstraint("state IN ('armed', 'sent', 'unknown', 'settled')", name="state"),
    Index(None, "settled_at"),
    Index(None, "channel_id", "settled_at"),
    Index("ix_push_calls_open", "channel_id", sqlite_where=text("state <> 'settled'"), postgresql_where=text("state <> 'settled'")),
)

OPEN_ATTEMPT = "state IN ('armed', 'sent', 'unknown')"

attempts = Table(
    "attempts",
    metadata,
    Column("id", String(80), primary_key=True),
    Column("call_key", String(64), ForeignKey("push_calls.key"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("shelf_id", BigInteger, nullable=False),
    Column("target", BigInteger, nullable=False),
    Column("book_at", BigInteger, nullable=False),
    Column("delta", BigInteger, nullable=False),
    Column("value", BigInteger, nullable=False),
    Column("compare", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("state", String(10), nullable=False),
    Column("reason", Text, nullable=False, server_default=""),
    Column("shows", BigInteger),
    Column("accepted", Boolean, nullable=False, server_default=false()),  # unknown, but the shop has it: it will take effect
    Column("created_at", Utc, nullable=False),
    Column("settled_at", Utc),
    CheckConstraint("state IN ('armed', 'sent', 'unknown', 'ok', 'stale', 'refused', 'not_sent', 'withdrawn', 'bracketed')", name="state"),
    Index("uq_attempts_open", "shelf_id", unique=True, sqlite_where=text(OPEN_ATTEMPT), postgresql_where=text(OPEN_ATTEMPT)),
    Index(None, "call_key"),
    Index(None, "shelf_id", "created_at"),
)

book_entries = Table(
    "book_entries",
    metadata,
    Column("id", Key, primary_key=True),
    Column("shelf_id", BigInteger, nullable=False),
    Column("kind", String(12), nullable=False),
    Column("delta", BigInteger, nullable=False),
    Column("attempt_id", String(80)),
    Column("order_id", BigInteger),
    Column("note", Text, nullable=False, server_default=""),
    Column("at", Utc, nullable=False),
    CheckConstraint("kind IN ('opening', 'write', 'took', 'gave_back', 'rebase', 'adopted', 'returned')", name="kind"),
    Index(None, "shelf_id", "id"),
)
"""The book's own log: `shelves.book` is the sum of its entries, and the shelf statement reads it line by line."""
