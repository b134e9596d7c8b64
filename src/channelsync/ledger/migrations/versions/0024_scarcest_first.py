"""What is due is found in the order in which it is sent, the scarcest first, without sorting all that is due for each call.

Revision ID: 0024
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"

DUE = "ix_shelves_due"


def upgrade() -> None:
    op.drop_index(DUE, table_name="shelves")
    op.create_index(
        DUE, "shelves", ["channel_id", "target", "id"], unique=False, sqlite_where=sa.text("due"), postgresql_where=sa.text("due")
    )
