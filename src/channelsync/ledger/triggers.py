"""The triggers that make movements, book entries and their seals append-only. A correction is a new row; nobody rewrites history, not even by hand.

SQLite needs `recursive_triggers = ON` for them (`ledger.database`): otherwise INSERT OR REPLACE deletes past them.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, inspect

from channelsync.ledger.database import UnusableDatabase

APPEND_ONLY = ("movements", "book_entries", "seals")
EVENTS = {"sqlite": ("update", "delete"), "postgresql": ("update", "delete", "truncate")}
FUNCTION = "channelsync_append_only"

_CREATE_FUNCTION = f"""
CREATE OR REPLACE FUNCTION {FUNCTION}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ' is append-only: correct it with a new row'; END $$
"""
_CREATE = {
    "sqlite": """
        CREATE TRIGGER IF NOT EXISTS {name} BEFORE {event} ON {table}
        BEGIN SELECT RAISE(ABORT, '{table} is append-only: correct it with a new row'); END
    """,
    "postgresql": f"CREATE OR REPLACE TRIGGER {{name}} BEFORE {{event}} ON {{table}} FOR EACH STATEMENT EXECUTE FUNCTION {FUNCTION}()",
}
_PRESENT = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
    # 'O' and 'A' fire in an ordinary session; a disabled trigger is as good as none.
    "postgresql": """
        SELECT tgname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
        WHERE NOT tgisinternal AND tgenabled IN ('O', 'A') AND pg_table_is_visible(pg_class.oid)
    """,
}


def install_triggers(conn: Connection) -> None:
    """Create what is missing. Part of every migration, because rebuilding a table on SQLite silently drops its triggers."""
    dialect = conn.dialect.name
    if dialect == "postgresql":
        conn.exec_driver_sql(_CREATE_FUNCTION)
    for name, table, happening in _wanted(conn):
        conn.exec_driver_sql(_CREATE[dialect].format(name=name, table=table, event=happening.upper()))


def missing_triggers(conn: Connection) -> list[str]:
    dialect = conn.dialect.name
    present = set(conn.exec_driver_sql(_PRESENT[dialect]).scalars())
    return [name for name, _, _ in _wanted(conn) if name not in present]


def assert_triggers(conn: Connection) -> None:
    """Raises UnusableDatabase naming what is missing."""
    if missing := missing_triggers(conn):
        raise UnusableDatabase(
            f"the database lost the triggers that keep its history append-only: {', '.join(missing)}; "
            "run `channelsync audit` to see whether history was changed, then `channelsync db upgrade` to restore them"
        )


def _wanted(conn: Connection) -> Iterator[tuple[str, str, str]]:
    """Name, table and event. An older schema has fewer tables."""
    tables = set(inspect(conn).get_table_names())
    for table in (each for each in APPEND_ONLY if each in tables):
        for happening in EVENTS[conn.dialect.name]:
            yield f"{table}_no_{happening}", table, happening
