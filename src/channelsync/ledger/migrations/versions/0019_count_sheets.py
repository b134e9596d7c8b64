"""Count sheets.

Revision ID: 0019
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "count_sheets",
        sa.Column("id", KEY, nullable=False),
        sa.Column("location_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("blind", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.String(length=128), server_default="", nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("state IN ('open', 'applied', 'cancelled')", name=op.f("ck_count_sheets_state")),
        sa.ForeignKeyConstraint(["location_id"], ["locations.id"], name=op.f("fk_count_sheets_location_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_count_sheets")),
    )
    op.create_index(op.f("ix_count_sheets_state_id"), "count_sheets", ["state", "id"], unique=False)
    op.create_table(
        "count_lines",
        sa.Column("id", KEY, nullable=False),
        sa.Column("sheet_id", sa.BigInteger(), nullable=False),
        sa.Column("sku_id", sa.BigInteger(), nullable=False),
        sa.Column("counted", sa.BigInteger(), nullable=True),
        sa.Column("counted_at", sa.BigInteger(), nullable=True),
        sa.Column("counted_by", sa.String(length=128), server_default="", nullable=False),
        sa.Column("difference", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("(counted IS NULL) = (counted_at IS NULL)", name=op.f("ck_count_lines_counted_at_a_time")),
        sa.CheckConstraint("counted >= 0", name=op.f("ck_count_lines_counted_not_negative")),
        sa.ForeignKeyConstraint(["sheet_id"], ["count_sheets.id"], name=op.f("fk_count_lines_sheet_id")),
        sa.ForeignKeyConstraint(["sku_id"], ["skus.id"], name=op.f("fk_count_lines_sku_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_count_lines")),
        sa.UniqueConstraint("sheet_id", "sku_id", name=op.f("uq_count_lines_sheet_id_sku_id")),
    )
