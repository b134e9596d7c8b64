"""Bundles made of other SKUs, and how a channel's orders are treated.

Revision ID: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "bundle_parts",
        sa.Column("bundle_id", sa.BigInteger(), nullable=False),
        sa.Column("sku_id", sa.BigInteger(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_bundle_parts_quantity")),
        sa.CheckConstraint("bundle_id <> sku_id", name=op.f("ck_bundle_parts_not_itself")),
        sa.ForeignKeyConstraint(["bundle_id"], ["skus.id"], name=op.f("fk_bundle_parts_bundle_id")),
        sa.ForeignKeyConstraint(["sku_id"], ["skus.id"], name=op.f("fk_bundle_parts_sku_id")),
        sa.PrimaryKeyConstraint("bundle_id", "sku_id", name=op.f("pk_bundle_parts")),
    )
    op.create_index(op.f("ix_bundle_parts_sku_id"), "bundle_parts", ["sku_id"], unique=False)
    _hand_shipments()
    op.add_column("shelves", sa.Column("asked_shop_at", sa.BigInteger()))
    op.add_column("order_lines", sa.Column("bundle_id", sa.BigInteger()))
    op.add_column("reservations", sa.Column("bundle_id", sa.BigInteger()))
    op.add_column("reservations", sa.Column("pack", sa.BigInteger(), server_default=sa.text("1"), nullable=False))
    op.add_column("channels", sa.Column("restock", sa.String(length=16), server_default="channel", nullable=False))
    op.add_column("channels", sa.Column("unpaid", sa.String(length=8), server_default="soft", nullable=False))
    op.add_column("channels", sa.Column("unpaid_minutes", sa.Integer()))


def _hand_shipments() -> None:
    op.create_table(
        "hand_shipments",
        sa.Column("id", KEY, nullable=False),
        sa.Column("sku_id", sa.BigInteger(), nullable=False),
        sa.Column("location_id", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.String(length=255), server_default="", nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.Column("shipped_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["sku_id"], ["skus.id"], name=op.f("fk_hand_shipments_sku_id")),
        sa.ForeignKeyConstraint(["location_id"], ["locations.id"], name=op.f("fk_hand_shipments_location_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hand_shipments")),
    )
    op.create_index(op.f("ix_hand_shipments_sku_id_location_id"), "hand_shipments", ["sku_id", "location_id"], unique=False)
