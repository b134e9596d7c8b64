"""A ledger database in memory at the program's schema. Migrated once per process; every world gets a copy."""

from __future__ import annotations

import functools
import sqlite3

from sqlalchemy import Engine

from channelsync.ledger.database import open_database
from channelsync.ledger.upgrade import upgrade


def fresh() -> Engine:
    """One connection, so it lives until it is disposed of, whatever becomes of the daemons that use it: one world at a time.

    Worlds share what SQLAlchemy has compiled, and nothing else: what listens to one's engine does not hear another's.
    """
    engine = _shared().execution_options()
    engine.dispose()
    _driver(engine).deserialize(_template())
    return engine


@functools.cache
def _shared() -> Engine:
    return open_database("sqlite://", durable=False)


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
