"""Opening the ledger's database: SQLite or PostgreSQL, with the settings the ledger's promises rest on. No tables and no statements of verbs here.

Every transaction of the engine is a writer's (`BEGIN IMMEDIATE` on SQLite, READ COMMITTED on PostgreSQL); readers use `reading(engine)`.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.pool import StaticPool

from channelsync.errors import ChannelsyncError

BUSY_MILLISECONDS = 5000
UPGRADE_MILLISECONDS = 60_000
"""So long an upgrade waits for another one: the first that begins does the work, and old hardware takes its time."""

SWITCH_TRIES = 250
SWITCH_PAUSE_SECONDS = 0.02
CONNECTIONS = 5
"""Kept open per engine: one writer, the rest readers; as many again may be opened for a moment."""

QUIET: dict[str, Any] = {"hide_parameters": True}
"""An error's text goes into the log, and what rows hold are orders and whole deliveries of people."""

READ_ONLY = "channelsync_read_only"
MIGRATING = "channelsync_migrating"
WRITING = "channelsync_writing"
PRAGMAS = "channelsync_pragmas"
LOCK_MILLISECONDS = 5000
POSTGRES_SETTINGS = f"-c lock_timeout={LOCK_MILLISECONDS} -c idle_in_transaction_session_timeout="
HUNG_READER = "60s"
"""A node that hangs inside a transaction must not hold the others for ever."""

POOLED = "channelsync_pooled"
POOLED_HINT = "\nThis is PgBouncer, it seems: write `pooled = true` under [store]."

HUNG_WRITER_MILLISECONDS = 5000
"""A writer that is frozen keeps its rows locked, and every other node's one writer waits for them: verbs never pause for so long. Readers may."""


class UnusableDatabase(ChannelsyncError):
    """The database cannot be opened, or does not keep what it is told to keep."""


class WrongDatabase(ChannelsyncError):
    """The database works, but it is not the one this program and this config belong to."""


def open_database(url: str, *, durable: bool = True, pooled: bool = False) -> Engine:
    """Open `sqlite:///path`, `sqlite://` (in memory, one thread) or `postgresql://...`; raises UnusableDatabase.

    durable: refuse a database that may forget a committed transaction; False only where losing all of it is fine.
    pooled: PostgreSQL sits behind PgBouncer in transaction mode, so nothing is set for longer than a transaction and nothing is prepared.
    """
    parsed = _parse(url)
    engine = _open_sqlite(parsed, durable=durable) if parsed.get_backend_name() == "sqlite" else _open_postgres(parsed, pooled=pooled)
    try:
        with reading(engine).connect() as conn:  # opening never waits for a writer
            if durable:
                assert_durable(conn)
    except DBAPIError as problem:
        engine.dispose()
        hint = POOLED_HINT if "unsupported startup parameter" in str(problem.orig) else ""
        raise UnusableDatabase(f"cannot open the database {_shown(parsed)}: {problem.orig}{hint}") from problem
    except UnusableDatabase:
        engine.dispose()
        raise
    return engine


def reading(engine: Engine) -> Engine:
    """The same database for readers: each transaction sees one snapshot, and a write in it is an error."""
    options: dict[str, Any] = {READ_ONLY: True}
    if engine.dialect.name == "postgresql":
        options |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    return engine.execution_options(**options)


def writing(engine: Engine) -> Engine:
    """The same database for the thread that writes all day. On PostgreSQL it has a connection of its own, which knows a writer's time-outs from its
    start: said in each transaction they are a round trip. Elsewhere, and where the URL has options of its own, the engine itself; a writer's engine
    is one already.
    """
    options = engine.get_execution_options()
    if engine.dialect.name != "postgresql" or options.get(POOLED) or options.get(WRITING) or "options" in engine.url.query:
        return engine
    own = _postgres_engine(engine.url, {"options": f"{POSTGRES_SETTINGS}{HUNG_WRITER_MILLISECONDS}"}, pool_size=1, max_overflow=CONNECTIONS)
    return own.execution_options(**{**options, WRITING: True})


def is_in_memory(engine: Engine) -> bool:
    """An in-memory SQLite database has one connection, so it cannot serve two threads."""
    return isinstance(engine.pool, StaticPool)


def assert_durable(conn: Connection) -> None:
    """Raise UnusableDatabase, naming the setting, if a committed transaction could be lost when the power fails."""
    for setting, value, wanted in _durability(conn):
        if value not in wanted:
            raise UnusableDatabase(f"database setting {setting} is {value!r}: a committed sale could be lost; set it to {wanted[0]!r}")


def _durability(conn: Connection) -> list[tuple[str, str, tuple[str, ...]]]:
    def ask(statement: str) -> str:
        return str(conn.exec_driver_sql(statement).scalar_one())

    if conn.dialect.name == "sqlite":
        if is_in_memory(conn.engine):
            return []
        return [("journal_mode", ask("PRAGMA journal_mode"), ("wal",)), ("synchronous", ask("PRAGMA synchronous"), ("2", "3"))]
    commit = ("on", "local", "remote_write", "remote_apply")
    return [("fsync", ask("SHOW fsync"), ("on",)), ("synchronous_commit", ask("SHOW synchronous_commit"), commit)]


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as problem:
        raise UnusableDatabase(
            "the database URL cannot be read; use sqlite:///path/to/store.db or postgresql://user@host/name"
        ) from problem
    if parsed.drivername in ("sqlite", "sqlite+pysqlite"):
        return parsed.set(drivername="sqlite")
    if parsed.drivername in ("postgresql", "postgres", "postgresql+psycopg"):
        return parsed.set(drivername="postgresql+psycopg")
    raise UnusableDatabase(f"database {_shown(parsed)}: {parsed.drivername} is not supported; use sqlite:///... or postgresql://...")


