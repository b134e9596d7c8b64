"""What one unit of a SKU costs.

Revision ID: 0014
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.add_column("skus", sa.Column("unit_cost", sa.BigInteger(), nullable=True))
