"""When what is not there comes, units one reference may claim, and which listings go on selling at 0.

Revision ID: 0010
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.add_column("skus", sa.Column("expected_text", sa.String(length=128), server_default="", nullable=False))
    op.add_column("skus", sa.Column("expected_on", sa.String(length=10), nullable=True))
    op.add_column("skus", sa.Column("reference_limit", sa.BigInteger(), nullable=True))
    op.add_column("listings", sa.Column("sells_below_zero", sa.Boolean(), nullable=True))
