"""What SQLAlchemy spells the same and the two engines do not do the same: INSERT ... ON CONFLICT, and rows by keys of several columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import JSON, ColumnElement, Connection, Table, and_, bindparam, func, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite

from channelsync.ledger import spelt


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
    """`among` for a statement that is spelt once, by the dialect's name: `keys_of` gives it its keys."""
    names = [f"keys_{place}" for place, _ in enumerate(columns)]
    alone = [spelt.one_of(column, name) for name, column in zip(names, columns, strict=True)]
    lists = func.unnest(*(bindparam(name, type_=spelt.List(column.type)) for name, column in zip(names, columns, strict=True)))
    rows = lists.table_valued(*names).render_derived()
    told = func.json_each(bindparam("keys", type_=JSON())).table_valued("value")
    parts = [func.json_extract(told.c.value, f"$[{place}]") for place, _ in enumerate(columns)]
    return {
        "postgresql": and_(*alone, tuple_(*columns).in_(select(*rows.c))),
        "sqlite": and_(*alone, tuple_(*columns).in_(select(*parts))),
    }


def keys_of(keys: Sequence[tuple[Any, ...]]) -> dict[str, Sequence[Any]]:
    return {"keys": keys, **{f"keys_{place}": each for place, each in enumerate(zip(*keys, strict=True))}}
