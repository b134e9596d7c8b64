"""What tests of several files of the back room begin with."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection

from support.stock import open_locations, put


@pytest.fixture
def shelf(conn: Connection) -> Connection:
    """10 of A, 4 of B and none of C at main, 3 of A in the annex; since an hour before they are counted."""
    open_locations(conn, "main", "annex")
    for sku, units in (("A", 10), ("B", 4), ("C", 0)):
        put(conn, sku, units)
    put(conn, "A", 3, "annex")
    return conn
