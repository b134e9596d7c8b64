"""Nobody rewrites history: movements, book entries and their seals can be added, and nothing else."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, Engine, insert, text
from sqlalchemy.exc import DBAPIError

from channelsync.ledger.database import UnusableDatabase
from channelsync.ledger.schema import book_entries, metadata, movements, seals
from channelsync.ledger.triggers import APPEND_ONLY, assert_triggers, install_triggers, missing_triggers
from support.clock import ManualClock


@pytest.fixture
def history(conn: Connection, clock: ManualClock) -> Connection:
    times = {"occurred_at": clock.now(), "recorded_at": clock.now()}
    conn.execute(insert(movements).values(id=1, sku_id=1, location_id=1, type="receive", on_hand=3, **times))
    conn.execute(insert(book_entries).values(id=1, shelf_id=1, kind="opening", delta=3, at=clock.now()))
    sealed = {
        "log": "movements",
        "after_id": 0,
        "upto_id": 1,
        "entries": 1,
        "marks": b"",
        "previous": "",
        "hash": "",
        "sealed_at": clock.now(),
    }
    conn.execute(insert(seals).values(id=1, **sealed))
    return conn


CHANGES = {
    "movements": ("UPDATE movements SET on_hand = 4", "DELETE FROM movements WHERE id = 1"),
    "book_entries": ("UPDATE book_entries SET delta = 4", "DELETE FROM book_entries"),
    "seals": ("UPDATE seals SET hash = 'x'", "DELETE FROM seals"),
}
REPLACE = {
    "movements": "REPLACE INTO movements (id, sku_id, location_id, type, occurred_at, recorded_at) VALUES (1, 1, 1, 'receive', 0, 0)",
    "book_entries": "REPLACE INTO book_entries (id, shelf_id, kind, delta, at) VALUES (1, 1, 'opening', 4, 0)",
    "seals": "REPLACE INTO seals (id, log, after_id, upto_id, entries, marks, previous, hash, sealed_at) VALUES (1, 'movements', 0, 1, 1, '', '', '', 0)",
}


@pytest.mark.parametrize("table", APPEND_ONLY)
def test_history_is_append_only(history: Connection, table: str) -> None:
    last_word = REPLACE[table] if history.dialect.name == "sqlite" else f"TRUNCATE {table}"
    for statement in (*CHANGES[table], last_word):
        with pytest.raises(DBAPIError, match=f"{table} is append-only"), history.begin_nested():
            history.execute(text(statement))
    assert history.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() == 1


def test_every_trigger_counts_and_is_named_when_it_is_missing(engine: Engine) -> None:
    expected = {"sqlite": 6, "postgresql": 9}[engine.dialect.name]
    metadata.drop_all(engine)
    metadata.create_all(engine)
    with engine.begin() as conn:
        missing = missing_triggers(conn)
        assert len(missing) == expected
        with pytest.raises(UnusableDatabase) as problem:
            assert_triggers(conn)
        assert all(name in str(problem.value) for name in missing)
        install_triggers(conn)
        install_triggers(conn)
        assert_triggers(conn)


@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
def test_a_disabled_trigger_is_a_missing_one(conn: Connection) -> None:
    conn.execute(text("ALTER TABLE movements DISABLE TRIGGER movements_no_truncate"))
    assert missing_triggers(conn) == ["movements_no_truncate"]
