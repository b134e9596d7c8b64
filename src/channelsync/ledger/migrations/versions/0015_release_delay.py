"""How long a hold outlives its end while it is a backorder.

Revision ID: 0015
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.add_column("skus", sa.Column("release_delay", sa.Integer(), server_default=sa.text("0"), nullable=False))
