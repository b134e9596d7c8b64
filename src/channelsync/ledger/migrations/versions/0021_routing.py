"""Where orders are shipped from; orders by the number that people know.

Revision ID: 0021
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "routing_places",
        sa.Column("location_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("latitude", sa.Float(), nullable=True),
        sa.Column("longitude", sa.Float(), nullable=True),
        sa.Column("areas", sa.JSON(), nullable=False),
        sa.CheckConstraint("(latitude IS NULL) = (longitude IS NULL)", name=op.f("ck_routing_places_both_or_neither")),
        sa.ForeignKeyConstraint(["location_id"], ["locations.id"], name=op.f("fk_routing_places_location_id")),
        sa.PrimaryKeyConstraint("location_id", name=op.f("pk_routing_places")),
    )
    op.create_table(
        "order_routes",
        sa.Column("id", KEY, nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("line_ref", sa.String(length=255), nullable=False),
        sa.Column("location_id", sa.BigInteger(), nullable=False),
        sa.Column("way", sa.String(length=4), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("told", sa.JSON(), nullable=False),
        sa.Column("actor", sa.String(length=128), server_default="", nullable=False),
        sa.Column("decided_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("way IN ('rule', 'cart', 'hand', 'anew', 'auto')", name=op.f("ck_order_routes_way")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_order_routes_order_id")),
        sa.ForeignKeyConstraint(["location_id"], ["locations.id"], name=op.f("fk_order_routes_location_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_routes")),
    )
    op.create_index(op.f("ix_order_routes_order_id_line_ref_id"), "order_routes", ["order_id", "line_ref", "id"], unique=False)
    op.create_table(
        "order_destinations",
        sa.Column("order_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("region", sa.String(length=64), nullable=False),
        sa.Column("postcode", sa.String(length=16), nullable=False),
        sa.Column("latitude", sa.Float(), nullable=True),
        sa.Column("longitude", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_order_destinations_order_id")),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_order_destinations")),
    )
    op.create_index(op.f("ix_orders_number"), "orders", ["number"], unique=False)
