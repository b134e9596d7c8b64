"""Purchase orders are found by their reference.

Revision ID: 0020
"""

from __future__ import annotations

from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    op.create_index(op.f("ix_purchase_orders_reference"), "purchase_orders", ["reference"], unique=False)
