"""Many rows in one statement: on PostgreSQL as one JSON value that the database takes apart, one way there and back however many there are; on
SQLite, which is in this process, row by row. Statements are built once, where they are declared, and spelt once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    CursorResult,
    Executable,
    Table,
    Text,
    and_,
    bindparam,
    cast,
    column,
    func,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.types import TypeEngine

from channelsync.ledger.spelt import Spelt
from channelsync.ledger.types import Utc, microseconds

CHUNK = 400
Row = Mapping[str, Any]
Cells = Mapping[str, ColumnElement[Any]]
"""What a row brings, by name."""


class Many:
    """each: the statement for one row, whose parameters it names; together: the one for all of them."""

    def __init__(
        self, each: Executable, together: Executable, types: Mapping[str, TypeEngine[Any]], *, returning: Sequence[str] = ()
    ) -> None:
        self._each, self._together, self._returning = Spelt(each), Spelt(together), returning
        self._spelt = _spelt(types)

    def run(self, conn: Connection, rows: Sequence[Row]) -> list[Any]:
        """rows: at least one, all with the names that were declared. What was to be returned, in no particular order: of one column its values, of
        several tuples.
        """
        if conn.dialect.name == "postgresql":
            made = self._together.run(conn, **self._values(rows))
            return self._made(made) if self._returning else []
        if not self._returning:
            self._each.run_each(conn, rows)
            return []
        return [each for start in range(0, len(rows), CHUNK) for each in self._made(self._each.run_all(conn, rows[start : start + CHUNK]))]

    def _made(self, result: CursorResult[Any]) -> list[Any]:
        return list(result.scalars()) if len(self._returning) == 1 else [tuple(row) for row in result]

    def _values(self, rows: Sequence[Row]) -> dict[str, Any]:
        return {"rows": json.dumps([self._told(row) for row in rows]), "_how_many": len(rows)}

    def _told(self, row: Row) -> Row:
        if not self._spelt:
            return row
        told = {**row}
        for name, spell in self._spelt:
            if told[name] is not None:
                told[name] = spell(told[name])
        return told


def run_both(conn: Connection, first: Many, rows: Sequence[Row], then: Many, more: Sequence[Row]) -> None:
    """Both, on PostgreSQL in one statement, that is in one way there and back. Neither may return anything, or need to see what the other does."""
    if conn.dialect.name == "postgresql" and rows and more:
        then._together.run_after(conn, first._together, first._values(rows), then._values(more))
        return
    for many, some in ((first, rows), (then, more)):
        if some:
            many.run(conn, some)


def insert_many(table: Table, *names: str, known: bool = True, returning: Sequence[str] = ()) -> Many:
    """Rows of the columns that are named; the others have their defaults. known: False: rows that are there already are passed over.
    returning: those columns of the new rows. Ids are given out in the order of the rows, and may be returned in another.
    """
    types = {name: table.c[name].type for name in names}
    each: Any = sqlite.insert(table).values({name: bindparam(name, type_=type_) for name, type_ in types.items()})
    together: Any = postgresql.insert(table).from_select([*names], select(*_unpacked(types).values()))
    if not known:
        each, together = each.on_conflict_do_nothing(), together.on_conflict_do_nothing()
    if returning:
        wanted = [table.c[name] for name in returning]
        each, together = each.returning(*wanted), together.returning(*wanted)
    return Many(each, together, types, returning=returning)


def update_many(
    table: Table, keys: Mapping[str, Column[Any]], brings: Mapping[str, TypeEngine[Any]], sets: Callable[[Cells], Mapping[str, Any]]
) -> Many:
    """The rows of the keys. keys, brings: the names in a row, none of which may be a column's; sets: what columns become with them.

    On PostgreSQL rows are locked in no particular order: the caller holds them already.
    """
    types = {**{name: key.type for name, key in keys.items()}, **brings}

    def statement(cells: Cells) -> Executable:
        return update(table).where(and_(*(key == cells[name] for name, key in keys.items()))).values(dict(sets(cells)))

    each = statement({name: bindparam(name, type_=type_) for name, type_ in types.items()})
    return Many(each, statement(_unpacked(types)), types)


def _unpacked(types: Mapping[str, TypeEngine[Any]]) -> dict[str, ColumnElement[Any]]:
    """With their number as a limit, which leaves none out: PostgreSQL takes any such value for a hundred rows, and rather reads a whole table of a
    few thousand than look up so many.
    """
    told = func.json_to_recordset(cast(bindparam("rows", type_=Text()), JSON()))
    carried = {name: Text() if isinstance(type_, JSON) else type_ for name, type_ in types.items()}
    rows = told.table_valued(*(column(name, type_) for name, type_ in carried.items())).render_derived(with_types=True)
    few = select(*rows.c).limit(bindparam("_how_many", type_=BigInteger())).subquery()
    return {name: cast(few.c[name], JSON()) if isinstance(type_, JSON) else few.c[name] for name, type_ in types.items()}


def _spelt(types: Mapping[str, TypeEngine[Any]]) -> Sequence[tuple[str, Callable[[Any], Any]]]:
    """What JSON has no word for. A JSON value is carried as its text: taken apart, it would have to be text that the database can store."""
    instants = {name: microseconds for name, type_ in types.items() if isinstance(type_, Utc)}
    return [*instants.items(), *((name, json.dumps) for name, type_ in types.items() if isinstance(type_, JSON))]
