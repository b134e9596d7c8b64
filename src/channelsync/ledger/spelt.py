"""Statements that are spelt once for each kind of database and handed to the driver as text: for what every sale runs, where SQLAlchemy takes several
times as long to prepare a statement as the database takes to run it. Nothing changes in what they say, or in what goes in and comes out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from sqlalchemy import (
    ARRAY,
    BindParameter,
    Boolean,
    ColumnElement,
    Connection,
    CursorResult,
    Dialect,
    Executable,
    Float,
    Select,
    String,
    Text,
    UpdateBase,
    bindparam,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine

Process = Callable[[Any], Any]


class List(TypeDecorator[Sequence[Any]]):
    """Values of one kind as one parameter: an array, or on SQLite its JSON."""

    impl = Text
    cache_ok = True

    def __init__(self, of: TypeEngine[Any]) -> None:
        super().__init__()
        self.of = String() if isinstance(of, String) else of  # one with a length would be cut to it, and find others

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(ARRAY(self.of) if dialect.name == "postgresql" else Text())

    def process_bind_param(self, value: Sequence[Any] | None, dialect: Dialect) -> Any:
        if dialect.name == "postgresql":
            return list(value or ())
        # SQLite's JSON ends a text at a NUL and would find what is before it; nothing that is stored has one
        return json.dumps([each for each in value or () if not (isinstance(each, str) and "\0" in each)])


class one_of(FunctionElement[bool]):  # noqa: N801 - reads as the operator that it is
    """The column is one of the values of the parameter `name`, however many there are: the text stays the same, where `IN` has one for each number."""

    type = Boolean()
    inherit_cache = True

    def __init__(self, column: ColumnElement[Any], name: str) -> None:
        super().__init__(column, bindparam(name, type_=List(column.type)))

    def self_group(self, against: Any = None) -> one_of:
        """It is a condition as it stands: SQLite, which has no truth values, need not compare it with one, and would then look in no index."""
        return self


@compiles(one_of, "postgresql")
def _any(element: one_of, compiler: SQLCompiler, **how: Any) -> str:
    column, values = element.clauses
    return f"{compiler.process(column, **how)} = ANY ({compiler.process(values, **how)})"


@compiles(one_of, "sqlite")
def _each(element: one_of, compiler: SQLCompiler, **how: Any) -> str:
    column, values = element.clauses
    return f"{compiler.process(column, **how)} IN (SELECT value FROM json_each({compiler.process(values, **how)}))"  # noqa: S608 - no values


@dataclass(frozen=True, slots=True)
class _Text:
    """takes: the parameters, in their order where they are counted; fixed: those that the statement brings itself; gives: the columns, by their place."""

    sql: str
    counted: bool
    takes: Sequence[tuple[str, Process | None]]
    fixed: Mapping[str, Any]
    gives: Sequence[tuple[int, Process]]
    names: Sequence[str]

    def bound(self, values: Mapping[str, Any]) -> Any:
        if self.fixed:
            values = {**self.fixed, **values}
        if self.counted:
            return tuple([values[name] if process is None else process(values[name]) for name, process in self.takes])
        return {name: values[name] if process is None else process(values[name]) for name, process in self.takes}

    def table(self, rows: Sequence[Mapping[str, Any]]) -> Sequence[Any]:
        """`bound` of many rows, column by column, which takes half as long."""
        if not self.counted:
            return [self.bound(row) for row in rows]
        return list(zip(*(self._column(name, process, rows) for name, process in self.takes), strict=True))

    def _column(self, name: str, process: Process | None, rows: Sequence[Mapping[str, Any]]) -> list[Any]:
        values = [self.fixed[name]] * len(rows) if name in self.fixed else [row[name] for row in rows]
        if process is None:
            return values
        if values and all(value is values[0] for value in values):  # the moment at which all of them were written
            return [process(values[0])] * len(values)
        return [process(value) for value in values]

    def of_rows(self, number: int) -> str:
        """An INSERT of one row as one of several."""
        before, _, rest = self.sql.partition("VALUES (")
        row, _, after = rest.partition(")")
        return f"{before}VALUES {', '.join([f'({row})'] * number)}{after}"


class Spelt:
    """One statement, or one for each dialect by its name, with all parameters named."""

    def __init__(self, statement: Executable | Mapping[str, Executable]) -> None:
        self._statement = statement
        self._texts: dict[str, _Text] = {}

    def run(self, conn: Connection, **values: Any) -> CursorResult[Any]:
        text = self.text(conn)
        return conn.exec_driver_sql(text.sql, text.bound(values))

    def run_each(self, conn: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Once for each row, which names the parameters."""
        text = self.text(conn)
        conn.exec_driver_sql(text.sql, text.table(rows))

    def run_all(self, conn: Connection, rows: Sequence[Mapping[str, Any]]) -> CursorResult[Any]:
        """An INSERT of one row, once for all of them; where parameters are counted (SQLite)."""
        text = self.text(conn)
        return conn.exec_driver_sql(text.of_rows(len(rows)), tuple(chain.from_iterable(text.table(rows))))

    def run_after(self, conn: Connection, other: Spelt, its: Mapping[str, Any], values: Mapping[str, Any]) -> None:
        """Two writes as one statement; where parameters are named and a write may stand in a WITH (PostgreSQL)."""
        first, text = other.text(conn), self.text(conn)
        sql = f"WITH first AS ({first.sql.replace('%(', '%(first_')}) {text.sql}"
        conn.exec_driver_sql(sql, {**{f"first_{name}": value for name, value in first.bound(its).items()}, **text.bound(values)})

    def rows(self, conn: Connection, **values: Any) -> Sequence[tuple[Any, ...]]:
        """All of them, with what the columns' types make of them."""
        text = self.text(conn)
        found: Sequence[Any] = conn.exec_driver_sql(text.sql, text.bound(values)).all()
        return [_made(row, text.gives) for row in found] if text.gives else found

    def first(self, conn: Connection, **values: Any) -> tuple[Any, ...] | None:
        return next(iter(self.rows(conn, **values)), None)

    def scalars(self, conn: Connection, **values: Any) -> list[Any]:
        """The first column of all rows."""
        return [row[0] for row in self.rows(conn, **values)]

    def scalar(self, conn: Connection, **values: Any) -> Any:
        """The first column of the first row; None without one."""
        return next(iter(self.scalars(conn, **values)), None)

    def mappings(self, conn: Connection, **values: Any) -> list[dict[str, Any]]:
        """`rows`, each by its columns' names."""
        names = self.text(conn).names
        return [dict(zip(names, row, strict=True)) for row in self.rows(conn, **values)]

    def text(self, conn: Connection) -> _Text:
        name = conn.dialect.name
        if name not in self._texts:
            statement = self._statement[name] if isinstance(self._statement, Mapping) else self._statement
            self._texts[name] = _spelt(statement, conn.dialect)
        return self._texts[name]


