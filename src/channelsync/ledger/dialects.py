"""What SQLAlchemy spells the same and the two engines do not do the same: INSERT ... ON CONFLICT, and rows by keys of several columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, bindparam, tuple_
from sqlalchemy.dialects import postgresql, sqlite


def insert_into(conn: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    return postgresql.insert(table) if conn.dialect.name == "postgresql" else sqlite.insert(table)


def among(conn: Connection, columns: Sequence[ColumnElement[Any]], keys: Sequence[tuple[Any, ...]]) -> ColumnElement[bool]:
    """The rows whose columns are one of the keys. SQLite looks a list of rows up in no index, and reads the whole table: it is told the columns one
    by one, too.
    """
    these = tuple_(*columns).in_(keys)
    if conn.dialect.name != "sqlite":
        return these
    return and_(*(column.in_({key[place] for key in keys}) for place, column in enumerate(columns)), these)


def by_keys(columns: Sequence[ColumnElement[Any]]) -> Mapping[str, ColumnElement[bool]]:
    """`among` for a statement that is built once, by the dialect's name: `keys_of` gives it its keys."""
    these = tuple_(*columns).in_(bindparam("keys", expanding=True))
    alone = (column.in_(bindparam(f"keys_{place}", expanding=True)) for place, column in enumerate(columns))
    return {"postgresql": these, "sqlite": and_(*alone, these)}


def keys_of(keys: Sequence[tuple[Any, ...]]) -> dict[str, Sequence[Any]]:
    return {"keys": keys, **{f"keys_{place}": list(dict.fromkeys(each)) for place, each in enumerate(zip(*keys, strict=True))}}
