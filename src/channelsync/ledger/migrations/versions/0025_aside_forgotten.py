"""What was aside and is resolved is forgotten, found by an index of its own; what is kept of all that is aside says no more of a buyer than it takes
to try it again.

Revision ID: 0025
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"

RESOLVED = "resolved_at IS NOT NULL"


def upgrade() -> None:
    op.create_index(
        "ix_set_aside_resolved",
        "set_aside",
        ["resolved_at"],
        unique=False,
        sqlite_where=sa.text(RESOLVED),
        postgresql_where=sa.text(RESOLVED),
    )
    op.execute("UPDATE set_aside SET payload = '' WHERE resolved_at IS NOT NULL OR kind IN ('delivery', 'order', 'export')")
