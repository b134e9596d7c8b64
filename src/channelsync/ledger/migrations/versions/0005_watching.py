"""Why a channel is paused, what was measured about it, and how its webhooks fare.

Revision ID: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("channels", sa.Column("paused_kind", sa.String(length=16)))
