"""The second proof: its own code, its own sums. A ledger that lived by its verbs passes, and whatever is changed behind its back is named."""

from __future__ import annotations

import ast
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, insert, select, text, update
from sqlalchemy.exc import DBAPIError

import channelsync.ledger.verifier
from channelsync.ledger import order_ends, reservations, stock
from channelsync.ledger.audit import audit
from channelsync.ledger.schema import BUCKETS, metadata
from channelsync.ledger.triggers import APPEND_ONLY, EVENTS
from channelsync.ledger.verifier import Mismatch, verify
from support.stock import NOW
from support.story import live_a_day, send_back


@pytest.fixture
def ledger(conn: Connection) -> Connection:
    live_a_day(conn)
    send_back(conn)
    return conn


@pytest.fixture
def unguarded(ledger: Connection) -> Connection:
    """The same, and history can be rewritten."""
    for table in APPEND_ONLY:
        for event in EVENTS[ledger.dialect.name]:
            suffix = f" ON {table}" if ledger.dialect.name == "postgresql" else ""
            ledger.exec_driver_sql(f"DROP TRIGGER {table}_no_{event}{suffix}")
    return ledger


def found(conn: Connection) -> list[Mismatch]:
    return [each for each in verify(conn, NOW).mismatches if each.check != "guards"]


