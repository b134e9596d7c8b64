"""Running a group of calls as one transaction: one commit serves them all, and each call still succeeds or fails alone.

Knows neither threads nor event loops: `ledger.door` decides when a group is run and who waits for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, Transaction
from sqlalchemy.exc import DBAPIError, OperationalError

from channelsync.errors import ChannelsyncError
from channelsync.ledger.refusals import Refusal

In = TypeVar("In")
Out = TypeVar("Out")

Verb = Callable[[Connection, Sequence[In], datetime], Sequence[Out | Refusal]]
"""A plain function that applies a batch of items and answers per item, in order; a Refusal answers an item that changed nothing.

Verbs are told apart by identity: a module-level function, not a lambda made per call, or calls of it cannot share a batch.
"""

TRIES = 10
"""How often a group is run when the database makes us start over. There is no pause: each try waits for the other side's locks."""

_START_OVER = ("40001", "40P01", "55P03")  # PostgreSQL: serialization failure, deadlock, lock time-out
_BUSY = ("SQLITE_BUSY", "SQLITE_LOCKED")
_AWAY = ("08", "53", "57")  # PostgreSQL: no connection, no resources, somebody is stopping it
_UNUSABLE = (*_BUSY, "SQLITE_IOERR", "SQLITE_FULL", "SQLITE_CANTOPEN", "SQLITE_NOMEM")


class DatabaseAway(ChannelsyncError):
    """The database could not be asked, or did not answer. It may do so soon: the same request may be sent again."""

    code = "database_away"


class NotStored(DatabaseAway):
    """The database could not run the group; nothing of it is stored. The same request may be sent again."""


class CommitUnknown(DatabaseAway):
    """The connection broke during the commit: all of the group is stored or nothing is. The same request with the same key is safe."""


class FailedUnheard(Exception):
    """A bug of ours: whoever sent a statement that failed has hidden it, and PostgreSQL would answer COMMIT with a ROLLBACK."""


class NotRead(DatabaseAway):
    """The database could not be read."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request: the verb to run and its item."""

    verb: Verb[Any, Any]
    item: Any


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one call: a value, or the exception that its caller alone gets."""

    value: Any = None
    error: Exception | None = None


class _ItemFailed(Exception):
    """Some item of a batch failed; which one is not known yet."""


def run_group(engine: Engine, calls: Sequence[Call], now: datetime) -> list[Answer]:
    """Run all calls in one transaction and commit it; one answer per call, in order. Never raises for what the calls or the database do.

    Calls of one verb are one batch, in their order; batches run in the order in which their verbs first appear. All calls of a group are
    concurrent (none is answered yet), so no caller can have counted on another order.
    """
    careful = False  # savepoints cost two round trips per batch, so they are taken only once something has failed
    problem: Exception | None = None
    for _ in range(TRIES):
        try:
            return _attempt(engine, calls, now, _run_bisected if careful else _run_plain)
        except _ItemFailed:
            careful = True
        except FailedUnheard as bug:
            return [Answer(error=bug) for _ in calls]
        except (NotStored, CommitUnknown) as known:
            return [Answer(error=type(known)(str(known))) for _ in calls]
        except DBAPIError as known:
            problem = known
            if not must_start_over(known):
                break
    text = f"the database could not store it, nothing was changed; try again later ({problem.orig if isinstance(problem, DBAPIError) else problem})"
    return [Answer(error=NotStored(text)) for _ in calls]


def must_start_over(problem: Exception) -> bool:
    """Whether the transaction is lost through no fault of its statements, so that running it again may well succeed."""
    if not isinstance(problem, DBAPIError):
        return False
    name = str(getattr(problem.orig, "sqlite_errorname", ""))
    return problem.connection_invalidated or name.startswith(_BUSY) or getattr(problem.orig, "sqlstate", None) in _START_OVER


def is_away(problem: Exception) -> bool:
    """Whether this is about the database or the way to it, and not about what was asked of it."""
    if must_start_over(problem) or not isinstance(problem, DBAPIError):
        return isinstance(problem, DBAPIError)
    if name := str(getattr(problem.orig, "sqlite_errorname", "")):
        return name.startswith(_UNUSABLE)
    state = getattr(problem.orig, "sqlstate", None)
    return isinstance(problem, OperationalError) and (state is None or state.startswith(_AWAY))


_RunBatch = Callable[[Connection, Verb[Any, Any], Sequence[Any], datetime], list[Answer]]


def _attempt(engine: Engine, calls: Sequence[Call], now: datetime, run_batch: _RunBatch) -> list[Answer]:
    places: dict[Verb[Any, Any], list[int]] = {}
    for place, call in enumerate(calls):
        places.setdefault(call.verb, []).append(place)
    answers: dict[int, Answer] = {}
    with engine.connect() as conn, conn.begin() as transaction:
        for verb, mine in places.items():
            answers.update(zip(mine, run_batch(conn, verb, [calls[place].item for place in mine], now), strict=True))
        assert_in_transaction(conn)
        _commit(transaction)
    return [answers[place] for place in range(len(calls))]


def _run_plain(conn: Connection, verb: Verb[Any, Any], items: Sequence[Any], now: datetime) -> list[Answer]:
    try:
        return _apply(conn, verb, items, now)
    except Exception as problem:
        if must_start_over(problem):
            raise
        raise _ItemFailed from problem


def _run_bisected(conn: Connection, verb: Verb[Any, Any], items: Sequence[Any], now: datetime) -> list[Answer]:
    """Halve a failing batch, each half in a savepoint, down to the items that fail by themselves."""
    try:
        with conn.begin_nested():
            return _apply(conn, verb, items, now)
    except Exception as problem:
        if must_start_over(problem):
            raise
        assert_in_transaction(conn)
        if len(items) == 1:
            return [Answer(error=problem)]
    middle = len(items) // 2
    return _run_bisected(conn, verb, items[:middle], now) + _run_bisected(conn, verb, items[middle:], now)


def _apply(conn: Connection, verb: Verb[Any, Any], items: Sequence[Any], now: datetime) -> list[Answer]:
    results = verb(conn, items, now)
    if len(results) != len(items):
        raise TypeError(f"{getattr(verb, '__name__', verb)} answered {len(results)} of {len(items)} items")
    return [Answer(error=result) if isinstance(result, Refusal) else Answer(result) for result in results]


def assert_in_transaction(conn: Connection) -> None:
    """SQLite ends the whole transaction by itself on some errors (disk full). Going on would store the rest piece by piece, without the beginning.

    PostgreSQL answers COMMIT with a ROLLBACK that raises nothing once a statement has failed, even if whoever sent it has not told us.
    """
    connection = conn.connection.driver_connection
    assert connection is not None
    if conn.dialect.name == "postgresql" and connection.info.transaction_status.name == "INERROR":
        raise FailedUnheard("a statement failed within the transaction and nobody said so; nothing was changed")
    if conn.dialect.name == "sqlite" and not connection.in_transaction:
        raise NotStored(
            "the database gave up the transaction, nothing was changed; check the disk's free space and its health, then try again"
        )


def _commit(transaction: Transaction) -> None:
    try:
        transaction.commit()
    except DBAPIError as problem:
        if problem.connection_invalidated:
            raise CommitUnknown(f"the connection broke during the commit, so it may or may not be stored ({problem.orig})") from problem
        raise  # the database answered, and the answer was no
