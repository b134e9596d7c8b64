"""Every table of the ledger, as SQLAlchemy Core metadata. Migrations build the same (a test compares them); triggers are in `triggers`.

Times are instants (`types.Utc`). Quantities are whole SKU units, except on `shelves`, `attempts`, `book_entries` and the columns `took` and
`withheld` of `order_lines`, which are in the listing's units (a six-pack counts 1).
"""

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
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

from channelsync.ledger.types import Key, Utc

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _count(name: str, default: int = 0) -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default=text(str(default)))


def _not_negative(*names: str) -> list[CheckConstraint]:
    return [CheckConstraint(f"{name} >= 0", name=f"{name}_not_negative") for name in names]


BUCKETS = ("on_hand", "soft", "hard", "incoming", "quarantined", "damaged", "pending_debit", "held_elsewhere")

facts = Table("facts", metadata, Column("name", String(64), primary_key=True), Column("value", Text, nullable=False))
"""What this database is: store id, and who made it."""

locations = Table(
    "locations",
    metadata,
    Column("id", Key, primary_key=True),
    Column("code", String(64), nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("priority", Integer, nullable=False, server_default=text("100")),
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
    Column(
        "counted", Boolean, nullable=False, server_default=false()
    ),  # has ever had physical units posted; before that, oversell means nothing
    Column("created_at", Utc, nullable=False),
    CheckConstraint("backorder IN ('deny', 'allow', 'preorder')", name="backorder"),
)

stock_levels = Table(
    "stock_levels",
    metadata,
    Column("sku_id", BigInteger, ForeignKey("skus.id"), nullable=False),
    Column("location_id", BigInteger, ForeignKey("locations.id"), nullable=False),
    *(_count(bucket) for bucket in BUCKETS),
    PrimaryKeyConstraint("sku_id", "location_id"),
    *_not_negative(*BUCKETS),
)

movements = Table(
    "movements",
    metadata,
    Column("id", Key, primary_key=True),
    Column("sku_id", BigInteger, nullable=False),  # no foreign keys on the hot path: `audit` checks them
    Column("location_id", BigInteger, nullable=False),
    Column("type", String(16), nullable=False),
    *(_count(bucket) for bucket in BUCKETS),
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

channels = Table(
    "channels",
    metadata,
    Column("id", Key, primary_key=True),
    Column("name", String(64), nullable=False, unique=True),
    Column("connector", String(64), nullable=False),
    Column("shop", String(255)),  # the shop's own identity; a channel name belongs to one shop for ever
    Column("location_id", BigInteger, ForeignKey("locations.id")),  # where orders without a location are taken from
    Column("opened_at", Utc),  # the cut-off instant of its first applied plan; before that nothing is written to it
    Column("paused_at", Utc),
    Column("paused_reason", Text),
    _count("read_seq"),
    Column("lease_owner", String(128)),
    _count("lease_version"),
    Column("lease_until", Utc),
    Column("created_at", Utc, nullable=False),
)

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
    Column("seen_at", Utc, nullable=False),
    Column("removed_at", Utc),
    Column("linked_at", Utc),  # first linked or unlinked: from then on automatic matching leaves it alone, whatever its SKU text becomes
    UniqueConstraint("channel_id", "ref"),
    CheckConstraint("pack > 0", name="pack"),
    Index(None, "sku_id"),
)

listing_aliases = Table(
    "listing_aliases",
    metadata,
    Column("channel_id", BigInteger, nullable=False),
    Column("alias", String(255), nullable=False),
    Column("listing_id", BigInteger, ForeignKey("listings.id"), nullable=False),
    PrimaryKeyConstraint("channel_id", "alias"),
)

shelves = Table(
    "shelves",
    metadata,
    Column("id", Key, primary_key=True),
    Column("listing_id", BigInteger, ForeignKey("listings.id"), nullable=False),
    Column("channel_id", BigInteger, nullable=False),
    Column("location", String(255), nullable=False, server_default=""),  # the channel's own ref
    # rules, resolved from the config
    _count("safety_stock"),
    Column("skip", Boolean, nullable=False, server_default=false()),
    # the safe push (NULL book: no closed reading yet, nothing may be written)
    Column("book", BigInteger),
    Column("target", BigInteger),
    Column("due", Boolean, nullable=False, server_default=false()),
    _count("version"),  # moves with every change of target or book: the ledger version an attempt was computed from
    _count("own_seq"),  # moves with every own effect that was booked: closes brackets
    Column("gap", BigInteger, nullable=False, server_default=text("0")),
    Column("gap_since", Utc),
    Column("asked_at", Utc),  # a person was asked what to do with the gap
    Column("verify", Boolean, nullable=False, server_default=false()),
    Column("rebased_at", Utc),  # the shop's clock of the reading that the book was last replaced by
    _count("adopted"),
    Column("aside_reason", Text),
    Column("aside_at", Utc),
    # the last look
    Column("reading", BigInteger),
    Column("read_at", Utc),
    Column("retry_at", Utc),  # no write before this (after a refusal that may pass)
    UniqueConstraint("listing_id", "location"),
    Index("ix_shelves_due", "channel_id", sqlite_where=text("due"), postgresql_where=text("due")),
    Index(None, "channel_id", "read_at"),
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
    _count("sends"),
    Column("settled_at", Utc),
    CheckConstraint("state IN ('armed', 'sent', 'unknown', 'settled')", name="state"),
    Index(None, "settled_at"),
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

orders = Table(
    "orders",
    metadata,
    Column("id", Key, primary_key=True),
    Column("channel_id", BigInteger, ForeignKey("channels.id"), nullable=False),
    Column("ref", String(255), nullable=False),
    Column("number", String(64), nullable=False, server_default=""),
    Column("state", String(10), nullable=False),
    Column("modified_at", Utc, nullable=False),
    _count("read_seq"),
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
    Index(None, "reservation_ref"),
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
    _count("quantity"),
    *(_count(name) for name in POSTED),
    _count("took"),
    _count("withheld"),
    Column("hold_until", Utc),
    UniqueConstraint("order_id", "line_ref", "sku_id", "location_id"),
    *_not_negative(*POSTED, "withheld"),
    Index(
        "ix_order_lines_held",
        "sku_id",
        "location_id",
        sqlite_where=text("soft > 0 OR hard > 0"),
        postgresql_where=text("soft > 0 OR hard > 0"),
    ),
    Index("ix_order_lines_withheld", "shelf_id", sqlite_where=text("withheld > 0"), postgresql_where=text("withheld > 0")),
    Index("ix_order_lines_expiring", "hold_until", sqlite_where=text("soft > 0"), postgresql_where=text("soft > 0")),
)
"""What is already posted per (order, line, SKU, location): the net effect is desired minus this.

Of an order from before the opening, what was shipped, restocked or quarantined by then is recorded here without a movement.
"""

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

set_aside = Table(
    "set_aside",
    metadata,
    Column("id", Key, primary_key=True),
    Column("channel_id", BigInteger, nullable=False),
    Column("kind", String(16), nullable=False),  # order, line, delivery, listing, shelf
    Column("ref", String(255), nullable=False),
    Column("reason", Text, nullable=False),
    Column("payload", Text, nullable=False, server_default=""),
    Column("created_at", Utc, nullable=False),
    Column("updated_at", Utc, nullable=False),
    Column("resolved_at", Utc),
    UniqueConstraint("channel_id", "kind", "ref"),
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
)

rejections = Table(
    "rejections",
    metadata,
    Column("channel", String(64), primary_key=True),
    Column("reason", String(128), primary_key=True),
    _count("count"),
    Column("last_at", Utc, nullable=False),
)
"""Deliveries whose signature did not verify, counted apart: a wrong secret is not the same as never called."""
