"""Indexes for shops with very many shelves: what waits for a bracket, what was not read for long, and what is counted for the status.

Revision ID: 0022
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"

UNREAD = ["channel_id", "read_at", "id"]
OF_FEW = (
    ("ix_shelves_unopened", "shelves", UNREAD, "book IS NULL"),
    ("ix_shelves_verify", "shelves", ["channel_id"], "verify"),
    ("ix_shelves_frozen", "shelves", ["channel_id"], "frozen"),
    ("ix_listings_removed", "listings", ["channel_id"], "removed_at IS NOT NULL"),
    ("ix_listings_unlinked", "listings", ["channel_id"], "sku_id IS NULL AND removed_at IS NULL"),
)


def upgrade() -> None:
    op.drop_index(op.f("ix_shelves_channel_id_read_at"), table_name="shelves")
    op.create_index(op.f("ix_shelves_channel_id_read_at_id"), "shelves", UNREAD, unique=False)
    for name, table, columns, where in OF_FEW:
        op.create_index(name, table, columns, unique=False, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
