"""A ledger database in memory at the program's schema. Migrated once per process; every world gets a copy."""

from __future__ import annotations

import functools
import sqlite3

from sqlalchemy import Engine

from channelsync.ledger.database import open_database
from channelsync.ledger.upgrade import upgrade


def fresh() -> Engine:
    """One connection, so it lives as long as the engine does, whatever becomes of the daemons that use it."""
    engine = open_database("sqlite://", durable=False)
    _driver(engine).deserialize(_template())
    return engine


@functools.cache
def _template() -> bytes:
    engine = open_database("sqlite://", durable=False)
    try:
        upgrade(engine)
        return _driver(engine).serialize()
    finally:
        engine.dispose()


def _driver(engine: Engine) -> sqlite3.Connection:
    with engine.connect() as conn:
        driver = conn.connection.driver_connection
        conn.rollback()
    assert isinstance(driver, sqlite3.Connection)
    return driver
