"""The store that routed orders are tried in."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection

from support.routing import Store, open_store


@pytest.fixture
def store(conn: Connection) -> Store:
    return open_store(conn, A=(10, 10, 10), B=(10, 0, 10))
