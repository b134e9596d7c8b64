"""Idempotency (rule 9), the same way for every write verb: `@idempotent` around a batch verb looks after the keys of its items.

Same key and same input: the first result again, marked as a repeat, and nothing happens. Same key and another input: `KeyReused`. Refusals are
not stored, so a refused request may be sent again. A key without a stored result is claimed before the verb runs: of two processes that
are sent the same request, the second waits for the first one's commit and repeats its answer.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from pydantic import TypeAdapter
from sqlalchemy import JSON, Connection, delete, select

from channelsync.ledger import bounds
from channelsync.ledger.many import insert_many, update_many
from channelsync.ledger.refusals import KeyReused, Refusal
from channelsync.ledger.schema import idempotency_keys
from channelsync.ledger.spelt import Spelt, one_of

KEPT_FOR = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyed:
    """Base of every write request. key: the caller's idempotency key. keep_key: never forget it (keys derived from orders)."""

    key: str | None = None
    keep_key: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Base of every write result. repeat: this is the stored first result; the request has not been applied again."""

    repeat: bool = False


In = TypeVar("In", bound=Keyed)
Out = TypeVar("Out", bound=Answer)
Verb = Callable[[Connection, Sequence[In], datetime], Sequence[Out | Refusal]]


def idempotent(result: type[Out]) -> Callable[[Verb[In, Out]], Verb[In, Out]]:
    """Wrap a batch verb whose results are `result`. Items without a key pass straight through."""

    def wrap(verb: Verb[In, Out]) -> Verb[In, Out]:
        @functools.wraps(verb)
        def keyed(conn: Connection, items: Sequence[In], now: datetime) -> Sequence[Out | Refusal]:
            return _run(conn, verb, verb.__name__, result, items, now)

        return keyed

    return wrap


def purge(conn: Connection, now: datetime, limit: int = 1_000) -> int:
    """Forget keys older than a week, at most `limit`; those that are kept stay for ever. Returns how many went."""
    table = idempotency_keys
    old = select(table.c.key).where(table.c.kept.is_(False), table.c.created_at < now - KEPT_FOR).order_by(table.c.created_at).limit(limit)
    return conn.execute(delete(table).where(table.c.key.in_(old.scalar_subquery()))).rowcount


def _run(conn: Connection, verb: Verb[In, Out], name: str, result: type[Out], items: Sequence[In], now: datetime) -> list[Out | Refusal]:
    """In waves: of items with an equal key the first one runs, the next one then finds its stored result (or, after a refusal, none)."""
    answers: dict[int, Out | Refusal] = {}
    waiting = list(range(len(items)))
    while waiting:
        wave, waiting = _first_of_each_key(items, waiting)
        known, fresh = _claim(conn, name, [items[index] for index in wave if items[index].key is not None], now)
        to_run = []
        for index in wave:
            item = items[index]
            if problem := bounds.texts(key=item.key):
                answers[index] = problem
            elif item.key is None or item.key in fresh:
                to_run.append(index)
            else:
                answers[index] = _stored(item, item.key, name, known[item.key], result)
        if to_run:
            answers.update(zip(to_run, verb(conn, [items[index] for index in to_run], now), strict=True))
        _store(conn, result, [(items[index].key, answers[index]) for index in to_run])
    return [answers[index] for index in range(len(items))]


def _first_of_each_key(items: Sequence[In], waiting: Iterable[int]) -> tuple[list[int], list[int]]:
    first: list[int] = []
    later: list[int] = []
    seen: set[str | None] = set()
    for index in waiting:
        key = items[index].key
        (later if key in seen else first).append(index)
        if key is not None:
            seen.add(key)
    return first, later


_CLAIM = insert_many(idempotency_keys, "key", "verb", "digest", "result", "kept", "created_at", known=False, returning=("key",))

_KEY = idempotency_keys.c
_KNOWN = Spelt(select(_KEY.key, _KEY.verb, _KEY.digest, _KEY.result).where(one_of(_KEY.key, "those")))
_FORGET = Spelt(delete(idempotency_keys).where(one_of(_KEY.key, "those")))


def _claim(conn: Connection, name: str, items: Sequence[Keyed], now: datetime) -> tuple[Mapping[str, tuple[str, str, Any]], set[str]]:
    """The keys that had a result (verb, digest, result), and those that are now ours. Inserted in key order, as all locks are taken."""
    rows: list[dict[str, Any]] = [
        {"key": item.key, "verb": name, "digest": digest(item), "result": {}, "kept": item.keep_key, "created_at": now}
        for item in sorted(items, key=lambda item: item.key or "")
        if bounds.texts(key=item.key) is None
    ]
    if not rows:
        return {}, set()
    fresh = set(_CLAIM.run(conn, rows))
    rest = [row["key"] for row in rows if row["key"] not in fresh]
    known = _KNOWN.rows(conn, those=rest) if rest else ()
    return {row[0]: (row[1], row[2], row[3]) for row in known}, fresh


def _stored(item: In, key: str, name: str, known: tuple[str, str, Any], result: type[Out]) -> Out | Refusal:
    verb, first_digest, value = known
    if verb != name or first_digest != digest(item):
        return KeyReused(key, name)
    first: Out = _adapter(result).validate_python(value)
    return replace(first, repeat=True)


_SET_RESULT = update_many(idempotency_keys, {"_key": idempotency_keys.c.key}, {"_result": JSON()}, lambda row: {"result": row["_result"]})


def _store(conn: Connection, result: type[Out], outcomes: Sequence[tuple[str | None, Out | Refusal]]) -> None:
    refused = [key for key, answer in outcomes if key is not None and isinstance(answer, Refusal)]
    done = [(key, answer) for key, answer in outcomes if key is not None and not isinstance(answer, Refusal)]
    if done:
        rows = [{"_key": key, "_result": _adapter(result).dump_python(answer, mode="json")} for key, answer in done]
        _SET_RESULT.run(conn, rows)
    if refused:
        _FORGET.run(conn, those=refused)


_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


def digest(item: Keyed) -> str:
    """SHA-256 over everything that was asked for, in one canonical spelling; the key itself is not part of it."""
    asked = _adapter(type(item)).dump_python(item, mode="json", exclude={"key", "keep_key"})
    return hashlib.sha256(_canonical(asked).encode()).hexdigest()


_adapters: dict[type[Any], TypeAdapter[Any]] = {}  # one per request and result type of the ledger


def _adapter(of: type[Any]) -> TypeAdapter[Any]:
    if of not in _adapters:
        _adapters[of] = TypeAdapter(of)
    return _adapters[of]
