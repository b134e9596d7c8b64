"""More rules on shelves, frozen SKUs and listings, and the channels' own locations.

Revision ID: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "channel_locations",
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("ref", sa.String(length=255), nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("location_id", sa.BigInteger()),
        sa.Column("seen_at", sa.BigInteger()),
        sa.ForeignKeyConstraint(["channel_id"], ["channels.id"], name=op.f("fk_channel_locations_channel_id")),
        sa.ForeignKeyConstraint(["location_id"], ["locations.id"], name=op.f("fk_channel_locations_location_id")),
        sa.PrimaryKeyConstraint("channel_id", "ref", name=op.f("pk_channel_locations")),
    )
    for column in (
        sa.Column("safety_share", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("share", sa.Integer(), server_default=sa.text("10000"), nullable=False),
        sa.Column("show_min", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("show_max", sa.BigInteger()),
        sa.Column("plenty", sa.BigInteger()),
        sa.Column("rules_from", sa.JSON(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("frozen", sa.Boolean(), server_default=sa.false(), nullable=False),
    ):
        op.add_column("shelves", column)
    _rules()
    _freezes()


def _rules() -> None:
    op.create_table(
        "shelf_rules",
        sa.Column("id", KEY, nullable=False),
        sa.Column("channel_id", sa.BigInteger()),
        sa.Column("sku", sa.String(length=255)),
        sa.Column("listing", sa.String(length=255)),
        sa.Column("opens", sa.BigInteger()),
        sa.Column("closes", sa.BigInteger()),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("safety_stock", sa.BigInteger()),
        sa.Column("safety_share", sa.Integer()),
        sa.Column("share", sa.Integer()),
        sa.Column("show_min", sa.BigInteger()),
        sa.Column("show_max", sa.BigInteger()),
        sa.Column("skip", sa.Boolean()),
        sa.Column("plenty", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shelf_rules")),
    )
    op.create_index(op.f("ix_shelf_rules_sku"), "shelf_rules", ["sku"], unique=False)


def _freezes() -> None:
    op.create_table(
        "freezes",
        sa.Column("id", KEY, nullable=False),
        sa.Column("sku_id", sa.BigInteger(), nullable=False),
        sa.Column("channel_id", sa.BigInteger()),
        sa.Column("listing_id", sa.BigInteger()),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("frozen_at", sa.BigInteger(), nullable=False),
        sa.Column("thawed_at", sa.BigInteger()),
        sa.Column("thawed_by", sa.String(length=128)),
        sa.ForeignKeyConstraint(["sku_id"], ["skus.id"], name=op.f("fk_freezes_sku_id")),
        sa.ForeignKeyConstraint(["channel_id"], ["channels.id"], name=op.f("fk_freezes_channel_id")),
        sa.ForeignKeyConstraint(["listing_id"], ["listings.id"], name=op.f("fk_freezes_listing_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_freezes")),
    )
    standing = sa.text("thawed_at IS NULL")
    op.create_index("ix_freezes_standing", "freezes", ["sku_id"], unique=False, sqlite_where=standing, postgresql_where=standing)
    op.create_index(op.f("ix_freezes_listing_id"), "freezes", ["listing_id"], unique=False)
