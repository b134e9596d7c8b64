"""How far each source of alerts was looked through, and who looks."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, select

from channelsync.ledger.dialects import insert_into, upsert
from channelsync.ledger.schema import alert_marks as table
from channelsync.ledger.spelt import Spelt

_NAMED = table.c.name == bindparam("name")
_READ = Spelt(select(table.c.value).where(_NAMED))
_LOCK = Spelt(select(table.c.value).where(_NAMED).with_for_update(skip_locked=True))
_SAID = Spelt(select(table.c.said).where(_NAMED))


def lock(conn: Connection) -> bool:
    """Without waiting: who waited here with levels locked could wait for one who waits for them. False: another process looks."""
    if read(conn, "look") is None:
        conn.execute(insert_into(conn, table).values(name="look").on_conflict_do_nothing())
    return _LOCK.scalar(conn, name="look") is not None


def read(conn: Connection, name: str) -> int | None:
    found: int | None = _READ.scalar(conn, name=name)
    return found


def said(conn: Connection, name: str) -> str | None:
    found: str | None = _SAID.scalar(conn, name=name)
    return found


_PUT = upsert(table, ("name",), ("value", "said"))


def put(conn: Connection, name: str, value: int, said: str = "") -> None:
    _PUT.run(conn, name=name, value=value, said=said)
