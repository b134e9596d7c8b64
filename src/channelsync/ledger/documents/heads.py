"""What the heads of all kinds of documents have in common when they are read: which numbers can be, the newest ones, and one by its number."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, Select, Table

from channelsync.ledger.documents.states import Machine, UnknownDocument

NUMBER_MAX: Final = 2**62
PAGE_MAX: Final = 500


def possible(numbers: Iterable[int]) -> list[int]:
    """Each once, in order: heads are locked so. The others name nothing that a database could hold."""
    return sorted({number for number in numbers if 0 < number <= NUMBER_MAX})


def newest(query: Select[Any], table: Table, state: str | None, before: int | None, limit: int) -> Select[Any]:
    """The newest first, from before a number on; state None: in any."""
    query = query.order_by(table.c.id.desc()).limit(max(1, min(limit, PAGE_MAX)))
    if before is not None:
        query = query.where(table.c.id < before)
    return query if state is None else query.where(table.c.state == state)


def one(conn: Connection, query: Select[Any], table: Table, machine: Machine, number: int) -> RowMapping:
    """Raises UnknownDocument."""
    found = conn.execute(query.where(table.c.id.in_(possible([number])))).mappings().one_or_none()
    if found is None:
        raise UnknownDocument(machine.kind, number)
    return found
