"""`channelsync run` at an isolation level that it does not ask for.

The daemon says READ COMMITTED by itself, whatever the database or the role has for a default; here every transaction of a writer is SERIALIZABLE,
so that PostgreSQL refuses all it cannot put in order. What it refuses is told on standard error, by its code.
"""

from __future__ import annotations

import json
import sys

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import ExceptionContext

from channelsync.ledger.database import MIGRATING, READ_ONLY

PROGRAM = (
    sys.executable,
    "-c",
    "from channelsync.testing.siege.serializable import harden; harden(); from channelsync.cli import main; main()",
)
REFUSED = "the database refused"


def _begin(conn: Connection) -> None:
    options = conn.get_execution_options()
    if conn.dialect.name == "postgresql" and not options.get(READ_ONLY) and not options.get(MIGRATING):
        conn.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")


def _tell(context: ExceptionContext) -> None:
    code = getattr(context.original_exception, "sqlstate", None) or "no answer"
    sys.stderr.write(json.dumps({"event": REFUSED, "code": code}) + "\n")


def harden() -> None:
    """To be called before the command line is."""
    event.listen(Engine, "begin", _begin)
    event.listen(Engine, "handle_error", _tell)
