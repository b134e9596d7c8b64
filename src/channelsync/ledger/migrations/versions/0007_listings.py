"""What a listing was called when it was linked, and finding listings by what the channel calls them.

Revision ID: 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("listings", sa.Column("linked_text", sa.String(length=255)))
    op.execute("UPDATE listings SET linked_text = sku_text WHERE sku_id IS NOT NULL")  # what it was called before nobody knows any more
    op.create_index(op.f("ix_listings_channel_id_sku_text"), "listings", ["channel_id", "sku_text"], unique=False)
