"""Suppliers, what comes from whom, purchase orders.

Revision ID: 0016
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "suppliers",
        sa.Column("id", KEY, nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("lead_days", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("lead_days >= 0", name=op.f("ck_suppliers_lead_days_not_negative")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suppliers")),
        sa.UniqueConstraint("code", name=op.f("uq_suppliers_code")),
    )
    op.create_table(
        "purchase_orders",
        sa.Column("id", KEY, nullable=False),
        sa.Column("supplier_id", sa.BigInteger(), nullable=True),
        sa.Column("location_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reference", sa.String(length=255), server_default="", nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("expected_on", sa.String(length=10), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.String(length=128), server_default="", nullable=False),
        sa.Column("ordered_at", sa.BigInteger(), nullable=True),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "state IN ('draft', 'ordered', 'part_received', 'received', 'cancelled')", name=op.f("ck_purchase_orders_state")
        ),
        sa.ForeignKeyConstraint(["location_id"], ["locations.id"], name=op.f("fk_purchase_orders_location_id")),
        sa.ForeignKeyConstraint(["supplier_id"], ["suppliers.id"], name=op.f("fk_purchase_orders_supplier_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_purchase_orders")),
    )
    op.create_index(op.f("ix_purchase_orders_state_id"), "purchase_orders", ["state", "id"], unique=False)
    op.create_table(
        "supplies",
        sa.Column("sku_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("supplier_id", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.String(length=255), server_default="", nullable=False),
        sa.Column("cost", sa.BigInteger(), nullable=True),
        sa.Column("lead_days", sa.Integer(), nullable=True),
        sa.Column("least", sa.BigInteger(), nullable=True),
        sa.Column("multiple", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("lead_days >= 0", name=op.f("ck_supplies_lead_days_not_negative")),
        sa.CheckConstraint("least > 0", name=op.f("ck_supplies_least")),
        sa.CheckConstraint("multiple > 0", name=op.f("ck_supplies_multiple")),
        sa.ForeignKeyConstraint(["sku_id"], ["skus.id"], name=op.f("fk_supplies_sku_id")),
        sa.ForeignKeyConstraint(["supplier_id"], ["suppliers.id"], name=op.f("fk_supplies_supplier_id")),
        sa.PrimaryKeyConstraint("sku_id", name=op.f("pk_supplies")),
    )
    op.create_index(op.f("ix_supplies_supplier_id_sku_id"), "supplies", ["supplier_id", "sku_id"], unique=False)
    op.create_table(
        "purchase_lines",
        sa.Column("id", KEY, nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("sku_id", sa.BigInteger(), nullable=False),
        sa.Column("ordered", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("received", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("incoming", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("cost", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("incoming >= 0", name=op.f("ck_purchase_lines_incoming_not_negative")),
        sa.CheckConstraint("ordered >= 0", name=op.f("ck_purchase_lines_ordered_not_negative")),
        sa.CheckConstraint("received >= 0", name=op.f("ck_purchase_lines_received_not_negative")),
        sa.ForeignKeyConstraint(["order_id"], ["purchase_orders.id"], name=op.f("fk_purchase_lines_order_id")),
        sa.ForeignKeyConstraint(["sku_id"], ["skus.id"], name=op.f("fk_purchase_lines_sku_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_purchase_lines")),
        sa.UniqueConstraint("order_id", "sku_id", name=op.f("uq_purchase_lines_order_id_sku_id")),
    )
    op.create_index(
        "ix_purchase_lines_coming",
        "purchase_lines",
        ["sku_id"],
        unique=False,
        sqlite_where=sa.text("incoming > 0"),
        postgresql_where=sa.text("incoming > 0"),
    )