def test_it_shares_no_code_with_what_it_verifies() -> None:
    imported: set[str] = set()
    for file in Path(channelsync.ledger.verifier.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            imported |= {node.module or ""} if isinstance(node, ast.ImportFrom) else set()
            imported |= {name.name for name in node.names} if isinstance(node, ast.Import) else set()
    assert {name for name in imported if name.startswith("channelsync") and not name.startswith("channelsync.ledger.verifier")} == set()
    assert "channelsync.ledger.verifier.found" in imported


def test_a_ledger_that_lived_by_its_verbs_fits(ledger: Connection) -> None:
    seen = verify(ledger, NOW)
    assert seen.mismatches == ()
    assert seen.movements == ledger.scalar(text("SELECT COUNT(*) FROM movements")) > 20
    assert seen.book_entries == ledger.scalar(text("SELECT COUNT(*) FROM book_entries")) > 2
    reservations.expire(ledger, NOW + timedelta(hours=1))
    order_ends.expire_holds(ledger, 10, NOW + timedelta(hours=1))
    assert verify(ledger, NOW + timedelta(hours=1)).mismatches == ()


def test_an_empty_ledger_fits(conn: Connection) -> None:
    assert verify(conn, NOW).mismatches == ()


NUMBERS = {
    "stock_levels": BUCKETS,
    "movements": (*BUCKETS, "sku_id", "location_id"),
    "reservations": ("open", "sku_id", "location_id"),
    "order_lines": ("soft", "hard", "shipped", "debited"),
    "book_entries": ("delta", "shelf_id"),
    "shelves": ("book",),
    "return_lines": ("received", "restocked", "written_off", "to_supplier"),
    "transfer_lines": ("quantity", "received", "missing", "in_transit"),
}


@pytest.mark.parametrize("table", NUMBERS)
def test_every_number_that_is_changed_is_found(unguarded: Connection, table: str) -> None:
    rows = metadata.tables[table]
    tried = 0
    for row in unguarded.execute(select(rows)).mappings().all():
        for column in NUMBERS[table]:
            if row[column] is None or (column in {"sku_id", "location_id"} and not _matters(table, row)):
                continue
            with unguarded.begin_nested() as savepoint:
                here = [key == row[key.name] for key in rows.primary_key.columns]
                try:
                    with unguarded.begin_nested():
                        unguarded.execute(update(rows).where(*here).values({column: row[column] + 1}))
                except DBAPIError:
                    continue  # the database itself refuses it
                assert found(unguarded), f"{table} {dict(row)}: {column} + 1"
                tried += 1
                savepoint.rollback()
    assert tried >= 4


def _matters(table: str, row: Any) -> bool:
    """A row of nothing but zeros is nowhere, wherever it says it is."""
    return any(row[bucket] for bucket in BUCKETS) if table == "movements" else row["open"] != 0


@pytest.mark.parametrize("table", ["movements", "book_entries", "reservations", "order_lines"])
def test_a_row_that_is_gone_is_found(unguarded: Connection, table: str) -> None:
    unguarded.execute(text(f"DELETE FROM {table} WHERE id = 1"))
    assert found(unguarded)


@pytest.mark.parametrize(
    "changed",
    [
        "UPDATE count_lines SET difference = difference + 1 WHERE difference IS NOT NULL",
        "UPDATE count_lines SET difference = NULL WHERE difference IS NOT NULL",
        "UPDATE count_lines SET difference = 0 WHERE difference IS NULL",
        "DELETE FROM count_lines WHERE difference IS NOT NULL",
        "UPDATE count_sheets SET location_id = 2 WHERE state = 'applied'",
        "UPDATE count_sheets SET state = 'cancelled' WHERE state = 'applied'",
        "UPDATE count_sheets SET closed_at = closed_at + 1 WHERE state = 'applied'",
        "UPDATE movements SET reference = 'CNT-2' WHERE reference = 'CNT-1'",
    ],
)
def test_a_sheet_that_says_something_else_than_its_counts(unguarded: Connection, changed: str) -> None:
    unguarded.execute(text(changed))
    assert {each.check for each in found(unguarded)} - {"chain"} == {"counts"}


def test_what_a_hand_counts_under_the_name_of_a_sheet_is_none_of_it(ledger: Connection) -> None:
    stock.count(ledger, [stock.Change("A", "main", 3, reference="CNT-1")], NOW + timedelta(minutes=1))
    assert verify(ledger, NOW + timedelta(minutes=1)).mismatches == ()
    assert audit(ledger) == []


def test_a_movement_that_no_hold_may_come_from(unguarded: Connection) -> None:
    row = {"sku_id": 1, "location_id": 1, "type": "import", "reference": "x", "occurred_at": NOW, "recorded_at": NOW}
    for units in (1, -1):
        unguarded.execute(insert(metadata.tables["movements"]).values(**row, hard=units))
    assert [each.check for each in found(unguarded)] == ["kinds", "kinds"], "level and claims add up all the same"


def test_a_book_that_moves_before_it_is_opened_or_is_opened_twice(unguarded: Connection) -> None:
    entries = metadata.tables["book_entries"]
    unguarded.execute(insert(entries).values(shelf_id=1, kind="opening", delta=0, at=NOW))
    unguarded.execute(insert(entries).values(shelf_id=99, kind="took", delta=0, at=NOW))
    assert {each.where for each in found(unguarded)} == {"book of shelf 1", f"book entry {_newest(unguarded, 'book_entries')} of shelf 99"}


def test_rows_from_times_that_cannot_be(unguarded: Connection) -> None:
    row = {"sku_id": 1, "location_id": 1, "type": "count", "occurred_at": NOW}
    moved = metadata.tables["movements"]
    unguarded.execute(insert(moved).values(**row, recorded_at=NOW + timedelta(minutes=9)))
    assert found(unguarded) == []
    unguarded.execute(insert(moved).values(**row, recorded_at=NOW + timedelta(minutes=11)))
    unguarded.execute(text("UPDATE movements SET recorded_at = 0 WHERE id = 1"))
    unguarded.execute(text("UPDATE movements SET recorded_at = 9000000000000000000 WHERE id = 2"))
    assert [each.check for each in found(unguarded)] == ["times"] * 3


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_where_ids_have_no_gaps_one_is_found(unguarded: Connection) -> None:
    """A row of nothing but zeros proves nothing by its numbers."""
    row = {"sku_id": 1, "location_id": 1, "type": "count", "occurred_at": NOW, "recorded_at": NOW}
    newest = _newest(unguarded, "movements")
    unguarded.execute(insert(metadata.tables["movements"]).values(**row, id=newest + 2))
    assert [(each.check, each.expected) for each in found(unguarded)] == [("ids", f"row {newest + 1}")]


@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
def test_what_was_undone_leaves_gaps_on_postgresql(ledger: Connection) -> None:
    row = {"sku_id": 1, "location_id": 1, "type": "count", "occurred_at": NOW, "recorded_at": NOW}
    with ledger.begin_nested() as savepoint:
        ledger.execute(insert(metadata.tables["movements"]).values(**row))
        savepoint.rollback()
    ledger.execute(insert(metadata.tables["movements"]).values(**row))
    assert verify(ledger, NOW).mismatches == ()


def test_every_missing_guard_is_named(unguarded: Connection) -> None:
    missing = [each.where for each in verify(unguarded, NOW).mismatches if each.check == "guards"]
    assert len(missing) == len(APPEND_ONLY) * len(EVENTS[unguarded.dialect.name])
    assert "UPDATE of movements" in missing


HARMLESS = {
    "sqlite": (
        "CREATE TRIGGER movements_no_update BEFORE UPDATE ON movements BEGIN SELECT 1; END",
        "CREATE TRIGGER movements_no_update BEFORE UPDATE ON movements WHEN old.id < 0 BEGIN SELECT RAISE(ABORT, 'no'); END",
        "CREATE TRIGGER movements_no_update BEFORE UPDATE OF reason ON movements BEGIN SELECT RAISE(ABORT, 'no'); END",
    ),
    "postgresql": (
        "CREATE TRIGGER movements_no_update BEFORE UPDATE ON movements FOR EACH ROW WHEN (old.id < 0) EXECUTE FUNCTION channelsync_append_only()",
        "CREATE TRIGGER movements_no_update BEFORE UPDATE OF reason ON movements FOR EACH STATEMENT EXECUTE FUNCTION channelsync_append_only()",
        "CREATE TRIGGER movements_no_update BEFORE UPDATE ON movements FOR EACH STATEMENT EXECUTE FUNCTION idle()",
    ),
}


def test_a_trigger_of_the_right_name_that_guards_nothing_is_a_missing_one(ledger: Connection) -> None:
    if ledger.dialect.name == "postgresql":
        ledger.exec_driver_sql("CREATE FUNCTION idle() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'")
    for statement in HARMLESS[ledger.dialect.name]:
        suffix = " ON movements" if ledger.dialect.name == "postgresql" else ""
        ledger.exec_driver_sql(f"DROP TRIGGER movements_no_update{suffix}")
        ledger.exec_driver_sql(statement)
        assert [each.where for each in verify(ledger, NOW).mismatches] == ["UPDATE of movements"], statement


def test_it_reads_and_nothing_else(engine: Engine) -> None:
    from channelsync.ledger.database import reading

    with engine.begin() as conn:
        live_a_day(conn)
    with reading(engine).connect() as conn, conn.begin():
        assert verify(conn, NOW).mismatches == ()


def _newest(conn: Connection, table: str) -> int:
    return int(conn.scalar(text(f"SELECT MAX(id) FROM {table}")) or 0)
