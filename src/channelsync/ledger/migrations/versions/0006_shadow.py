"""What was learned by watching a shop: its numbers while we only look on, what a probe measured, and which writes it has accepted.

Revision ID: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "sightings",
        sa.Column("id", KEY, nullable=False),
        sa.Column("shelf_id", sa.BigInteger(), nullable=False),
        sa.Column("shows", sa.BigInteger(), nullable=False),
        sa.Column("first_at", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["shelf_id"], ["shelves.id"], name=op.f("fk_sightings_shelf_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sightings")),
    )
    op.create_index(op.f("ix_sightings_shelf_id_last_at"), "sightings", ["shelf_id", "last_at"], unique=False)
    op.create_index(op.f("ix_sightings_last_at"), "sightings", ["last_at"], unique=False)
    op.create_table(
        "measurements",
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["channel_id"], ["channels.id"], name=op.f("fk_measurements_channel_id")),
        sa.PrimaryKeyConstraint("channel_id", "name", name=op.f("pk_measurements")),
    )
    op.add_column("attempts", sa.Column("accepted", sa.Boolean(), server_default=sa.false(), nullable=False))
