"""Are the logs still append-only? Judged by what the triggers do, not by their names: one that was replaced by another of its name guards nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from sqlalchemy import Connection, text

from channelsync.ledger.verifier.found import Mismatches

GUARDED: Final = ("movements", "book_entries", "seals")

_SQLITE: Final = re.compile(
    r"\bBEFORE\s+(UPDATE|DELETE)\s+ON\s+\W?(\w+)\W?\s+(?:FOR\s+EACH\s+ROW\s+)?BEGIN\s+SELECT\s+RAISE\s*\(\s*ABORT\b", re.IGNORECASE
)
"""The whole statement stands between BEGIN and the refusal, so there is no WHEN and no list of columns."""

_POSTGRES: Final = """
    SELECT pg_class.relname, tgtype FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid JOIN pg_proc ON pg_proc.oid = tgfoid
    WHERE NOT tgisinternal AND tgenabled IN ('O', 'A') AND pg_table_is_visible(pg_class.oid)
        AND tgqual IS NULL AND tgattr::text = '' AND prosrc ~* '^\\s*BEGIN\\s+RAISE\\s+EXCEPTION'
"""
_BEFORE: Final = 2
_EVENTS: Final = {8: "DELETE", 16: "UPDATE", 32: "TRUNCATE"}


def unguarded(conn: Connection, found: Mismatches) -> None:
    postgres = conn.dialect.name == "postgresql"
    guarded = set(_on_postgres(conn) if postgres else _on_sqlite(conn))
    for table in GUARDED:
        for event in ("UPDATE", "DELETE", *(("TRUNCATE",) if postgres else ())):
            if (table, event) not in guarded:
                found.add("guards", f"{event} of {table}", "refused by a trigger", "nothing refuses it")


def _on_sqlite(conn: Connection) -> Iterator[tuple[str, str]]:
    for (statement,) in conn.execute(text("SELECT sql FROM sqlite_master WHERE type = 'trigger'")):
        if match := _SQLITE.search(statement):
            yield match[2], match[1].upper()


def _on_postgres(conn: Connection) -> Iterator[tuple[str, str]]:
    for table, kind in conn.exec_driver_sql(_POSTGRES):
        if kind & _BEFORE:
            yield from ((table, event) for bit, event in _EVENTS.items() if kind & bit)