def _spelt(statement: Any, dialect: Dialect) -> _Text:
    compiled = statement.compile(dialect=dialect)
    asked = {name for bind, name in compiled.bind_names.items() if bind.required}
    spelt = compiled.construct_expanded_state(dict.fromkeys(asked))
    taken = {name: bind.type.dialect_impl(dialect).bind_processor(dialect) for bind, name in compiled.bind_names.items()}
    taken |= spelt.processors  # of the single values of a list that the statement brings itself
    takes = [(name, taken.get(name)) for name in (spelt.positiontup or () if compiled.positional else spelt.parameters)]
    fixed = {name: value for name, value in spelt.parameters.items() if name not in asked}
    columns = _columns(statement)
    made = [_maker(column.type, dialect) for column in columns]
    gives = [(place, process) for place, process in enumerate(made) if process is not None]
    return _Text(
        _with_packed_lists(spelt.statement, compiled.bind_names),
        compiled.positional,
        takes,
        fixed,
        gives,
        [str(column.key) for column in columns],
    )


def _with_packed_lists(sql: str, binds: Mapping[BindParameter[Any], str]) -> str:
    """PostgreSQL's lists go as the bytes they are: spelt as text, the driver quotes each value and the database reads it again, of 16 webhook
    bodies of 4 KiB for ten times as long.
    """
    for bind, name in binds.items():
        if isinstance(bind.type, List):
            sql = sql.replace(f"%({name})s", f"%({name})b")
    return sql


def _maker(type_: TypeEngine[Any], dialect: Dialect) -> Process | None:
    """What makes of the driver's value what the type promises. Of a float nothing: both give one, and psycopg's type would be told which."""
    return None if isinstance(type_, Float) else type_.dialect_impl(dialect).result_processor(dialect, None)


def _columns(statement: Any) -> Sequence[ColumnElement[Any]]:
    if isinstance(statement, Select):
        return list(statement.selected_columns)
    return list(statement.exported_columns) if isinstance(statement, UpdateBase) else []


def _made(row: Sequence[Any], given: Sequence[tuple[int, Process]]) -> tuple[Any, ...]:
    values = [*row]
    for place, process in given:
        values[place] = process(values[place])
    return tuple(values)
