"""A group is one transaction, and still each call succeeds or fails alone."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Column, Connection, Engine, Integer, MetaData, Table, Text, UniqueConstraint, event, insert, select, text
from sqlalchemy.exc import OperationalError

from channelsync.ledger.group import Answer, Call, CommitUnknown, NotStored, run_group
from channelsync.ledger.refusals import NotAllowed, Refusal
from channelsync.testing.postgres import PostgresServer
from support.clock import ManualClock

NOW = ManualClock().now()
notes = Table(
    "notes", MetaData(), Column("id", Integer, primary_key=True), Column("verb", Text), Column("word", Text), UniqueConstraint("word")
)


@dataclass(frozen=True, slots=True)
class Note:
    word: str
    fails: str = ""  # "", "refused", "raises" (after writing), "constraint"


@pytest.fixture
def engine(engine: Engine) -> Iterator[Engine]:
    notes.create(engine)
    yield engine
    notes.drop(engine)


def jot(conn: Connection, items: Sequence[Note], now: datetime) -> Sequence[str | Refusal]:
    good = [note for note in items if note.fails != "refused"]
    if good:
        conn.execute(insert(notes), [{"verb": "jot", "word": note.word} for note in good])
    if any(note.fails == "raises" for note in items):
        raise ValueError("a bug that one item triggers")
    if any(note.fails == "constraint" for note in items):
        conn.execute(insert(notes), [{"verb": "jot", "word": "taken"}])
    return [NotAllowed(f"{note.word} is not allowed") if note.fails == "refused" else note.word.upper() for note in items]


def scribble(conn: Connection, items: Sequence[Note], now: datetime) -> Sequence[str]:
    conn.execute(insert(notes), [{"verb": "scribble", "word": note.word} for note in items])
    return [note.word for note in items]


def short(conn: Connection, items: Sequence[Note], now: datetime) -> Sequence[str]:
    return []


def words(engine: Engine, verb: str = "jot") -> list[str]:
    with engine.connect() as conn:
        return list(conn.execute(select(notes.c.word).where(notes.c.verb == verb).order_by(notes.c.id)).scalars())


def described(answer: Answer) -> str:
    return f"{type(answer.error).__name__}" if answer.error else f"value {answer.value}"


def run(engine: Engine, *items: Note) -> list[Answer]:
    return run_group(engine, [Call(jot, item) for item in items], NOW)


def test_one_transaction_serves_all(engine: Engine) -> None:
    commits: list[Connection] = []
    event.listen(engine, "commit", commits.append)
    answers = run_group(engine, [Call(jot, Note("a")), Call(scribble, Note("b")), Call(jot, Note("c"))], NOW)
    assert [answer.value for answer in answers] == ["A", "b", "C"]
    assert len(commits) == 1
    assert (words(engine), words(engine, "scribble")) == (["a", "c"], ["b"])


def test_calls_of_one_verb_are_one_batch_in_order_of_arrival(engine: Engine) -> None:
    seen: list[tuple[str, list[str]]] = []

    def first(conn: Connection, items: Sequence[str], now: datetime) -> Sequence[str]:
        seen.append(("first", list(items)))
        return items

    def second(conn: Connection, items: Sequence[str], now: datetime) -> Sequence[str]:
        seen.append(("second", list(items)))
        return items

    run_group(engine, [Call(second, "1"), Call(first, "2"), Call(second, "3"), Call(first, "4")], NOW)
    assert seen == [("second", ["1", "3"]), ("first", ["2", "4"])]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(fails=st.lists(st.sampled_from(["", "", "", "refused", "raises", "constraint"]), min_size=1, max_size=12))
def test_a_failing_item_leaves_the_others_as_if_each_had_run_alone(engine: Engine, fails: list[str]) -> None:
    items = [Note(f"word {n}", fail) for n, fail in enumerate(fails)]
    outcomes = []
    for groups in ([items], [[item] for item in items]):
        with engine.begin() as conn:
            conn.execute(notes.delete())
            conn.execute(insert(notes), [{"verb": "before", "word": "taken"}])
        answers = [answer for group in groups for answer in run(engine, *group)]
        outcomes.append(([described(answer) for answer in answers], words(engine)))
    together, alone = outcomes
    assert together == alone
    assert together[1] == [item.word for item in items if item.fails == ""]


def test_one_bad_verb_does_not_disturb_another(engine: Engine) -> None:
    answers = run_group(engine, [Call(short, Note("x")), Call(scribble, Note("y")), Call(jot, Note("z", "raises"))], NOW)
    assert [described(answer) for answer in answers] == ["TypeError", "value y", "ValueError"]
    assert words(engine, "scribble") == ["y"]


class _LostOnce:
    """A verb that loses its transaction the first `times` times, as a deadlock's victim does."""

    def __init__(self, times: int) -> None:
        self.times, self.tries = times, 0

    def __call__(self, conn: Connection, items: Sequence[str], now: datetime) -> Sequence[str]:
        self.tries += 1
        conn.execute(insert(notes), [{"verb": "jot", "word": word} for word in items])
        if self.tries <= self.times and conn.dialect.name == "postgresql":
            conn.execute(text("DO $$ BEGIN RAISE EXCEPTION 'deadlock' USING ERRCODE = '40P01'; END $$"))
        if self.tries <= self.times:
            busy = sqlite3.OperationalError("database is locked")
            busy.sqlite_errorname = "SQLITE_BUSY_SNAPSHOT"
            raise OperationalError("INSERT", {}, busy)
        return items


