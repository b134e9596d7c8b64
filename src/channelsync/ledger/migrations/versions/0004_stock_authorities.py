"""Systems that own on hand: who owns which location, what they said lies there, and our orders as they hold them.

Revision ID: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_OPEN_CLAIM = sa.text("told_held > 0 OR told_shipped > proven_shipped")


def upgrade() -> None:
    op.add_column("locations", sa.Column("authority_id", sa.BigInteger()))
    op.add_column("channels", sa.Column("role", sa.String(length=16), server_default="channel", nullable=False))
    for name in ("documented", "debited"):
        op.add_column("order_lines", sa.Column(name, sa.BigInteger(), server_default=sa.text("0"), nullable=False))
    op.execute("UPDATE order_lines SET debited = shipped")  # so far the ledger counted everywhere
    op.create_index(op.f("ix_orders_applied_at"), "orders", ["applied_at"], unique=False)
    _rows()
    _exports()
    _export_lines()


def _count(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), server_default=sa.text("0"), nullable=False)


def _not_negative(table: str, *names: str) -> list[sa.CheckConstraint]:
    return [sa.CheckConstraint(f"{name} >= 0", name=op.f(f"ck_{table}_{name}_not_negative")) for name in names]


def _rows() -> None:
    op.create_table(
        "authority_rows",
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("listing_id", sa.BigInteger(), nullable=False),
        sa.Column("location", sa.String(length=255), nullable=False),
        sa.Column("units", sa.BigInteger()),
        sa.Column("reserved", sa.BigInteger()),
        sa.Column("read_as", sa.String(length=64), server_default="", nullable=False),
        _count("read_seq"),
        sa.Column("read_at", sa.BigInteger()),
        _count("wanted_seq"),
        sa.Column("asked_at", sa.BigInteger()),
        sa.Column("stale_since", sa.BigInteger()),
        sa.Column("sku_id", sa.BigInteger()),
        sa.Column("location_id", sa.BigInteger()),
        sa.Column("pack", sa.Integer(), server_default=sa.text("1"), nullable=False),
        _count("on_hand"),
        _count("held"),
        *_not_negative("authority_rows", "on_hand", "held"),
        sa.ForeignKeyConstraint(["channel_id"], ["channels.id"], name=op.f("fk_authority_rows_channel_id")),
        sa.ForeignKeyConstraint(["listing_id"], ["listings.id"], name=op.f("fk_authority_rows_listing_id")),
        sa.PrimaryKeyConstraint("listing_id", "location", name=op.f("pk_authority_rows")),
    )
    op.create_index(op.f("ix_authority_rows_channel_id_stale_since"), "authority_rows", ["channel_id", "stale_since"], unique=False)
    op.create_index(op.f("ix_authority_rows_sku_id_location_id"), "authority_rows", ["sku_id", "location_id"], unique=False)
    op.create_table(
        "authority_guards",
        sa.Column("channel_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("zeroes", sa.JSON(), nullable=False),
        sa.Column("accepted", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.ForeignKeyConstraint(["channel_id"], ["channels.id"], name=op.f("fk_authority_guards_channel_id")),
        sa.PrimaryKeyConstraint("channel_id", name=op.f("pk_authority_guards")),
    )


def _exports() -> None:
    op.create_table(
        "exports",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("number", sa.String(length=64), server_default="", nullable=False),
        sa.Column("document", sa.Text()),
        sa.Column("due", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("in_flight", sa.Boolean(), server_default=sa.false(), nullable=False),
        _count("sends"),
        _count("told_seq"),
        sa.Column("sent_at", sa.BigInteger()),
        sa.Column("confirmed_at", sa.BigInteger()),
        sa.Column("retry_at", sa.BigInteger()),
        sa.Column("undocumented_since", sa.BigInteger()),
        sa.Column("aside_reason", sa.Text()),
        sa.Column("aside_at", sa.BigInteger()),
        sa.ForeignKeyConstraint(["channel_id"], ["channels.id"], name=op.f("fk_exports_channel_id")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_exports_order_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exports")),
        sa.UniqueConstraint("channel_id", "order_id", name=op.f("uq_exports_channel_id_order_id")),
        sa.UniqueConstraint("channel_id", "key", name=op.f("uq_exports_channel_id_key")),
    )
    due, undocumented = sa.text("due"), sa.text("undocumented_since IS NOT NULL")
    op.create_index("ix_exports_due", "exports", ["channel_id"], unique=False, sqlite_where=due, postgresql_where=due)
    op.create_index(
        "ix_exports_undocumented", "exports", ["undocumented_since"], unique=False, sqlite_where=undocumented, postgresql_where=undocumented
    )


def _export_lines() -> None:
    op.create_table(
        "export_lines",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("export_id", sa.BigInteger(), nullable=False),
        sa.Column("order_line_id", sa.BigInteger(), nullable=False),
        sa.Column("ref", sa.String(length=255), nullable=False),
        sa.Column("listing", sa.String(length=255), nullable=False),
        sa.Column("location", sa.String(length=255), nullable=False),
        sa.Column("pack", sa.Integer(), nullable=False),
        _count("quantity"),
        _count("held"),
        _count("asked_quantity"),
        _count("asked_held"),
        _count("settled_held"),
        _count("told_held"),
        _count("told_shipped"),
        _count("shipped_seq"),
        _count("proven_shipped"),
        _count("low"),
        _count("low_until"),
        *_not_negative("export_lines", "quantity", "held", "told_held", "told_shipped", "proven_shipped", "low"),
        sa.ForeignKeyConstraint(["export_id"], ["exports.id"], name=op.f("fk_export_lines_export_id")),
        sa.ForeignKeyConstraint(["order_line_id"], ["order_lines.id"], name=op.f("fk_export_lines_order_line_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_export_lines")),
        sa.UniqueConstraint("export_id", "ref", name=op.f("uq_export_lines_export_id_ref")),
    )
    op.create_index(op.f("ix_export_lines_order_line_id"), "export_lines", ["order_line_id"], unique=False)
    columns = ["listing", "location"]
    op.create_index("ix_export_lines_open", "export_lines", columns, unique=False, sqlite_where=_OPEN_CLAIM, postgresql_where=_OPEN_CLAIM)
