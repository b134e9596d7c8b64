"""What is watched about each channel: how its webhooks fare, how fast things arrive, and the guard against mass changes."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
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

from channelsync.ledger.schema.base import count, metadata
from channelsync.ledger.types import Key, Utc

webhook_states = Table(
    "webhook_states",
    metadata,
    Column("channel_id", BigInteger, ForeignKey("channels.id"), primary_key=True, autoincrement=False),
    Column("url", Text, nullable=False, server_default=""),  # where ours deliver; "": none was ever registered
    Column("ours", Integer, nullable=False, server_default=text("0")),
    Column("others", Integer, nullable=False, server_default=text("0")),
    Column("checked_at", Utc),  # the last comparison with the shop, good or bad
    Column("complete_at", Utc),  # the last one after which every topic was delivered to us
    Column("problem", Text),  # why the last comparison failed; NULL: it did not
    Column("delivered_at", Utc),  # the last delivery that verified
    Column("filled_at", Utc),  # the last back-fill after a repair, and from when on
    Column("filled_from", Utc),
)

webhook_changes = Table(
    "webhook_changes",
    metadata,
    Column("id", Key, primary_key=True),
    Column("channel_id", BigInteger, ForeignKey("channels.id"), nullable=False),
    Column("at", Utc, nullable=False),
    Column("change", String(16), nullable=False),  # made, armed
    Column("topic", String(255), nullable=False),
    Column("ref", String(255), nullable=False),
    Index(None, "channel_id", "id"),
)
"""Subscriptions that we had to make or switch on again; the newest of each channel are kept."""

pace = Table(
    "pace",
    metadata,
    Column("channel_id", BigInteger, nullable=False),
    Column("minute", Utc, nullable=False),
    count("deliveries"),
    Column("due", BigInteger),  # shelves that waited for a write; NULL: nobody counted them
    PrimaryKeyConstraint("channel_id", "minute"),
)
"""What came and what waited, minute by minute, for two hours."""

guards = Table(
    "guards",
    metadata,
    Column("channel_id", BigInteger, ForeignKey("channels.id"), primary_key=True, autoincrement=False),
    Column("zero_share", Float, nullable=False),
    Column("multiply", Float, nullable=False),
    Column("multiply_share", Float, nullable=False),
    Column("least", Integer, nullable=False),
    Column("window_seconds", Integer, nullable=False),
)
"""What the config allows to happen to a channel's numbers at once; a channel without a row is not guarded."""

guard_marks = Table(
    "guard_marks",
    metadata,
    Column("shelf_id", BigInteger, nullable=False),
    Column("kind", String(8), nullable=False),  # zero, multiply: a write of ours did; empty: the shop was read so
    Column("channel_id", BigInteger, nullable=False),
    Column("at", Utc, nullable=False),
    Column("accepted", Boolean, nullable=False, server_default=false()),
    PrimaryKeyConstraint("shelf_id", "kind"),
    Index(None, "channel_id", "kind", "at"),
)
"""Shelves that were emptied or multiplied lately: what happens bit by bit is judged as one."""

guard_passes = Table(
    "guard_passes",
    metadata,
    Column("shelf_id", BigInteger, primary_key=True, autoincrement=False),
    Column("channel_id", BigInteger, nullable=False),
    Column("target", BigInteger, nullable=False),
    Column("at", Utc, nullable=False),
    Index(None, "channel_id"),
)
"""Numbers that a person has let through, each until its shelf shows it."""