def test_a_lost_transaction_is_run_again(engine: Engine) -> None:
    lost = _LostOnce(times=3)
    answers = run_group(engine, [Call(lost, "a"), Call(lost, "b")], NOW)
    assert [answer.value for answer in answers] == ["a", "b"]
    assert lost.tries == 4
    assert words(engine) == ["a", "b"]


def test_a_database_that_stays_busy_fails_the_group_and_stores_nothing(engine: Engine) -> None:
    answers = run_group(engine, [Call(_LostOnce(times=1000), "a"), Call(scribble, Note("b"))], NOW)
    assert [type(answer.error) for answer in answers] == [NotStored, NotStored]
    assert answers[0].error is not answers[1].error
    assert words(engine) == words(engine, "scribble") == []


def give_up(conn: Connection, items: Sequence[str], now: datetime) -> Sequence[str]:
    """What a full disk does on SQLite: the whole transaction ends, savepoints included, and the statement fails."""
    conn.exec_driver_sql("ROLLBACK")
    raise ValueError("disk full")


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_a_transaction_that_sqlite_gave_up_is_never_committed_in_pieces(engine: Engine) -> None:
    answers = run_group(engine, [Call(jot, Note("a")), Call(give_up, "b"), Call(give_up, "c"), Call(scribble, Note("d"))], NOW)
    assert {type(answer.error) for answer in answers} == {NotStored}
    assert words(engine) == words(engine, "scribble") == []


@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
@pytest.mark.parametrize(
    ("at_commit", "expected"), [("PERFORM pg_terminate_backend(pg_backend_pid())", CommitUnknown), ("RAISE EXCEPTION 'no'", NotStored)]
)
def test_a_commit_that_fails_fails_the_group(engine: Engine, at_commit: str, expected: type[Exception]) -> None:
    with engine.begin() as conn:
        conn.execute(text(f"CREATE FUNCTION at_commit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {at_commit}; RETURN NULL; END $$"))
        conn.execute(
            text(
                "CREATE CONSTRAINT TRIGGER late AFTER INSERT ON notes DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION at_commit()"
            )
        )
    answers = run(engine, Note("a"), Note("b"))
    assert [type(answer.error) for answer in answers] == [expected, expected]
    assert words(engine) == []


@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
def test_a_connection_that_broke_while_idle_is_replaced(engine: Engine, postgres: PostgresServer) -> None:
    assert run(engine, Note("a"))[0].value == "A"
    with engine.connect() as conn:
        pid = conn.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
    postgres.execute(f"SELECT pg_terminate_backend({pid})")
    assert run(engine, Note("b"))[0].value == "B"
