"""Every engine of a test process takes its statements from one cache, as an engine of the daemon does for years.

A test has an engine of its own, often several, and each would compile again what a hundred have compiled before it: a quarter of the time of
a test that goes through the API or the command line.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Dialect, Engine
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.util import LRUCache

STATEMENTS = 5000


def share() -> None:
    """For the rest of the process. The cache tells dialects apart, so those that compile alike have to be equal."""
    cache: LRUCache[Any, Any] = LRUCache(STATEMENTS)
    Engine._compiled_cache = property(lambda _engine: cache, lambda _engine, _own: None)  # type: ignore[assignment]
    DefaultDialect.__eq__ = _alike  # type: ignore[assignment,method-assign]
    DefaultDialect.__hash__ = lambda dialect: hash(type(dialect))  # type: ignore[assignment,method-assign]


def _alike(one: Dialect, other: object) -> bool:
    return one is other or (isinstance(other, DefaultDialect) and _traits(one) == _traits(other))


def _traits(dialect: Dialect) -> tuple[Any, ...]:
    """What a statement's text may depend on; a dialect that has met no server yet has no version."""
    return type(dialect), getattr(dialect, "server_version_info", None), dialect.paramstyle
