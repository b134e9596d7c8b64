"""How often a shelf's target has risen.

Revision ID: 0013
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.add_column("shelves", sa.Column("rises", sa.BigInteger(), server_default=sa.text("0"), nullable=False))
