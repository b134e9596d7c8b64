"""What customers send back.

Revision ID: 0018
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "returns",
        sa.Column("id", KEY, nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=True),
        sa.Column("location_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reference", sa.String(length=255), server_default="", nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.String(length=128), server_default="", nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=True),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("state IN ('expected', 'received', 'inspected', 'cancelled')", name=op.f("ck_returns_state")),
        sa.ForeignKeyConstraint(["location_id"], ["locations.id"], name=op.f("fk_returns_location_id")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_returns_order_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_returns")),
    )
    op.create_index(op.f("ix_returns_order_id"), "returns", ["order_id"], unique=False)
    op.create_index(op.f("ix_returns_state_id"), "returns", ["state", "id"], unique=False)
    op.create_table(
        "return_lines",
        sa.Column("id", KEY, nullable=False),
        sa.Column("return_id", sa.BigInteger(), nullable=False),
        sa.Column("sku_id", sa.BigInteger(), nullable=False),
        sa.Column("line_ref", sa.String(length=255), nullable=True),
        sa.Column("expected", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("received", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("told", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("restocked", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("written_off", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("to_supplier", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint("expected >= 0", name=op.f("ck_return_lines_expected_not_negative")),
        sa.CheckConstraint("received >= 0", name=op.f("ck_return_lines_received_not_negative")),
        sa.CheckConstraint("restocked + written_off + to_supplier <= received", name=op.f("ck_return_lines_decided_within_received")),
        sa.CheckConstraint("restocked >= 0", name=op.f("ck_return_lines_restocked_not_negative")),
        sa.CheckConstraint("to_supplier >= 0", name=op.f("ck_return_lines_to_supplier_not_negative")),
        sa.CheckConstraint("told <= received", name=op.f("ck_return_lines_told_within_received")),
        sa.CheckConstraint("told >= 0", name=op.f("ck_return_lines_told_not_negative")),
        sa.CheckConstraint("written_off >= 0", name=op.f("ck_return_lines_written_off_not_negative")),
        sa.ForeignKeyConstraint(["return_id"], ["returns.id"], name=op.f("fk_return_lines_return_id")),
        sa.ForeignKeyConstraint(["sku_id"], ["skus.id"], name=op.f("fk_return_lines_sku_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_return_lines")),
    )
    op.create_index(op.f("ix_return_lines_return_id"), "return_lines", ["return_id"], unique=False)
