"""What SQLAlchemy spells the same and the two engines do not do the same: INSERT ... ON CONFLICT, ids of new rows, and rows by keys of several columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, bindparam, insert, tuple_
from sqlalchemy.dialects import postgresql, sqlite


def insert_into(conn: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    return postgresql.insert(table) if conn.dialect.name == "postgresql" else sqlite.insert(table)


def insert_for_ids(conn: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> list[int]:
    """The new rows' ids, in the order of the rows. SQLite gives them out in that order, but may return them in another; asked for the rows' own order,
    SQLAlchemy would insert them one by one.
    """
    if not rows:
        return []
    if conn.dialect.name == "sqlite":
        return sorted(conn.scalars(insert(table).returning(table.c.id), rows))
    return list(conn.scalars(insert(table).returning(table.c.id, sort_by_parameter_order=True), rows))


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
