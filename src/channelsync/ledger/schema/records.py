"""What is kept beside the stock: facts about the database, deliveries, idempotency keys, what was set aside, findings."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

from channelsync.ledger.schema.base import metadata
from channelsync.ledger.types import Key, Utc

facts = Table("facts", metadata, Column("name", String(64), primary_key=True), Column("value", Text, nullable=False))
"""What this database is: store id, and who made it."""

DONE_WITH_BODY = "state = 'done' AND body IS NOT NULL"
DONE_KEY_ONLY = "state = 'done' AND body IS NULL"

inbox = Table(
    "inbox",
    metadata,
    Column("id", Key, primary_key=True),
    Column("channel_id", BigInteger, nullable=False),
    Column("key", String(128), nullable=False),
    Column("headers", JSON, nullable=False),
    Column("body", LargeBinary),  # NULL once it is past its retention
    Column("received_at", Utc, nullable=False),
    Column("state", String(8), nullable=False, server_default="received"),
    Column("tries", Integer, nullable=False, server_default=text("0")),
    Column("reason", Text, nullable=False, server_default=""),
    Column("claimed_until", Utc),
    Column("settled_at", Utc),
    UniqueConstraint("channel_id", "key"),
    CheckConstraint("state IN ('received', 'done', 'aside')", name="state"),
    Index("ix_inbox_waiting", "id", sqlite_where=text("state = 'received'"), postgresql_where=text("state = 'received'")),
    Index("ix_inbox_bodies", "received_at", sqlite_where=text(DONE_WITH_BODY), postgresql_where=text(DONE_WITH_BODY)),
    Index("ix_inbox_keys", "received_at", sqlite_where=text(DONE_KEY_ONLY), postgresql_where=text(DONE_KEY_ONLY)),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("key", String(255), primary_key=True),
    Column("verb", String(64), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("result", JSON, nullable=False),
    Column("kept", Boolean, nullable=False, server_default=false()),  # derived from an order: for ever
    Column("created_at", Utc, nullable=False),
    Index(None, "created_at"),
)

RESOLVED = "resolved_at IS NOT NULL"

set_aside = Table(
    "set_aside",
    metadata,
    Column("id", Key, primary_key=True),
    Column("channel_id", BigInteger, nullable=False),
    Column("kind", String(16), nullable=False),  # order, line, delivery, listing, shelf, export, physical
    Column("ref", String(255), nullable=False),
    Column("reason", Text, nullable=False),
    Column("payload", Text, nullable=False, server_default=""),
    Column("created_at", Utc, nullable=False),
    Column("updated_at", Utc, nullable=False),
    Column("resolved_at", Utc),
    UniqueConstraint("channel_id", "kind", "ref"),
    Index("ix_set_aside_open", "channel_id", sqlite_where=text("resolved_at IS NULL"), postgresql_where=text("resolved_at IS NULL")),
    Index("ix_set_aside_resolved", "resolved_at", sqlite_where=text(RESOLVED), postgresql_where=text(RESOLVED)),
)
"""What could not be applied, with its reason; visible, and replayed when the cause is gone."""

findings = Table(
    "findings",
    metadata,
    Column("id", Key, primary_key=True),
    Column("kind", String(32), nullable=False),  # oversell, shortage, drift, ...
    Column("channel_id", BigInteger),
    Column("sku_id", BigInteger),
    Column("reference", String(255), nullable=False, server_default=""),
    Column("detail", JSON, nullable=False),
    Column("created_at", Utc, nullable=False),
    Column("resolved_at", Utc),
    Index(None, "kind", "resolved_at"),
    Index(None, "sku_id"),
    Index("ix_findings_open", "kind", sqlite_where=text("resolved_at IS NULL"), postgresql_where=text("resolved_at IS NULL")),
)
