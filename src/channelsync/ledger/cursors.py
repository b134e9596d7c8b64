"""How far each stream of a channel was read. Moved in the transaction that stores the page (rule 8); the marks are the connector's own words."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, bindparam, select

from channelsync.contract import Cursor
from channelsync.ledger.dialects import upsert
from channelsync.ledger.schema import cursors
from channelsync.ledger.spelt import Spelt

_MINE = cursors.c.channel_id == bindparam("channel"), cursors.c.stream == bindparam("named")
_GET = Spelt(select(cursors.c.high_water, cursors.c.resume).where(*_MINE))
_LOOKED_AT = Spelt(select(cursors.c.looked_at).where(*_MINE))


def get(conn: Connection, channel_id: int, stream: str) -> Cursor:
    """An empty cursor if the stream was never read."""
    row = _GET.first(conn, channel=channel_id, named=stream)
    return Cursor() if row is None else Cursor(*row)


def looked_at(conn: Connection, channel_id: int, stream: str) -> datetime | None:
    """Our clock when the last complete run began: everything the shop showed then is applied. None: no run was ever complete."""
    at: datetime | None = _LOOKED_AT.scalar(conn, channel=channel_id, named=stream)
    return at


_KEYS, _MOVED = ("channel_id", "stream"), ("resume", "updated_at")
_GO_ON = upsert(cursors, _KEYS, _MOVED)
_COMPLETE = upsert(cursors, _KEYS, (*_MOVED, "high_water", "looked_at"))


def advance(
    conn: Connection, channel_id: int, stream: str, *, resume: str | None, high_water: str | None, looked_at: datetime, now: datetime
) -> None:
    """Move past one page. A page with `resume` leaves the high-water mark where it was; one with `high_water` completes the run that began
    at `looked_at`. Raises ValueError unless exactly one mark is given: such a page is not what the contract says a page is.
    """
    if (resume is None) == (high_water is None):
        raise ValueError(f"stream {stream!r}: a page carries either a resume mark or a high-water mark, not {resume!r} and {high_water!r}")
    moved = {"channel_id": channel_id, "stream": stream, "resume": resume, "updated_at": now}
    if high_water is None:
        _GO_ON.run(conn, **moved)
    else:
        _COMPLETE.run(conn, **moved, high_water=high_water, looked_at=looked_at)
