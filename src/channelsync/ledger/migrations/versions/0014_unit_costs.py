"""What one unit of a SKU costs; an index for messages that were given up.

Revision ID: 0014
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.add_column("skus", sa.Column("unit_cost", sa.BigInteger(), nullable=True))
    failed = sa.text("state = 'failed'")
    op.create_index("ix_alert_messages_failed", "alert_messages", ["target"], sqlite_where=failed, postgresql_where=failed)
