"""The migrated schema is the one the code is written against, and a database this program does not know is refused."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, Inspector, inspect, text

from channelsync.ledger import database
from channelsync.ledger.database import UnusableDatabase, WrongDatabase, open_database
from channelsync.ledger.schema import metadata
from channelsync.ledger.triggers import assert_triggers
from channelsync.ledger.upgrade import MIGRATIONS, VERSION_TABLE, Schema, check, revisions, upgrade
from support.racing import together


@pytest.fixture
def empty(new_database: Callable[[], str]) -> Iterator[Engine]:
    engine = open_database(new_database(), durable=False)
    yield engine
    engine.dispose()


def _shape(inspector: Inspector, table: str) -> dict[str, Any]:
    def flat(rows: list[Any]) -> list[str]:
        return sorted(repr(sorted((name, plain(value)) for name, value in dict(row).items())) for row in rows)

    def plain(value: Any) -> str:
        return repr({key: str(inner) for key, inner in value.items()}) if isinstance(value, dict) else str(value)

    return {
        "columns": flat(list(inspector.get_columns(table))),
        "primary key": dict(inspector.get_pk_constraint(table)),
        "foreign keys": flat(list(inspector.get_foreign_keys(table))),
        "unique": flat(list(inspector.get_unique_constraints(table))),
        "checks": flat(list(inspector.get_check_constraints(table))),
        "indexes": flat(list(inspector.get_indexes(table))),
    }


def test_migrations_build_what_the_metadata_says(engine: Engine, empty: Engine) -> None:
    metadata.create_all(empty)
    migrated, wanted = inspect(engine), inspect(empty)
    assert set(migrated.get_table_names()) - {VERSION_TABLE} == set(wanted.get_table_names())
    for table in wanted.get_table_names():
        assert _shape(migrated, table) == _shape(wanted, table)


def test_alembic_finds_nothing_to_change(engine: Engine) -> None:
    with engine.connect() as conn:
        context = MigrationContext.configure(conn, opts={"version_table": VERSION_TABLE})
        assert compare_metadata(context, metadata) == []


def test_states_on_the_way(empty: Engine) -> None:
    assert check(empty).schema is Schema.EMPTY
    with pytest.raises(WrongDatabase, match="db upgrade"):
        check(empty).require_current()
    assert upgrade(empty).schema is Schema.CURRENT
    check(empty).require_current()


def test_upgrading_again_changes_nothing(engine: Engine) -> None:
    before = {table: _shape(inspect(engine), table) for table in inspect(engine).get_table_names()}
    state = upgrade(engine)
    assert state.schema is Schema.CURRENT
    assert {table: _shape(inspect(engine), table) for table in inspect(engine).get_table_names()} == before


def test_triggers_are_there_after_an_upgrade_and_come_back_with_the_next(engine: Engine) -> None:
    on = " ON movements" if engine.dialect.name == "postgresql" else ""
    with engine.begin() as conn:
        assert_triggers(conn)
        conn.execute(text(f"DROP TRIGGER movements_no_delete{on}"))
    with engine.connect() as conn, pytest.raises(UnusableDatabase, match="movements_no_delete"):
        assert_triggers(conn)
    upgrade(engine)
    with engine.connect() as conn:
        assert_triggers(conn)


def test_a_newer_database_is_refused_naming_both_revisions(engine: Engine) -> None:
    wanted = check(engine).wanted
    with engine.begin() as conn:
        conn.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
    state = check(engine)
    assert state.schema is Schema.NEWER
    for refuse in (state.require_current, lambda: upgrade(engine)):
        with pytest.raises(WrongDatabase, match=f"9999.*{wanted}"):
            refuse()


def test_somebody_elses_tables_are_left_alone(empty: Engine) -> None:
    with empty.begin() as conn:
        conn.execute(text("CREATE TABLE wp_posts (id INTEGER)"))
    assert check(empty).schema is Schema.FOREIGN
    for refuse in (check(empty).require_current, lambda: upgrade(empty)):
        with pytest.raises(WrongDatabase, match="did not make"):
            refuse()
    assert inspect(empty).get_table_names() == ["wp_posts"]


def test_an_upgrade_that_fails_leaves_nothing_behind(empty: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_conn: object) -> None:
        raise RuntimeError("power cut")

    monkeypatch.setattr("channelsync.ledger.upgrade._assert_references", fail)
    with pytest.raises(RuntimeError, match="power cut"):
        upgrade(empty)
    assert check(empty).schema is Schema.EMPTY
    monkeypatch.undo()
    assert upgrade(empty).schema is Schema.CURRENT


UPGRADE = """
import json, sys
from channelsync.ledger.database import open_database
from channelsync.ledger.upgrade import upgrade
print("ready", flush=True)
input()
engine = open_database(sys.argv[1], durable=False)
print(json.dumps(upgrade(engine).schema.value))
engine.dispose()
"""


def test_daemons_that_start_together_upgrade_once(new_database: Callable[[], str]) -> None:
    assert together(UPGRADE, *[(new_database(),)] * 3) == ["current"] * 3


def test_an_upgrade_waits_for_another_one_longer_than_a_verb_would(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_MILLISECONDS", 1)
    url = f"sqlite:///{tmp_path / 'store.db'}"
    engine = open_database(url, durable=False)
    with ThreadPoolExecutor(1) as other:
        with engine.begin():
            waiting = other.submit(lambda: upgrade(open_database(url, durable=False)).schema)
            with pytest.raises(TimeoutError):
                waiting.result(timeout=0.5)
        assert waiting.result(timeout=60) is Schema.CURRENT
    engine.dispose()


@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
def test_an_upgrade_that_the_database_refuses_says_so_and_changes_nothing(empty: Engine) -> None:
    with empty.begin() as conn:
        conn.execute(text("CREATE TYPE locations AS (id integer)"))  # takes the name of a table to come
    with pytest.raises(UnusableDatabase, match="was undone.*locations"):
        upgrade(empty)
    assert check(empty).schema is Schema.EMPTY


def test_the_names_of_the_revisions_are_their_order() -> None:
    """A start reads them off the files, and loads nothing that only a migration needs."""
    scripts = ScriptDirectory(str(MIGRATIONS))
    assert revisions() == [script.revision for script in reversed(list(scripts.walk_revisions()))]


def test_a_database_that_is_up_to_date_needs_no_alembic_and_no_stand_in(empty: Engine) -> None:
    upgrade(empty)
    url = empty.url.render_as_string(hide_password=False)
    program = f"""
import sys
import channelsync.cli
from channelsync.ledger.database import open_database
from channelsync.ledger.upgrade import upgrade
upgrade(open_database({url!r}, durable=False))
print(sorted(name for name in ("alembic", "graphql", "channelsync.testing") if name in sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
