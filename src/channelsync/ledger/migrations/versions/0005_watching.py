"""Why a channel is paused, what was measured about it, how its webhooks fare, and the guard against mass changes.

Revision ID: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("channels", sa.Column("paused_kind", sa.String(length=16)))
    _webhooks()
    _guard()
    _indexes()


def _webhooks() -> None:
    op.create_table(
        "webhook_states",
        sa.Column("channel_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("url", sa.Text(), server_default="", nullable=False),
        sa.Column("ours", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("others", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("checked_at", sa.BigInteger()),
        sa.Column("complete_at", sa.BigInteger()),
        sa.Column("problem", sa.Text()),
        sa.Column("delivered_at", sa.BigInteger()),
        sa.Column("filled_at", sa.BigInteger()),
        sa.Column("filled_from", sa.BigInteger()),
        sa.ForeignKeyConstraint(["channel_id"], ["channels.id"], name=op.f("fk_webhook_states_channel_id")),
        sa.PrimaryKeyConstraint("channel_id", name=op.f("pk_webhook_states")),
    )
    op.create_table(
        "webhook_changes",
        sa.Column("id", KEY, nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("change", sa.String(length=16), nullable=False),
        sa.Column("topic", sa.String(length=255), nullable=False),
        sa.Column("ref", sa.String(length=255), nullable=False),
        sa.ForeignKeyConstraint(["channel_id"], ["channels.id"], name=op.f("fk_webhook_changes_channel_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_changes")),
    )
    op.create_index(op.f("ix_webhook_changes_channel_id_id"), "webhook_changes", ["channel_id", "id"], unique=False)
    op.create_table(
        "pace",
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("minute", sa.BigInteger(), nullable=False),
        sa.Column("deliveries", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("due", sa.BigInteger()),
        sa.PrimaryKeyConstraint("channel_id", "minute", name=op.f("pk_pace")),
    )


def _guard() -> None:
    op.create_table(
        "guards",
        sa.Column("channel_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("zero_share", sa.Float(), nullable=False),
        sa.Column("multiply", sa.Float(), nullable=False),
        sa.Column("multiply_share", sa.Float(), nullable=False),
        sa.Column("least", sa.Integer(), nullable=False),
        sa.Column("window_seconds", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["channel_id"], ["channels.id"], name=op.f("fk_guards_channel_id")),
        sa.PrimaryKeyConstraint("channel_id", name=op.f("pk_guards")),
    )
    op.create_table(
        "guard_marks",
        sa.Column("shelf_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("accepted", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.PrimaryKeyConstraint("shelf_id", "kind", name=op.f("pk_guard_marks")),
    )
    op.create_index(op.f("ix_guard_marks_channel_id_kind_at"), "guard_marks", ["channel_id", "kind", "at"], unique=False)
    op.create_table(
        "guard_passes",
        sa.Column("shelf_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("target", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("shelf_id", name=op.f("pk_guard_passes")),
    )
    op.create_index(op.f("ix_guard_passes_channel_id"), "guard_passes", ["channel_id"], unique=False)


def _indexes() -> None:
    """What `status` asks of tables that grow."""
    op.create_index(op.f("ix_orders_channel_id_first_seen_at"), "orders", ["channel_id", "first_seen_at"], unique=False)
    op.create_index(op.f("ix_push_calls_channel_id_settled_at"), "push_calls", ["channel_id", "settled_at"], unique=False)
    for name, table, column, which in (
        ("ix_shelves_gap", "shelves", "channel_id", "gap <> 0"),
        ("ix_set_aside_open", "set_aside", "channel_id", "resolved_at IS NULL"),
        ("ix_findings_open", "findings", "kind", "resolved_at IS NULL"),
    ):
        op.create_index(name, table, [column], unique=False, sqlite_where=sa.text(which), postgresql_where=sa.text(which))
