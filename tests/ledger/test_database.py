"""Opening a database: the settings the ledger's promises rest on are really on, and what cannot work says why."""

from __future__ import annotations

import builtins
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from channelsync.ledger import database
from channelsync.ledger.database import UnusableDatabase, assert_durable, is_in_memory, open_database, reading, writing
from channelsync.ledger.schema import facts
from channelsync.testing.postgres import PostgresServer
from support.racing import together


def pragma(engine: Engine, name: str) -> Any:
    with engine.connect() as conn:
        return conn.exec_driver_sql(f"PRAGMA {name}").scalar_one()


def test_sqlite_is_set_up_to_keep_what_it_is_told(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'store.db'}")
    wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "recursive_triggers": 1, "busy_timeout": 5000}
    assert {name: pragma(engine, name) for name in wanted} == wanted
    engine.dispose()


def test_the_sqlite_file_is_private(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    engine = open_database(f"sqlite:///{path}")
    with engine.begin() as conn:
        conn.execute(text("CREATE TABLE t (id INTEGER)"))
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    engine.dispose()
    assert modes == {"store.db": 0o600, "store.db-wal": 0o600, "store.db-shm": 0o600}


def test_a_database_that_may_forget_is_refused(engine: Engine, postgres: PostgresServer, dialect: str) -> None:
    with engine.connect() as conn, pytest.raises(UnusableDatabase, match=r"synchronous is '0'|fsync is 'off'"):
        assert_durable(conn)
    if dialect == "postgresql":
        with pytest.raises(UnusableDatabase, match="fsync"):
            open_database(postgres.url("postgres"))


def test_a_sqlite_writer_locks_at_once_and_a_reader_does_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_MILLISECONDS", 1)
    engine = open_database(f"sqlite:///{tmp_path / 'store.db'}", durable=False)
    with engine.begin() as writer:
        writer.execute(text("CREATE TABLE t (id INTEGER)"))
        with reading(engine).connect() as reader, reader.begin():
            assert reader.execute(text("SELECT count(*) FROM sqlite_master")).scalar_one() == 0
        open_database(str(engine.url)).dispose()
        with pytest.raises(OperationalError, match="locked"), engine.begin():
            pass
    with engine.begin() as conn:
        assert conn.execute(text("SELECT count(*) FROM t")).scalar_one() == 0
    engine.dispose()


def test_opening_it_again_leaves_the_locks_of_a_connection_that_is_open(tmp_path: Path) -> None:
    """A process that closes any descriptor of a file drops all its own locks on it: another program would take the database for unused."""
    url = f"sqlite:///{tmp_path / 'store.db'}"
    engine = open_database(url, durable=False)
    with engine.connect() as conn:
        conn.execute(text("SELECT count(*) FROM sqlite_master"))
        open_database(url, durable=False).dispose()
        take_over = f"import sqlite3; sqlite3.connect({str(tmp_path / 'store.db')!r}, timeout=0).execute('PRAGMA journal_mode = DELETE')"
        other = subprocess.run([sys.executable, "-c", take_over], capture_output=True, text=True, check=False)
    engine.dispose()
    assert "database is locked" in other.stderr


OPEN_TOGETHER = """
import sys
from channelsync.ledger.database import open_database
print("ready", flush=True)
input()
for number in range(200):
    open_database(f"{sys.argv[1]}{number}", durable=False).dispose()
print(200)
"""


def test_processes_that_open_new_files_at_once_wait_for_each_other(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    assert together(OPEN_TOGETHER, *[(url,)] * 6) == [200] * 6


def test_a_reader_cannot_write_and_its_connection_is_a_writers_again_afterwards(engine: Engine) -> None:
    with reading(engine).connect() as conn, conn.begin(), pytest.raises(DBAPIError, match="(?i)read-?only"):
        conn.execute(facts.insert().values(name="a", value="b"))
    for _ in range(12):  # more often than the pool has connections
        with engine.begin() as conn:
            conn.execute(facts.insert().values(name="a", value="b"))
            conn.execute(facts.delete())


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///{folder}/store.db"])
def test_a_commit_that_fails_leaves_no_transaction_behind(url: str, tmp_path: Path) -> None:
    """SQLite itself keeps it open, with all that was written in it."""
    engine = open_database(url.format(folder=tmp_path), durable=False)
    with engine.connect() as conn, conn.begin():
        conn.execute(text("CREATE TABLE parents (id INTEGER PRIMARY KEY)"))
        conn.execute(text("CREATE TABLE children (parent INTEGER REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED)"))
    with engine.connect() as conn, pytest.raises(IntegrityError), conn.begin() as transaction:
        conn.execute(text("INSERT INTO children VALUES (1)"))
        transaction.commit()
    with engine.connect() as conn, conn.begin():
        assert conn.execute(text("SELECT COUNT(*) FROM children")).scalar_one() == 0
    engine.dispose()


def test_foreign_keys_hold(conn: Any) -> None:
    with pytest.raises(IntegrityError):
        conn.execute(text("INSERT INTO stock_levels (sku_id, location_id) VALUES (1, 1)"))


def test_in_memory_keeps_its_tables_between_connections() -> None:
    engine = open_database("sqlite://")
    assert is_in_memory(engine)
    with engine.begin() as conn:
        facts.create(conn)
        conn.execute(facts.insert().values(name="a", value="b"))
    with reading(engine).connect() as conn:
        assert conn.execute(select(facts.c.value)).scalar_one() == "b"
    engine.dispose()


def test_postgres_urls_mean_psycopg_at_read_committed(postgres: PostgresServer) -> None:
    for scheme in ("postgresql", "postgres", "postgresql+psycopg"):
        engine = open_database(postgres.url("postgres").replace("postgresql", scheme, 1), durable=False)
        assert engine.dialect.driver == "psycopg"
        with engine.begin() as conn:
            assert conn.exec_driver_sql("SHOW transaction_isolation").scalar_one() == "read committed"
            assert conn.exec_driver_sql("SHOW idle_in_transaction_session_timeout").scalar_one() == "5s"
        with reading(engine).begin() as conn:
            assert conn.exec_driver_sql("SHOW idle_in_transaction_session_timeout").scalar_one() == "1min"
            assert conn.exec_driver_sql("SHOW transaction_isolation").scalar_one() == "repeatable read"
        engine.dispose()


def test_what_the_database_has_for_a_default_changes_nothing(postgres: PostgresServer) -> None:
    url = postgres.create_database("strict")
    postgres.execute("ALTER DATABASE strict SET default_transaction_isolation = 'serializable'")
    engine = open_database(url, durable=False)
    with engine.begin() as conn:
        assert conn.exec_driver_sql("SHOW default_transaction_isolation").scalar_one() == "serializable"
        assert conn.exec_driver_sql("SHOW transaction_isolation").scalar_one() == "read committed"
    engine.dispose()
    postgres.drop_database("strict")


def test_behind_pgbouncer_nothing_is_prepared_and_no_session_is_changed(postgres: PostgresServer) -> None:
    engine = open_database(postgres.url("postgres"), durable=False, pooled=True)
    with engine.begin() as conn:
        for _ in range(20):
            conn.execute(text("SELECT :n"), {"n": 1})
        assert conn.exec_driver_sql("SELECT count(*) FROM pg_prepared_statements").scalar_one() == 0
    with reading(engine).connect() as conn:
        assert conn.exec_driver_sql("SHOW idle_in_transaction_session_timeout").scalar_one() == "0"
    engine.dispose()


@pytest.mark.parametrize("writer", [lambda engine: engine, writing], ids=["any", "the one with a connection of its own"])
def test_a_writer_that_hangs_in_a_transaction_lets_go_of_its_rows(
    postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch, writer: Callable[[Engine], Engine]
) -> None:
    """A node that is frozen half way held up the writers of all other nodes for a minute. Readers lock nothing and may think for longer."""
    monkeypatch.setattr("channelsync.ledger.database.HUNG_WRITER_MILLISECONDS", 200)
    hung, other = (open_database(postgres.url("postgres"), durable=False) for _ in range(2))
    with other.begin() as conn:
        conn.exec_driver_sql("CREATE TABLE hung (id INTEGER PRIMARY KEY, n INTEGER NOT NULL)")
        conn.exec_driver_sql("INSERT INTO hung VALUES (1, 0)")
    frozen, thinking = writer(hung).connect(), reading(hung).connect()
    frozen.begin()
    frozen.exec_driver_sql("UPDATE hung SET n = 100")
    thinking.begin()
    assert thinking.exec_driver_sql("SELECT n FROM hung").scalar_one() == 0
    with other.begin() as conn:
        conn.exec_driver_sql("UPDATE hung SET n = n + 1")  # waits, and comes through
    time.sleep(0.3)
    assert thinking.exec_driver_sql("SELECT n FROM hung").scalar_one() == 0
    with pytest.raises(DBAPIError, match="idle-in-transaction"):
        frozen.exec_driver_sql("UPDATE hung SET n = 100")
    frozen.invalidate()
    frozen.close()
    thinking.close()
    with other.begin() as conn:
        assert conn.exec_driver_sql("SELECT n FROM hung").scalar_one() == 1
        conn.exec_driver_sql("DROP TABLE hung")
    for engine in (hung, other):
        engine.dispose()


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("mysql://root@host/shop", "mysql is not supported"),
        ("postgresql+asyncpg://host/shop", "asyncpg is not supported"),
        ("store.db", "cannot be read"),
        ("sqlite:////no/such/folder/store.db", "folder exists"),
        ("postgresql://user:secret@/shop?host=/no/such/socket", "cannot open"),
    ],
)
def test_what_cannot_be_opened_says_why_without_the_password(url: str, says: str) -> None:
    with pytest.raises(UnusableDatabase, match=says) as problem:
        open_database(url)
    assert "secret" not in str(problem.value)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    path.write_bytes(b"this is not a database, it is a text that is long enough" * 20)
    with pytest.raises(UnusableDatabase, match="not a database"):
        open_database(f"sqlite:///{path}")


def test_a_missing_driver_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without_psycopg(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.partition(".")[0] == "psycopg":
            raise ModuleNotFoundError("No module named 'psycopg'")
        return real(name, *args, **kwargs)

    monkeypatch.delitem(sys.modules, "psycopg", raising=False)
    monkeypatch.setattr(builtins, "__import__", without_psycopg)
    with pytest.raises(UnusableDatabase, match=r"channelsync\[postgres\]"):
        open_database("postgresql://host/shop")


def test_the_driver_is_the_standard_librarys(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'store.db'}", durable=False)
    with engine.connect() as conn:
        assert isinstance(conn.connection.dbapi_connection, sqlite3.Connection)
    engine.dispose()


def test_an_error_does_not_repeat_what_rows_hold(engine: Engine) -> None:
    """Its text goes into the log, and rows hold orders and deliveries of people."""
    with pytest.raises(DBAPIError) as error, engine.begin() as conn:
        conn.execute(text("INSERT INTO nowhere (body) VALUES (:body)"), {"body": "Ann Example, Main Street 1"})
    assert "Ann" not in str(error.value)
    assert "nowhere" in str(error.value)
