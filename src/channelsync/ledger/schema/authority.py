"""Stock authorities: what each of them said lies where, and our orders as it holds them. All numbers are in the authority's listing units."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
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

from channelsync.ledger.schema.base import count, metadata, not_negative
from channelsync.ledger.types import Key, Utc

authority_rows = Table(
    "authority_rows",
    metadata,
    Column("channel_id", BigInteger, ForeignKey("channels.id"), nullable=False),
    Column("listing_id", BigInteger, ForeignKey("listings.id"), nullable=False),
    Column("location", String(255), nullable=False),  # the authority's own ref
    # as last told
    Column("units", BigInteger),  # NULL: no number has come yet
    Column("reserved", BigInteger),  # NULL: it never said
    Column("read_as", String(64), nullable=False, server_default=""),
    count("read_seq"),
    Column("read_at", Utc),  # our clock when the run of that number began
    count("wanted_seq"),  # a question up to this one is not new enough: our own claims there have changed since
    Column("asked_at", Utc),  # asked for by name, last at
    Column("stale_since", Utc),  # since when it did not come although it should have
    # what it put into the ledger, in SKU units
    Column("sku_id", BigInteger),
    Column("location_id", BigInteger),
    Column("pack", Integer, nullable=False, server_default=text("1")),
    count("on_hand"),
    count("held"),
    PrimaryKeyConstraint("listing_id", "location"),
    *not_negative("on_hand", "held"),
    Index(None, "channel_id", "stale_since"),
    Index(None, "sku_id", "location_id"),
)
"""One row per number of an authority. A level there is the sum of what its rows put in."""

authority_guards = Table(
    "authority_guards",
    metadata,
    Column("channel_id", BigInteger, ForeignKey("channels.id"), primary_key=True, autoincrement=False),
    Column("asked_at", Utc, nullable=False),
    Column("zeroes", JSON, nullable=False),  # ids of the SKUs that the stopped reading would have zeroed
    Column("accepted", Boolean, nullable=False, server_default=false()),
)
"""A reading that was stopped; once a person has accepted it, one that zeroes no other SKU passes."""

exports = Table(
    "exports",
    metadata,
    Column("id", Key, primary_key=True),
    Column("channel_id", BigInteger, ForeignKey("channels.id"), nullable=False),
    Column("order_id", BigInteger, ForeignKey("orders.id"), nullable=False),
    Column("key", String(255), nullable=False),
    Column("number", String(64), nullable=False, server_default=""),
    Column("document", Text),  # the authority's own ref
    Column("due", Boolean, nullable=False, server_default=false()),
    Column("in_flight", Boolean, nullable=False, server_default=false()),  # sent and not answered: it may or may not hold
    count("sends"),  # since the last answer
    count("told_seq"),  # the question whose answer was applied last
    Column("sent_at", Utc),
    Column("confirmed_at", Utc),
    Column("retry_at", Utc),
    Column("undocumented_since", Utc),  # units left the house by the channel's word, and no document says so
    Column("aside_reason", Text),
    Column("aside_at", Utc),
    UniqueConstraint("channel_id", "order_id"),
    UniqueConstraint("channel_id", "key"),
    Index("ix_exports_due", "channel_id", sqlite_where=text("due"), postgresql_where=text("due")),
    Index(
        "ix_exports_undocumented",
        "undocumented_since",
        sqlite_where=text("undocumented_since IS NOT NULL"),
        postgresql_where=text("undocumented_since IS NOT NULL"),
    ),
)
"""One claim per order at each authority that owns units of it."""

OPEN_CLAIM = "told_held > 0 OR told_shipped > proven_shipped"

export_lines = Table(
    "export_lines",
    metadata,
    Column("id", Key, primary_key=True),
    Column("export_id", BigInteger, ForeignKey("exports.id"), nullable=False),
    Column("order_line_id", BigInteger, ForeignKey("order_lines.id"), nullable=False),
    Column("ref", String(255), nullable=False),
    Column("listing", String(255), nullable=False),
    Column("location", String(255), nullable=False),
    Column("pack", Integer, nullable=False),
    # what it should be, and what was asked for last
    count("quantity"),
    count("held"),
    count("asked_quantity"),
    count("asked_held"),
    count("settled_held"),  # what the answer to that said
    # what the authority said last
    count("told_held"),
    count("told_shipped"),
    count("shipped_seq"),  # questions up to this one may have been answered without the newest of these shipments
    count("proven_shipped"),  # of these: out of a number that was read afterwards
    count("low"),  # the least that held + shipped may have been while questions up to `low_until` were answered
    count("low_until"),
    UniqueConstraint("export_id", "ref"),
    Index(None, "order_line_id"),
    Index("ix_export_lines_open", "listing", "location", sqlite_where=text(OPEN_CLAIM), postgresql_where=text(OPEN_CLAIM)),
    *not_negative("quantity", "held", "told_held", "told_shipped", "proven_shipped", "low"),
)
