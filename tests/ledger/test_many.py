"""Statements for many rows: the same on both databases, for every kind of value a row can have."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import JSON, BigInteger, Boolean, Column, Connection, Integer, MetaData, String, Table, insert, select

from channelsync.ledger.many import insert_many, run_both, update_many
from channelsync.ledger.types import Key, Utc

THINGS = Table(
    "things",
    MetaData(),
    Column("id", Key, primary_key=True),
    Column("name", String(255), nullable=False, unique=True),
    Column("units", BigInteger, nullable=False, server_default="7"),
    Column("small", Integer),
    Column("flag", Boolean, nullable=False),
    Column("told", JSON, nullable=False),
    Column("at", Utc),
)
ADD = insert_many(THINGS, "name", "units", "small", "flag", "told", "at", returning=("id",))
FIND = insert_many(THINGS, "name", "flag", "told", known=False, returning=("name",))
NEW = insert_many(THINGS, "name", "flag", "told", "at")
MOVE = update_many(
    THINGS,
    {"_name": THINGS.c.name},
    {"_more": BigInteger(), "_told": JSON(), "_at": Utc()},
    lambda row: {"units": THINGS.c.units + row["_more"], "told": row["_told"], "at": row["_at"]},
)
INSTANTS = st.none() | st.datetimes(timezones=st.just(UTC))
WORDS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
ODD = st.text(max_size=5)  # what no column of text could store
TOLD = st.recursive(
    st.booleans() | st.integers(-(2**53), 2**53) | ODD,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ODD, inner, max_size=3),
)
BIG = st.integers(-(2**62), 2**62)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "name": WORDS,
            "units": BIG,
            "small": st.none() | st.integers(-(2**31), 2**31 - 1),
            "flag": st.booleans(),
            "told": TOLD,
            "at": INSTANTS,
        }
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda row: row["name"],
)


@pytest.fixture
def things(conn: Connection) -> Connection:
    THINGS.create(conn)
    return conn


def _stored(conn: Connection) -> list[dict[str, Any]]:
    return [dict(row) for row in conn.execute(select(THINGS).order_by(THINGS.c.id)).mappings()]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])  # each example is undone
@given(rows=ROWS)
def test_what_is_inserted_is_read_back_in_order(things: Connection, rows: list[dict[str, Any]]) -> None:
    with things.begin_nested() as savepoint:
        ids = sorted(ADD.run(things, rows))
        assert _stored(things) == [{"id": id_, **row} for id_, row in zip(ids, rows, strict=True)]
        savepoint.rollback()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])  # each example is undone
@given(rows=ROWS, moves=st.lists(st.tuples(st.integers(-5, 5), TOLD, INSTANTS), min_size=6, max_size=6))
def test_each_row_is_updated_with_what_is_brought_for_it(
    things: Connection, rows: list[dict[str, Any]], moves: list[tuple[int, Any, Any]]
) -> None:
    with things.begin_nested() as savepoint:
        things.execute(insert(THINGS), [row | {"units": 0} for row in rows])
        brought = [
            {"_name": row["name"], "_more": more, "_told": told, "_at": at} for row, (more, told, at) in zip(rows, moves, strict=False)
        ]
        MOVE.run(things, [*brought, {"_name": "\x01 nobody", "_more": 1, "_told": {}, "_at": None}])
        after = [(row["units"], row["told"], row["at"]) for row in _stored(things)]
        assert after == moves[: len(rows)]
        savepoint.rollback()


@pytest.mark.parametrize(("new", "moved"), [(2, 1), (1, 0), (0, 1)])
def test_two_writes_at_once_are_both_done(things: Connection, new: int, moved: int) -> None:
    at = datetime(2026, 1, 2, tzinfo=UTC)
    things.execute(insert(THINGS), [{"name": "there", "units": 1, "flag": True, "told": {}, "at": None}])
    rows = [{"name": f"new-{number}", "flag": False, "told": [number], "at": at} for number in range(new)]
    moves = [{"_name": "there", "_more": 5, "_told": {"moved": True}, "_at": at}] * moved
    run_both(things, NEW, rows, MOVE, moves)
    there, *others = _stored(things)
    assert (there["units"], there["told"], there["at"]) == ((6, {"moved": True}, at) if moved else (1, {}, None))
    assert [(row["name"], row["flag"], row["told"], row["at"]) for row in others] == [(row["name"], False, row["told"], at) for row in rows]


def test_rows_that_are_there_are_passed_over_and_columns_that_are_not_named_have_their_defaults(things: Connection) -> None:
    first, second = ({"name": name, "flag": True, "told": {"n": name}} for name in ("one", "two"))
    assert list(FIND.run(things, [first])) == ["one"]
    assert list(FIND.run(things, [first | {"told": {}}, second])) == ["two"]
    assert [(row["name"], row["units"], row["told"]) for row in _stored(things)] == [("one", 7, {"n": "one"}), ("two", 7, {"n": "two"})]


def test_an_instant_without_a_zone_is_no_instant(things: Connection) -> None:
    row = {"name": "a", "units": 1, "small": None, "flag": True, "told": {}, "at": datetime(2026, 1, 1)}  # noqa: DTZ001
    with pytest.raises(Exception, match="time zone"):
        ADD.run(things, [row | {"at": datetime(2026, 1, 1, tzinfo=UTC) + timedelta(1)}, row | {"name": "b"}])
