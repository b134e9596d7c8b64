"""Column types that mean the same on SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Dialect, Integer
from sqlalchemy.types import TypeDecorator

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def microseconds(value: datetime) -> int:
    """Since 1970 UTC. ValueError without a time zone."""
    if value.tzinfo is None:
        raise ValueError(f"{value!r} has no time zone: the ledger stores instants")
    since = value - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


Key = BigInteger().with_variant(Integer, "sqlite")  # SQLite only auto-increments INTEGER


class Utc(TypeDecorator[datetime]):
    """An instant, stored as whole microseconds since 1970 UTC: exact, sortable, and the same on both engines (SQLite has no time type)."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else microseconds(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        return None if value is None else EPOCH + timedelta(microseconds=value)
