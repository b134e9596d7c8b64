"""Systems that own on hand: who owns which location, and what of our shipments they have documented.

Revision ID: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("locations", sa.Column("authority_id", sa.BigInteger()))
    op.add_column("channels", sa.Column("role", sa.String(length=16), server_default="channel", nullable=False))
    for name in ("documented", "debited"):
        op.add_column("order_lines", sa.Column(name, sa.BigInteger(), server_default=sa.text("0"), nullable=False))
