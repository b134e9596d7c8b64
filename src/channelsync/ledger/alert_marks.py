"""How far each source of alerts was looked through, and who looks."""

from __future__ import annotations

from sqlalchemy import Connection, select

from channelsync.ledger.dialects import insert_into
from channelsync.ledger.schema import alert_marks as table


def lock(conn: Connection) -> bool:
    """Without waiting: who waited here with levels locked could wait for one who waits for them. False: another process looks."""
    mine = select(table.c.value).where(table.c.name == "look")
    if conn.scalar(mine) is None:
        conn.execute(insert_into(conn, table).values(name="look").on_conflict_do_nothing())
    return conn.scalar(mine.with_for_update(skip_locked=True)) is not None


def read(conn: Connection, name: str) -> int | None:
    return conn.scalar(select(table.c.value).where(table.c.name == name))


def said(conn: Connection, name: str) -> str | None:
    return conn.scalar(select(table.c.said).where(table.c.name == name))


def put(conn: Connection, name: str, value: int, said: str = "") -> None:
    stored = insert_into(conn, table).values(name=name, value=value, said=said)
    conn.execute(stored.on_conflict_do_update(index_elements=["name"], set_={"value": value, "said": said}))
