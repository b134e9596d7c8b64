"""The first schema.

Revision ID: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _catalogue()
    _stock()
    _shelves()
    _orders()
    _household()


def _catalogue() -> None:
    op.create_table(
        "facts",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_facts")),
    )
    op.create_table(
        "locations",
        sa.Column("id", KEY, nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("priority", sa.Integer(), server_default=sa.text("100"), nullable=False),
        sa.CheckConstraint("kind IN ('warehouse', 'retail', 'fulfilment', 'virtual')", name=op.f("ck_locations_kind")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_locations")),
        sa.UniqueConstraint("code", name=op.f("uq_locations_code")),
    )
    op.create_table(
        "skus",
        sa.Column("id", KEY, nullable=False),
        sa.Column("sku", sa.String(length=255), nullable=False),
        sa.Column("title", sa.Text(), server_default="", nullable=False),
        sa.Column("backorder", sa.String(length=8), server_default="deny", nullable=False),
        sa.Column("backorder_limit", sa.BigInteger()),
        sa.Column("counted", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("backorder IN ('deny', 'allow', 'preorder')", name=op.f("ck_skus_backorder")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_skus")),
        sa.UniqueConstraint("sku", name=op.f("uq_skus_sku")),
    )
    op.create_table(
        "channels",
        sa.Column("id", KEY, nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("connector", sa.String(length=64), nullable=False),
        sa.Column("shop", sa.String(length=255)),
        sa.Column("location_id", sa.BigInteger()),
        sa.Column("opened_at", sa.BigInteger()),
        sa.Column("paused_at", sa.BigInteger()),
        sa.Column("paused_reason", sa.Text()),
        sa.Column("read_seq", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("lease_owner", sa.String(length=128)),
        sa.Column("lease_version", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("lease_until", sa.BigInteger()),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["location_id"], ["locations.id"], name=op.f("fk_channels_location_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_channels")),
        sa.UniqueConstraint("name", name=op.f("uq_channels_name")),
    )
    op.create_table(
        "listings",
        sa.Column("id", KEY, nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("ref", sa.String(length=255), nullable=False),
        sa.Column("sku_text", sa.String(length=255)),
        sa.Column("title", sa.Text(), server_default="", nullable=False),
        sa.Column("barcode", sa.String(length=64)),
        sa.Column("sku_id", sa.BigInteger()),
        sa.Column("pack", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("stock_ref", sa.String(length=255)),
        sa.Column("tracked", sa.Boolean(), nullable=False),
        sa.Column("problem", sa.Text()),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("removed_at", sa.BigInteger()),
        sa.Column("linked_at", sa.BigInteger()),
        sa.CheckConstraint("pack > 0", name=op.f("ck_listings_pack")),
        sa.ForeignKeyConstraint(["channel_id"], ["channels.id"], name=op.f("fk_listings_channel_id")),
        sa.ForeignKeyConstraint(["sku_id"], ["skus.id"], name=op.f("fk_listings_sku_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_listings")),
        sa.UniqueConstraint("channel_id", "ref", name=op.f("uq_listings_channel_id_ref")),
    )
    op.create_index(op.f("ix_listings_sku_id"), "listings", ["sku_id"], unique=False)
    op.create_table(
        "listing_aliases",
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("alias", sa.String(length=255), nullable=False),
        sa.Column("listing_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["listing_id"], ["listings.id"], name=op.f("fk_listing_aliases_listing_id")),
        sa.PrimaryKeyConstraint("channel_id", "alias", name=op.f("pk_listing_aliases")),
    )


def _stock() -> None:
    op.create_table(
        "stock_levels",
        sa.Column("sku_id", sa.BigInteger(), nullable=False),
        sa.Column("location_id", sa.BigInteger(), nullable=False),
        sa.Column("on_hand", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("soft", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("hard", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("incoming", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("quarantined", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("damaged", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("pending_debit", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("held_elsewhere", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint("damaged >= 0", name=op.f("ck_stock_levels_damaged_not_negative")),
        sa.CheckConstraint("hard >= 0", name=op.f("ck_stock_levels_hard_not_negative")),
        sa.CheckConstraint("held_elsewhere >= 0", name=op.f("ck_stock_levels_held_elsewhere_not_negative")),
        sa.CheckConstraint("incoming >= 0", name=op.f("ck_stock_levels_incoming_not_negative")),
        sa.CheckConstraint("on_hand >= 0", name=op.f("ck_stock_levels_on_hand_not_negative")),
        sa.CheckConstraint("pending_debit >= 0", name=op.f("ck_stock_levels_pending_debit_not_negative")),
        sa.CheckConstraint("quarantined >= 0", name=op.f("ck_stock_levels_quarantined_not_negative")),
        sa.CheckConstraint("soft >= 0", name=op.f("ck_stock_levels_soft_not_negative")),
        sa.ForeignKeyConstraint(["location_id"], ["locations.id"], name=op.f("fk_stock_levels_location_id")),
        sa.ForeignKeyConstraint(["sku_id"], ["skus.id"], name=op.f("fk_stock_levels_sku_id")),
        sa.PrimaryKeyConstraint("sku_id", "location_id", name=op.f("pk_stock_levels")),
    )
    op.create_table(
        "movements",
        sa.Column("id", KEY, nullable=False),
        sa.Column("sku_id", sa.BigInteger(), nullable=False),
        sa.Column("location_id", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.String(length=16), nullable=False),
        sa.Column("on_hand", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("soft", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("hard", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("incoming", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("quarantined", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("damaged", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("pending_debit", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("held_elsewhere", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("reference", sa.String(length=255), server_default="", nullable=False),
        sa.Column("reason", sa.String(length=255), server_default="", nullable=False),
        sa.Column("actor", sa.String(length=128), server_default="", nullable=False),
        sa.Column("channel_id", sa.BigInteger()),
        sa.Column("occurred_at", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_movements")),
    )
    op.create_index(op.f("ix_movements_reference"), "movements", ["reference"], unique=False)
    op.create_index(op.f("ix_movements_sku_id_location_id_id"), "movements", ["sku_id", "location_id", "id"], unique=False)
    op.create_table(
        "reservations",
        sa.Column("id", KEY, nullable=False),
        sa.Column("reference", sa.String(length=255), nullable=False),
        sa.Column("sku_id", sa.BigInteger(), nullable=False),
        sa.Column("location_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=4), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("open", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=10), server_default="open", nullable=False),
        sa.Column("expires_at", sa.BigInteger()),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("resolved_at", sa.BigInteger()),
        sa.CheckConstraint("(state = 'open') = (open > 0)", name=op.f("ck_reservations_open_while_held")),
        sa.CheckConstraint("kind = 'soft' OR expires_at IS NULL", name=op.f("ck_reservations_hard_never_expires")),
        sa.CheckConstraint("kind IN ('soft', 'hard')", name=op.f("ck_reservations_kind")),
        sa.CheckConstraint("state IN ('open', 'released', 'expired', 'committed', 'fulfilled')", name=op.f("ck_reservations_state")),
        sa.CheckConstraint("open >= 0 AND open <= quantity AND quantity > 0", name=op.f("ck_reservations_open_within_quantity")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reservations")),
    )
    op.create_index(
        "ix_reservations_expiring",
        "reservations",
        ["expires_at"],
        unique=False,
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_index(
        "ix_reservations_held",
        "reservations",
        ["sku_id", "location_id"],
        unique=False,
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_index(op.f("ix_reservations_reference"), "reservations", ["reference"], unique=False)


def _shelves() -> None:
    op.create_table(
        "shelves",
        sa.Column("id", KEY, nullable=False),
        sa.Column("listing_id", sa.BigInteger(), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("location", sa.String(length=255), server_default="", nullable=False),
        sa.Column("safety_stock", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("skip", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("book", sa.BigInteger()),
        sa.Column("target", sa.BigInteger()),
        sa.Column("due", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("own_seq", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("gap", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("gap_since", sa.BigInteger()),
        sa.Column("asked_at", sa.BigInteger()),
        sa.Column("verify", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("rebased_at", sa.BigInteger()),
        sa.Column("adopted", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("aside_reason", sa.Text()),
        sa.Column("aside_at", sa.BigInteger()),
        sa.Column("reading", sa.BigInteger()),
        sa.Column("read_at", sa.BigInteger()),
        sa.Column("retry_at", sa.BigInteger()),
        sa.ForeignKeyConstraint(["listing_id"], ["listings.id"], name=op.f("fk_shelves_listing_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shelves")),
        sa.UniqueConstraint("listing_id", "location", name=op.f("uq_shelves_listing_id_location")),
    )
    op.create_index(op.f("ix_shelves_channel_id_read_at"), "shelves", ["channel_id", "read_at"], unique=False)
    op.create_index("ix_shelves_due", "shelves", ["channel_id"], unique=False, sqlite_where=sa.text("due"), postgresql_where=sa.text("due"))
    op.create_table(
        "shelf_feeds",
        sa.Column("shelf_id", sa.BigInteger(), nullable=False),
        sa.Column("location_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["location_id"], ["locations.id"], name=op.f("fk_shelf_feeds_location_id")),
        sa.ForeignKeyConstraint(["shelf_id"], ["shelves.id"], name=op.f("fk_shelf_feeds_shelf_id")),
        sa.PrimaryKeyConstraint("shelf_id", "location_id", name=op.f("pk_shelf_feeds")),
    )
    op.create_table(
        "push_calls",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("raises", sa.Boolean(), nullable=False),
        sa.Column("carrier", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("lease_version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("first_sent_at", sa.BigInteger()),
        sa.Column("last_sent_at", sa.BigInteger()),
        sa.Column("sends", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("settled_at", sa.BigInteger()),
        sa.CheckConstraint("state IN ('armed', 'sent', 'unknown', 'settled')", name=op.f("ck_push_calls_state")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_push_calls")),
    )
    op.create_index(op.f("ix_push_calls_settled_at"), "push_calls", ["settled_at"], unique=False)
    op.create_index(
        "ix_push_calls_open",
        "push_calls",
        ["channel_id"],
        unique=False,
        sqlite_where=sa.text("state <> 'settled'"),
        postgresql_where=sa.text("state <> 'settled'"),
    )
    op.create_table(
        "attempts",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("call_key", sa.String(length=64), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("shelf_id", sa.BigInteger(), nullable=False),
        sa.Column("target", sa.BigInteger(), nullable=False),
        sa.Column("book_at", sa.BigInteger(), nullable=False),
        sa.Column("delta", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.Column("compare", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("shows", sa.BigInteger()),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("settled_at", sa.BigInteger()),
        sa.CheckConstraint(
            "state IN ('armed', 'sent', 'unknown', 'ok', 'stale', 'refused', 'not_sent', 'withdrawn', 'bracketed')",
            name=op.f("ck_attempts_state"),
        ),
        sa.ForeignKeyConstraint(["call_key"], ["push_calls.key"], name=op.f("fk_attempts_call_key")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempts")),
    )
    op.create_index(op.f("ix_attempts_call_key"), "attempts", ["call_key"], unique=False)
    op.create_index(op.f("ix_attempts_shelf_id_created_at"), "attempts", ["shelf_id", "created_at"], unique=False)
    op.create_index(
        "uq_attempts_open",
        "attempts",
        ["shelf_id"],
        unique=True,
        sqlite_where=sa.text("state IN ('armed', 'sent', 'unknown')"),
        postgresql_where=sa.text("state IN ('armed', 'sent', 'unknown')"),
    )
    op.create_table(
        "book_entries",
        sa.Column("id", KEY, nullable=False),
        sa.Column("shelf_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("delta", sa.BigInteger(), nullable=False),
        sa.Column("attempt_id", sa.String(length=80)),
        sa.Column("order_id", sa.BigInteger()),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('opening', 'write', 'took', 'gave_back', 'rebase', 'adopted', 'returned')", name=op.f("ck_book_entries_kind")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_book_entries")),
    )
    op.create_index(op.f("ix_book_entries_shelf_id_id"), "book_entries", ["shelf_id", "id"], unique=False)


def _orders() -> None:
    op.create_table(
        "orders",
        sa.Column("id", KEY, nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("ref", sa.String(length=255), nullable=False),
        sa.Column("number", sa.String(length=64), server_default="", nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("modified_at", sa.BigInteger(), nullable=False),
        sa.Column("read_seq", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("direct", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("snapshot", sa.JSON(), nullable=False),
        sa.Column("before_opening", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("reservation_ref", sa.String(length=255)),
        sa.Column("placed_at", sa.BigInteger(), nullable=False),
        sa.Column("first_seen_at", sa.BigInteger(), nullable=False),
        sa.Column("applied_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["channel_id"], ["channels.id"], name=op.f("fk_orders_channel_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_orders")),
        sa.UniqueConstraint("channel_id", "ref", name=op.f("uq_orders_channel_id_ref")),
    )
    op.create_index(op.f("ix_orders_channel_id_state"), "orders", ["channel_id", "state"], unique=False)
    op.create_index(op.f("ix_orders_reservation_ref"), "orders", ["reservation_ref"], unique=False)
    op.create_table(
        "order_lines",
        sa.Column("id", KEY, nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("line_ref", sa.String(length=255), nullable=False),
        sa.Column("sku_id", sa.BigInteger(), nullable=False),
        sa.Column("location_id", sa.BigInteger(), nullable=False),
        sa.Column("shelf_id", sa.BigInteger()),
        sa.Column("pack", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("quantity", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("soft", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("hard", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("shipped", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("restocked", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("quarantined", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("took", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("withheld", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("hold_until", sa.BigInteger()),
        sa.CheckConstraint("hard >= 0", name=op.f("ck_order_lines_hard_not_negative")),
        sa.CheckConstraint("quarantined >= 0", name=op.f("ck_order_lines_quarantined_not_negative")),
        sa.CheckConstraint("restocked >= 0", name=op.f("ck_order_lines_restocked_not_negative")),
        sa.CheckConstraint("shipped >= 0", name=op.f("ck_order_lines_shipped_not_negative")),
        sa.CheckConstraint("soft >= 0", name=op.f("ck_order_lines_soft_not_negative")),
        sa.CheckConstraint("withheld >= 0", name=op.f("ck_order_lines_withheld_not_negative")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_order_lines_order_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_lines")),
        sa.UniqueConstraint(
            "order_id", "line_ref", "sku_id", "location_id", name=op.f("uq_order_lines_order_id_line_ref_sku_id_location_id")
        ),
    )
    op.create_index(
        "ix_order_lines_expiring",
        "order_lines",
        ["hold_until"],
        unique=False,
        sqlite_where=sa.text("soft > 0"),
        postgresql_where=sa.text("soft > 0"),
    )
    op.create_index(
        "ix_order_lines_held",
        "order_lines",
        ["sku_id", "location_id"],
        unique=False,
        sqlite_where=sa.text("soft > 0 OR hard > 0"),
        postgresql_where=sa.text("soft > 0 OR hard > 0"),
    )
    op.create_index(
        "ix_order_lines_withheld",
        "order_lines",
        ["shelf_id"],
        unique=False,
        sqlite_where=sa.text("withheld > 0"),
        postgresql_where=sa.text("withheld > 0"),
    )
    op.create_table(
        "inbox",
        sa.Column("id", KEY, nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("headers", sa.JSON(), nullable=False),
        sa.Column("body", sa.LargeBinary()),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=8), server_default="received", nullable=False),
        sa.Column("tries", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("claimed_until", sa.BigInteger()),
        sa.Column("settled_at", sa.BigInteger()),
        sa.CheckConstraint("state IN ('received', 'done', 'aside')", name=op.f("ck_inbox_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbox")),
        sa.UniqueConstraint("channel_id", "key", name=op.f("uq_inbox_channel_id_key")),
    )
    op.create_index(
        "ix_inbox_bodies",
        "inbox",
        ["received_at"],
        unique=False,
        sqlite_where=sa.text("state = 'done' AND body IS NOT NULL"),
        postgresql_where=sa.text("state = 'done' AND body IS NOT NULL"),
    )
    op.create_index(
        "ix_inbox_keys",
        "inbox",
        ["received_at"],
        unique=False,
        sqlite_where=sa.text("state = 'done' AND body IS NULL"),
        postgresql_where=sa.text("state = 'done' AND body IS NULL"),
    )
    op.create_index(
        "ix_inbox_waiting",
        "inbox",
        ["id"],
        unique=False,
        sqlite_where=sa.text("state = 'received'"),
        postgresql_where=sa.text("state = 'received'"),
    )
    op.create_table(
        "cursors",
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("stream", sa.String(length=32), nullable=False),
        sa.Column("high_water", sa.Text()),
        sa.Column("resume", sa.Text()),
        sa.Column("looked_at", sa.BigInteger()),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["channel_id"], ["channels.id"], name=op.f("fk_cursors_channel_id")),
        sa.PrimaryKeyConstraint("channel_id", "stream", name=op.f("pk_cursors")),
    )


def _household() -> None:
    op.create_table(
        "findings",
        sa.Column("id", KEY, nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("channel_id", sa.BigInteger()),
        sa.Column("sku_id", sa.BigInteger()),
        sa.Column("reference", sa.String(length=255), server_default="", nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("resolved_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_findings")),
    )
    op.create_index(op.f("ix_findings_kind_resolved_at"), "findings", ["kind", "resolved_at"], unique=False)
    op.create_index(op.f("ix_findings_sku_id"), "findings", ["sku_id"], unique=False)
    op.create_table(
        "idempotency_keys",
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("verb", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("result", sa.JSON(), nullable=False),
        sa.Column("kept", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_idempotency_keys")),
    )
    op.create_index(op.f("ix_idempotency_keys_created_at"), "idempotency_keys", ["created_at"], unique=False)
    op.create_table(
        "rejections",
        sa.Column("channel", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.String(length=128), nullable=False),
        sa.Column("count", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("channel", "reason", name=op.f("pk_rejections")),
    )
    op.create_table(
        "set_aside",
        sa.Column("id", KEY, nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("ref", sa.String(length=255), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("resolved_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_set_aside")),
        sa.UniqueConstraint("channel_id", "kind", "ref", name=op.f("uq_set_aside_channel_id_kind_ref")),
    )
