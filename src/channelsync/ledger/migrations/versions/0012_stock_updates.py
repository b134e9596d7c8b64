"""The last number that an outside system told of each level; indexes for what was sold.

Revision ID: 0012
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.create_table(
        "stock_updates",
        sa.Column("sku_id", sa.BigInteger(), nullable=False),
        sa.Column("location_id", sa.BigInteger(), nullable=False),
        sa.Column("as_of", sa.BigInteger(), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("units >= 0", name=op.f("ck_stock_updates_units_not_negative")),
        sa.ForeignKeyConstraint(["location_id"], ["locations.id"], name=op.f("fk_stock_updates_location_id")),
        sa.ForeignKeyConstraint(["sku_id"], ["skus.id"], name=op.f("fk_stock_updates_sku_id")),
        sa.PrimaryKeyConstraint("sku_id", "location_id", name=op.f("pk_stock_updates")),
    )
    op.create_index(op.f("ix_orders_placed_at"), "orders", ["placed_at"])
    op.create_index(op.f("ix_order_lines_sku_id_order_id"), "order_lines", ["sku_id", "order_id"])