def _shown(url: URL) -> str:
    return url.render_as_string(hide_password=True)


def _open_sqlite(url: URL, *, durable: bool) -> Engine:
    if url.database in (None, "", ":memory:"):
        engine = create_engine(url, poolclass=StaticPool, connect_args={"check_same_thread": False}, **QUIET)
    else:
        _create_private(Path(str(url.database)))
        engine = create_engine(url, pool_size=CONNECTIONS, max_overflow=CONNECTIONS, **QUIET)

    @event.listens_for(engine, "connect")
    def configure(dbapi_connection: Any, _record: object) -> None:
        dbapi_connection.isolation_level = None  # the driver would begin too late and in the wrong mode: we begin ourselves
        _use_wal(dbapi_connection)
        for pragma in (
            f"synchronous = {'FULL' if durable else 'OFF'}",
            "foreign_keys = ON",
            "recursive_triggers = ON",
        ):
            dbapi_connection.execute(f"PRAGMA {pragma}").close()
        dbapi_connection.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}").close()

    event.listen(engine, "begin", _begin_sqlite)
    event.listen(engine, "reset", _end_sqlite)
    return engine


def _use_wal(dbapi_connection: Any) -> None:
    """SQLite itself does not wait where two processes open a new file at once, as each would wait for the other."""
    for left in reversed(range(SWITCH_TRIES)):
        try:
            dbapi_connection.execute("PRAGMA journal_mode = WAL").close()
            return
        except sqlite3.OperationalError as problem:
            if problem.sqlite_errorcode != sqlite3.SQLITE_BUSY or not left:
                raise
            time.sleep(SWITCH_PAUSE_SECONDS)


def _end_sqlite(dbapi_connection: Any, _record: object, _state: object) -> None:
    """SQLite may keep a transaction open whose commit has failed, while SQLAlchemy takes it for ended: the next writer on this connection could
    not begin, and none on another.
    """
    if dbapi_connection.in_transaction:
        dbapi_connection.rollback()


def _begin_sqlite(conn: Connection) -> None:
    """A writer takes the write lock at once: a reader that turns into a writer half way fails without waiting."""
    options = conn.get_execution_options()
    reads, migrates = bool(options.get(READ_ONLY)), bool(options.get(MIGRATING))
    wanted = {
        "query_only": int(reads),
        "foreign_keys": int(not migrates),
        "busy_timeout": UPGRADE_MILLISECONDS if migrates else BUSY_MILLISECONDS,
    }
    told = conn.info.setdefault(PRAGMAS, {})
    if told != wanted:
        # None can be changed inside a transaction, and a pooled connection keeps what it was last told. Migrations rebuild tables that
        # others refer to, so they run with foreign keys off and check them at the end.
        for pragma in [name for name, value in wanted.items() if told.get(name) != value]:
            conn.exec_driver_sql(f"PRAGMA {pragma} = {wanted[pragma]}")
        conn.info[PRAGMAS] = wanted
    conn.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def _create_private(path: Path) -> None:
    """Orders name people: the file (and the WAL, which copies its mode) is readable by its owner only.

    One that is there is left to SQLite: closing a descriptor of it would drop the locks that this process's other connections have on it.
    """
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        return
    except OSError as problem:
        raise UnusableDatabase(
            f"cannot open the database file {path}: {problem.strerror}; check that its folder exists and is writable"
        ) from problem


def _open_postgres(url: URL, *, pooled: bool) -> Engine:
    settings: dict[str, Any] = {"prepare_threshold": None} if pooled else {"options": f"{POSTGRES_SETTINGS}{HUNG_READER}"}
    engine = _postgres_engine(url, settings, pool_size=CONNECTIONS, max_overflow=CONNECTIONS, execution_options={POOLED: pooled})
    event.listen(engine, "begin", _begin_postgres)
    return engine


def _postgres_engine(url: URL, settings: Mapping[str, Any], **more: Any) -> Engine:
    """Connections are not asked whether they live before each use, which is a round trip: who finds one dead begins again (`ledger.group`, `ledger.door`)."""
    connect_args = {name: value for name, value in {"connect_timeout": 5, **settings}.items() if name not in url.query}
    try:
        return create_engine(url, isolation_level="READ COMMITTED", connect_args=connect_args, **QUIET, **more)
    except ModuleNotFoundError as problem:
        raise UnusableDatabase("PostgreSQL needs its driver: pip install 'channelsync[postgres]'") from problem


def _begin_postgres(conn: Connection) -> None:
    options = conn.get_execution_options()
    if options.get(READ_ONLY) or options.get(MIGRATING):
        return
    hung = f"SET LOCAL idle_in_transaction_session_timeout = {HUNG_WRITER_MILLISECONDS}"
    conn.exec_driver_sql(f"{hung}; SET LOCAL lock_timeout = {LOCK_MILLISECONDS}" if options.get(POOLED) else hung)
