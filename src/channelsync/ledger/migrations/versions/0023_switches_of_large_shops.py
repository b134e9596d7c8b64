"""Indexes for backorder switches in shops with very many listings: those that are on, and SKUs that may be promised.

Revision ID: 0023
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"

OF_FEW = (
    ("ix_listings_selling_on", "listings", ["channel_id"], "sells_below_zero"),
    ("ix_skus_promised", "skus", ["id"], "backorder <> 'deny'"),
)


def upgrade() -> None:
    op.create_index(op.f("ix_listings_channel_id_sku_id"), "listings", ["channel_id", "sku_id"], unique=False)
    for name, table, columns, where in OF_FEW:
        op.create_index(name, table, columns, unique=False, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
