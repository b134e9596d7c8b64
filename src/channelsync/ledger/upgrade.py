"""Bringing a database to this program's schema, and saying what state it is in. The revisions themselves are in `migrations`.

Saying it is part of every start and every command, so it needs no alembic: that is only loaded when there is something to do.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from sqlalchemy import Connection, Engine, column, inspect, select, table
from sqlalchemy.exc import DBAPIError

from channelsync.ledger.database import MIGRATING, UPGRADE_MILLISECONDS, UnusableDatabase, WrongDatabase, reading
from channelsync.ledger.triggers import assert_triggers, install_triggers

MIGRATIONS = Path(__file__).parent / "migrations"
VERSION_TABLE = "channelsync_revision"
UPGRADE_LOCK = 4_202_611_210
"""PostgreSQL advisory lock: two daemons that start together must not both migrate; the second waits and finds nothing to do."""


class Schema(StrEnum):
    EMPTY = "empty"
    CURRENT = "current"
    BEHIND = "behind"
    NEWER = "newer"  # made by a later program
    FOREIGN = "foreign"  # somebody else's tables


@dataclass(frozen=True, slots=True)
class SchemaState:
    """found: the database's revision (None: it has none); wanted: this program's."""

    schema: Schema
    found: str | None
    wanted: str

    def require_current(self) -> None:
        """Raises WrongDatabase unless the program can work with this database."""
        if self.schema is Schema.CURRENT:
            return
        if self.schema in (Schema.EMPTY, Schema.BEHIND):
            raise WrongDatabase(
                f"the database is at revision {self.found or 'none'}, this program needs {self.wanted}; run `channelsync db upgrade` (back it up first)"
            )
        self.require_upgradable()

    def require_upgradable(self) -> None:
        """Raises WrongDatabase if an upgrade cannot lead to this program's schema."""
        if self.schema is Schema.NEWER:
            raise WrongDatabase(
                f"the database is at revision {self.found}, newer than this program, which knows up to {self.wanted}; "
                "install the newer channelsync again, or restore the backup made before the upgrade"
            )
        if self.schema is Schema.FOREIGN:
            raise WrongDatabase("the database holds tables that channelsync did not make; give it an empty database of its own")


def check(engine: Engine) -> SchemaState:
    """What state the database's schema is in. Changes nothing."""
    with reading(engine).connect() as conn:
        return _state(conn)


def revision(conn: Connection) -> str | None:
    """The database's own, without a look at anything else."""
    found: str | None = conn.scalar(select(column("version_num")).select_from(table(VERSION_TABLE)))
    return found


def upgrade(engine: Engine, to: str = "head") -> SchemaState:
    """Bring the schema to this program's revision, in one transaction: all of it or nothing. Repeating it is harmless. to: an older revision.

    Raises WrongDatabase for a newer or foreign database, and UnusableDatabase if it failed; nothing is changed then.
    """
    try:
        with engine.connect().execution_options(**{MIGRATING: True}) as conn, conn.begin():
            return _upgrade(conn, to)
    except DBAPIError as problem:
        raise UnusableDatabase(
            f"the upgrade failed and was undone: {problem.orig}; stop other programs that use the database and try again"
        ) from problem


def _upgrade(conn: Connection, to: str) -> SchemaState:
    if conn.dialect.name == "postgresql":  # on SQLite, the beginning of the transaction has waited
        conn.exec_driver_sql(f"SET LOCAL lock_timeout = '{UPGRADE_MILLISECONDS}ms'")
        conn.exec_driver_sql(f"SELECT pg_advisory_xact_lock({UPGRADE_LOCK})")
    state = _state(conn)
    state.require_upgradable()
    if state.schema is not Schema.CURRENT:
        _migrate(conn, to)
        _assert_references(conn)
    install_triggers(conn)
    assert_triggers(conn)
    return _state(conn)


def _migrate(conn: Connection, to: str) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = conn
    command.upgrade(config, to)


def revisions() -> list[str]:
    """Oldest first: a revision's file begins with its number, and each follows the one before."""
    return sorted(path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*_*.py"))


def _state(conn: Connection) -> SchemaState:
    known = revisions()
    wanted = known[-1]
    tables = inspect(conn).get_table_names()
    if VERSION_TABLE not in tables:
        return SchemaState(Schema.FOREIGN if tables else Schema.EMPTY, None, wanted)
    found = conn.exec_driver_sql(f"SELECT version_num FROM {VERSION_TABLE}").scalar_one_or_none()  # noqa: S608  a constant of ours
    if found == wanted:
        return SchemaState(Schema.CURRENT, found, wanted)
    return SchemaState(Schema.BEHIND if found is None or found in known else Schema.NEWER, found, wanted)


def _assert_references(conn: Connection) -> None:
    """SQLite migrates with foreign keys off (see `database`), so they are checked before the commit."""
    if conn.dialect.name == "sqlite" and (broken := conn.exec_driver_sql("PRAGMA foreign_key_check").fetchall()):
        raise UnusableDatabase(
            f"the upgrade would leave {len(broken)} rows that refer to nothing, first in table {broken[0][0]}; nothing was changed"
        )
