"""What people and programs are told: levels to watch, what is low now, alerts, and the messages that carry them."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
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
)

from channelsync.ledger.schema.base import count, metadata
from channelsync.ledger.types import Key, Utc

reorder_levels = Table(
    "reorder_levels",
    metadata,
    Column("sku_id", BigInteger, ForeignKey("skus.id"), nullable=False),
    count("location_id"),  # 0: the SKU over all locations
    Column("low", BigInteger),  # with so many left or fewer it is low; NULL: as the config says
    Column("reorder", BigInteger),  # how many to order then
    Column("updated_at", Utc, nullable=False),
    Column("updated_by", String(128), nullable=False, server_default=""),
    PrimaryKeyConstraint("sku_id", "location_id"),
    CheckConstraint("low >= 0", name="low_not_negative"),
    CheckConstraint("reorder >= 0", name="reorder_not_negative"),
)

stock_looks = Table("stock_looks", metadata, Column("sku_id", BigInteger, primary_key=True, autoincrement=False))
"""SKUs whose levels to watch have changed: they are looked at once, though nothing has moved."""

low_stock = Table(
    "low_stock",
    metadata,
    Column("id", Key, primary_key=True),
    Column("sku_id", BigInteger, nullable=False),
    count("location_id"),  # 0: over all locations
    Column("available", BigInteger, nullable=False),
    Column("level", BigInteger, nullable=False),
    Column("since", Utc, nullable=False),
    Column("out_since", Utc),  # none was left, and it has not recovered yet
    UniqueConstraint("sku_id", "location_id"),
)
"""What is low and has not recovered. A crossing makes a row, and only the end of a row arms the next crossing."""

alert_marks = Table(
    "alert_marks",
    metadata,
    Column("name", String(32), primary_key=True),
    count("value"),
    Column("said", Text, nullable=False, server_default=""),
)
"""How far each source of alerts was looked through."""

alerts = Table(
    "alerts",
    metadata,
    Column("id", Key, primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("severity", String(8), nullable=False),
    Column("source_id", BigInteger, nullable=False),  # of what it is about: a SKU, a finding, something aside, a channel; `kind` says which
    count("location_id"),
    Column("title", Text, nullable=False),
    Column("data", JSON, nullable=False),
    Column("created_at", Utc, nullable=False),
    Column("resolved_at", Utc),
    CheckConstraint("severity IN ('info', 'warning', 'critical')", name="severity"),
    Index(
        "ix_alerts_open",
        "kind",
        "source_id",
        "location_id",
        unique=True,
        sqlite_where=text("resolved_at IS NULL"),
        postgresql_where=text("resolved_at IS NULL"),
    ),
    Index(None, "source_id", "kind"),
    Index(None, "resolved_at"),
)
"""One row per opening of a matter; while it is open it is not opened again."""

alert_targets = Table(
    "alert_targets",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("tries", Integer, nullable=False, server_default=text("0")),  # that failed, one after the other
    Column("next_at", Utc),
    Column("claimed_until", Utc),
    Column("disabled_at", Utc),
    Column("reason", Text, nullable=False, server_default=""),
)
"""Where messages go. One that does not answer holds back its own messages and nobody else's, so they arrive in order."""

alert_messages = Table(
    "alert_messages",
    metadata,
    Column("id", Key, primary_key=True),
    Column("alert_id", BigInteger),  # NULL: a summary of several
    Column("event", String(8), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("severity", String(8), nullable=False),
    Column("title", Text, nullable=False),
    Column("data", JSON, nullable=False),
    Column("target", String(64), nullable=False),
    Column("route", String(64), nullable=False, server_default=""),
    Column("state", String(8), nullable=False, server_default="waiting"),
    Column("tries", Integer, nullable=False, server_default=text("0")),
    Column("reason", Text, nullable=False, server_default=""),
    Column("created_at", Utc, nullable=False),
    Column("queued_at", Utc, nullable=False),  # later than that, if a person has queued it again
    Column("done_at", Utc),
    UniqueConstraint("alert_id", "event", "target"),
    CheckConstraint("event IN ('opened', 'resolved', 'summary')", name="event"),
    CheckConstraint("state IN ('waiting', 'sent', 'failed', 'held', 'merged')", name="state"),
    Index("ix_alert_messages_waiting", "target", "id", sqlite_where=text("state = 'waiting'"), postgresql_where=text("state = 'waiting'")),
    Index("ix_alert_messages_failed", "target", sqlite_where=text("state = 'failed'"), postgresql_where=text("state = 'failed'")),
    Index("ix_alert_messages_held", "route", "target", sqlite_where=text("state = 'held'"), postgresql_where=text("state = 'held'")),
    Index(None, "route", "target", "created_at"),
    Index(None, "done_at"),
)
"""The queue. held: over its route's limit, told later in a summary (then merged)."""
