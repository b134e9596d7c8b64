"""No verb reads a whole table that grows with the business: SQLite says of every statement of a day how it would find its rows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event

from support.story import live_a_day

GROWING = frozenset(
    {
        "movements", "stock_levels", "skus", "reservations", "orders", "order_lines", "listings", "listing_aliases", "shelves", "shelf_feeds",
        "book_entries", "attempts", "push_calls", "idempotency_keys", "inbox", "set_aside", "findings", "seals", "transfers", "transfer_lines",
    }
)  # fmt: skip
WHOLE = re.compile(r"^SCAN (?:TABLE )?(\w+)(?: AS \w+)?(?: USING (?:COVERING )?INDEX (\w+))?")
THE_STORY = "SELECT shelves.id \nFROM shelves ORDER BY shelves.id"
BY_ITSELF = ("INSERT", "PRAGMA", "BEGIN", "SAVEPOINT", "RELEASE", "ROLLBACK", "EXPLAIN")


@pytest.fixture
def statements(engine: Engine) -> Iterator[dict[str, Any]]:
    """Each statement that is run, with parameters of one of its runs."""
    seen: dict[str, Any] = {}

    def note(_conn: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool) -> None:
        if not statement.startswith((*BY_ITSELF, THE_STORY)):
            seen[statement] = parameters[0] if many else parameters

    event.listen(engine, "before_cursor_execute", note)
    yield seen
    event.remove(engine, "before_cursor_execute", note)


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_no_verb_of_a_day_reads_a_whole_table(conn: Connection, statements: dict[str, Any]) -> None:
    live_a_day(conn)
    found = [(table, statement) for statement, values in dict(statements).items() for table in _read_whole(conn, statement, values)]
    assert len(statements) > 50
    assert not found, "\n".join(f"{table}: {statement}" for table, statement in found)


def _read_whole(conn: Connection, statement: str, values: Any) -> set[str]:
    """What an index holds of a few rows only, such as the open ones, may be read from its first to its last."""
    few = set(conn.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'index' AND sql LIKE '% WHERE %'").scalars())
    steps = [WHOLE.match(str(row[3])) for row in conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)]
    return {step[1] for step in steps if step and step[1] in GROWING and step[2] not in few}
