"""Alembic's entry point. There is no ini file and no offline mode: `ledger.upgrade` hands over an open connection in a
transaction, and puts the triggers in place afterwards.
"""

from __future__ import annotations

from alembic import context

from channelsync.ledger.schema import metadata
from channelsync.ledger.upgrade import VERSION_TABLE

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    render_as_batch=True,
    transactional_ddl=True,  # on SQLite too: our connections begin for real, so DDL rolls back
)
context.run_migrations()
