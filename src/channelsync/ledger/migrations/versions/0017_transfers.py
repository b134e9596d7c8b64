"""Transfers between locations.

Revision ID: 0017
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "transfers",
        sa.Column("id", KEY, nullable=False),
        sa.Column("from_id", sa.BigInteger(), nullable=False),
        sa.Column("to_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reference", sa.String(length=255), server_default="", nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.String(length=128), server_default="", nullable=False),
        sa.Column("shipped_at", sa.BigInteger(), nullable=True),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("state IN ('draft', 'shipped', 'part_received', 'received', 'cancelled')", name=op.f("ck_transfers_state")),
        sa.CheckConstraint("from_id <> to_id", name=op.f("ck_transfers_two_places")),
        sa.ForeignKeyConstraint(["from_id"], ["locations.id"], name=op.f("fk_transfers_from_id")),
        sa.ForeignKeyConstraint(["to_id"], ["locations.id"], name=op.f("fk_transfers_to_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transfers")),
    )
    op.create_index(op.f("ix_transfers_state_id"), "transfers", ["state", "id"], unique=False)
    op.create_table(
        "transfer_lines",
        sa.Column("id", KEY, nullable=False),
        sa.Column("transfer_id", sa.BigInteger(), nullable=False),
        sa.Column("sku_id", sa.BigInteger(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("received", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("missing", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("in_transit", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("cost", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("in_transit >= 0", name=op.f("ck_transfer_lines_in_transit_not_negative")),
        sa.CheckConstraint("missing >= 0", name=op.f("ck_transfer_lines_missing_not_negative")),
        sa.CheckConstraint("quantity >= 0", name=op.f("ck_transfer_lines_quantity_not_negative")),
        sa.CheckConstraint("received >= 0", name=op.f("ck_transfer_lines_received_not_negative")),
        sa.ForeignKeyConstraint(["sku_id"], ["skus.id"], name=op.f("fk_transfer_lines_sku_id")),
        sa.ForeignKeyConstraint(["transfer_id"], ["transfers.id"], name=op.f("fk_transfer_lines_transfer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transfer_lines")),
        sa.UniqueConstraint("transfer_id", "sku_id", name=op.f("uq_transfer_lines_transfer_id_sku_id")),
    )
    op.create_index(
        "ix_transfer_lines_coming",
        "transfer_lines",
        ["sku_id"],
        unique=False,
        sqlite_where=sa.text("in_transit > 0"),
        postgresql_where=sa.text("in_transit > 0"),
    )
