"""Levels to watch, what is low, alerts and their messages.

Revision ID: 0011
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
ZERO = sa.text("0")


def upgrade() -> None:
    _stock()
    _alerts()
    _messages()


def _stock() -> None:
    op.create_table(
        "reorder_levels",
        sa.Column("sku_id", sa.BigInteger(), nullable=False),
        sa.Column("location_id", sa.BigInteger(), server_default=ZERO, nullable=False),
        sa.Column("low", sa.BigInteger()),
        sa.Column("reorder", sa.BigInteger()),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_by", sa.String(length=128), server_default="", nullable=False),
        sa.CheckConstraint("low >= 0", name=op.f("ck_reorder_levels_low_not_negative")),
        sa.CheckConstraint("reorder >= 0", name=op.f("ck_reorder_levels_reorder_not_negative")),
        sa.ForeignKeyConstraint(["sku_id"], ["skus.id"], name=op.f("fk_reorder_levels_sku_id")),
        sa.PrimaryKeyConstraint("sku_id", "location_id", name=op.f("pk_reorder_levels")),
    )
    op.create_table(
        "stock_looks",
        sa.Column("sku_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("sku_id", name=op.f("pk_stock_looks")),
    )
    op.create_table(
        "low_stock",
        sa.Column("id", KEY, nullable=False),
        sa.Column("sku_id", sa.BigInteger(), nullable=False),
        sa.Column("location_id", sa.BigInteger(), server_default=ZERO, nullable=False),
        sa.Column("available", sa.BigInteger(), nullable=False),
        sa.Column("level", sa.BigInteger(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("out_since", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_low_stock")),
        sa.UniqueConstraint("sku_id", "location_id", name=op.f("uq_low_stock_sku_id_location_id")),
    )


def _alerts() -> None:
    op.create_table(
        "alert_marks",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("value", sa.BigInteger(), server_default=ZERO, nullable=False),
        sa.Column("said", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_alert_marks")),
    )
    op.create_table(
        "alerts",
        sa.Column("id", KEY, nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("severity", sa.String(length=8), nullable=False),
        sa.Column("source_id", sa.BigInteger(), nullable=False),
        sa.Column("location_id", sa.BigInteger(), server_default=ZERO, nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("resolved_at", sa.BigInteger()),
        sa.CheckConstraint("severity IN ('info', 'warning', 'critical')", name=op.f("ck_alerts_severity")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alerts")),
    )
    standing = sa.text("resolved_at IS NULL")
    about = ["kind", "source_id", "location_id"]
    op.create_index("ix_alerts_open", "alerts", about, unique=True, sqlite_where=standing, postgresql_where=standing)
    op.create_index(op.f("ix_alerts_source_id_kind"), "alerts", ["source_id", "kind"], unique=False)
    op.create_index(op.f("ix_alerts_resolved_at"), "alerts", ["resolved_at"], unique=False)


def _messages() -> None:
    op.create_table(
        "alert_targets",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("tries", sa.Integer(), server_default=ZERO, nullable=False),
        sa.Column("next_at", sa.BigInteger()),
        sa.Column("claimed_until", sa.BigInteger()),
        sa.Column("disabled_at", sa.BigInteger()),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_alert_targets")),
    )
    op.create_table(
        "alert_messages",
        sa.Column("id", KEY, nullable=False),
        sa.Column("alert_id", sa.BigInteger()),
        sa.Column("event", sa.String(length=8), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("severity", sa.String(length=8), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("target", sa.String(length=64), nullable=False),
        sa.Column("route", sa.String(length=64), server_default="", nullable=False),
        sa.Column("state", sa.String(length=8), server_default="waiting", nullable=False),
        sa.Column("tries", sa.Integer(), server_default=ZERO, nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("queued_at", sa.BigInteger(), nullable=False),
        sa.Column("done_at", sa.BigInteger()),
        sa.CheckConstraint("event IN ('opened', 'resolved', 'summary')", name=op.f("ck_alert_messages_event")),
        sa.CheckConstraint("state IN ('waiting', 'sent', 'failed', 'held', 'merged')", name=op.f("ck_alert_messages_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_messages")),
        sa.UniqueConstraint("alert_id", "event", "target", name=op.f("uq_alert_messages_alert_id_event_target")),
    )
    for name, columns, state in (("waiting", ["target", "id"], "waiting"), ("held", ["route", "target"], "held")):
        which = sa.text(f"state = '{state}'")
        op.create_index(f"ix_alert_messages_{name}", "alert_messages", columns, unique=False, sqlite_where=which, postgresql_where=which)
    columns = ["route", "target", "created_at"]
    op.create_index(op.f("ix_alert_messages_route_target_created_at"), "alert_messages", columns, unique=False)
    op.create_index(op.f("ix_alert_messages_done_at"), "alert_messages", ["done_at"], unique=False)
