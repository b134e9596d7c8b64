"""What SQLAlchemy spells the same and the two engines do not do the same: INSERT ... ON CONFLICT, and rows by keys of several columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import JSON, ColumnElement, Connection, Table, and_, bindparam, func, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite

from channelsync.ledger import spelt


def insert_into(conn: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    return postgresql.insert(table) if conn.dialect.name == "postgresql" else sqlite.insert(table)


def upsert(table: Table, keys: Sequence[str], told: Sequence[str], *, first: Sequence[str] = (), added: Sequence[str] = ()) -> spelt.Spelt:
    """One row, its columns as parameters. Where there is one with these keys, it becomes what is told, `added` are added to what it says, and what it
    was given at `first` stays.
    """
    names = (*keys, *told, *first, *added)

    def of(row: Any) -> Any:
        new = row.values({name: bindparam(name, type_=table.c[name].type) for name in names})
        becomes = {name: new.excluded[name] for name in told} | {name: table.c[name] + new.excluded[name] for name in added}
        return new.on_conflict_do_update(index_elements=[*keys], set_=becomes)

    return spelt.Spelt({"postgresql": of(postgresql.insert(table)), "sqlite": of(sqlite.insert(table))})


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
