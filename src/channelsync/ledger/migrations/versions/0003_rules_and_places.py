"""More rules on shelves, frozen SKUs and listings, and the channels' own locations.

Revision ID: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


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
