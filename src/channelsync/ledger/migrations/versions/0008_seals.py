"""Seals over movements and book entries, so that a changed history shows.

Revision ID: 0008
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "seals",
        sa.Column("id", KEY, nullable=False),
        sa.Column("log", sa.String(length=16), nullable=False),
        sa.Column("form", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("after_id", sa.BigInteger(), nullable=False),
        sa.Column("upto_id", sa.BigInteger(), nullable=False),
        sa.Column("entries", sa.BigInteger(), nullable=False),
        sa.Column("marks", sa.LargeBinary(), nullable=False),
        sa.Column("previous", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("sealed_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("log IN ('movements', 'book_entries')", name=op.f("ck_seals_log")),
        sa.CheckConstraint("upto_id > after_id AND entries > 0", name=op.f("ck_seals_range")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_seals")),
        sa.UniqueConstraint("log", "after_id", name=op.f("uq_seals_log_after_id")),
    )
