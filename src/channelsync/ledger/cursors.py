"""How far each stream of a channel was read. Moved in the transaction that stores the page (rule 8); the marks are the connector's own words."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select

from channelsync.contract import Cursor
from channelsync.ledger.dialects import insert_into
from channelsync.ledger.schema import cursors


def get(conn: Connection, channel_id: int, stream: str) -> Cursor:
    """An empty cursor if the stream was never read."""
    query = select(cursors.c.high_water, cursors.c.resume).where(cursors.c.channel_id == channel_id, cursors.c.stream == stream)
    row = conn.execute(query).one_or_none()
    return Cursor() if row is None else Cursor(row.high_water, row.resume)


def looked_at(conn: Connection, channel_id: int, stream: str) -> datetime | None:
    """Our clock when the last complete run began: everything the shop showed then is applied. None: no run was ever complete."""
    query = select(cursors.c.looked_at).where(cursors.c.channel_id == channel_id, cursors.c.stream == stream)
    return conn.execute(query).scalar_one_or_none()


def advance(
    conn: Connection, channel_id: int, stream: str, *, resume: str | None, high_water: str | None, looked_at: datetime, now: datetime
) -> None:
    """Move past one page. A page with `resume` leaves the high-water mark where it was; one with `high_water` completes the run that began
    at `looked_at`. Raises ValueError unless exactly one mark is given: such a page is not what the contract says a page is.
    """
    if (resume is None) == (high_water is None):
        raise ValueError(f"stream {stream!r}: a page carries either a resume mark or a high-water mark, not {resume!r} and {high_water!r}")
    moved = {"resume": resume, "updated_at": now}
    if high_water is not None:
        moved |= {"high_water": high_water, "looked_at": looked_at}
    insert = insert_into(conn, cursors).values(channel_id=channel_id, stream=stream, **moved)
    conn.execute(
        insert.on_conflict_do_update(index_elements=["channel_id", "stream"], set_={name: insert.excluded[name] for name in moved})
    )
