"""The guard against a shop that suddenly reads empty: before any drift policy acts on it, the channel stops and a person is asked.

A shelf is marked when a reading first finds it empty (0, or the shop does not know it any more) although its book says that there is stock.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, func, or_, select

from channelsync.ledger import channels, guard
from channelsync.ledger.channels import PauseKind
from channelsync.ledger.guard import Alarm
from channelsync.ledger.schema import guard_marks, shelves

AT_ONCE = timedelta(minutes=15)
SAMPLE = 500
"""What webhooks call our eye to is no sample: unless the shop is smaller, the share is taken of at least so many shelves."""


def looked(conn: Connection, row: Mapping[str, Any], shows: int | None, now: datetime) -> None:
    """Note what a reading says of a shelf (its row from before the reading). Costs nothing unless it turned empty or came back."""
    was_empty = row["reading"] is None or row["reading"] <= 0
    is_empty = shows is None or shows <= 0
    if is_empty and not was_empty and (row["book"] or 0) > 0:
        guard.put_marks(conn, row["channel_id"], {row["id"]: "empty"}, now)
        if shows is None:  # no drift will ever be found here, so this is the moment to judge
            _stops(conn, row["channel_id"], now)
    elif was_empty and not is_empty:
        conn.execute(delete(guard_marks).where(guard_marks.c.shelf_id == row["id"], guard_marks.c.kind == "empty"))


def holds(conn: Connection, row: Mapping[str, Any], now: datetime) -> bool:
    """Whether a closed look that found this shelf empty must not act on it: too many read so, or the channel stands still for it already."""
    mine = select(guard_marks.c.accepted).where(guard_marks.c.shelf_id == row["id"], guard_marks.c.kind == "empty")
    accepted = conn.execute(mine).scalar_one_or_none()
    if accepted is None or accepted:
        return False
    if channels.state_of(conn, row["channel_id"]).paused_kind is PauseKind.GUARD:
        return True
    return _stops(conn, row["channel_id"], now)


def _stops(conn: Connection, channel_id: int, now: datetime) -> bool:
    alarm = judge(conn, channel_id, now)
    if alarm:
        guard.stop(conn, channel_id, [alarm], now)
    return alarm is not None


def judge(conn: Connection, channel_id: int, now: datetime) -> Alarm | None:
    """Whether too many shelves turned empty at once: of those that were read since the first did, and at least of a sample of the shop."""
    limits = guard.limits_of(conn, channel_id)
    if limits is None or not limits.zero_share:
        return None
    query = select(func.count().label("count"), func.min(guard_marks.c.at).label("first")).select_from(guard_marks)
    found = conn.execute(query.join(shelves, shelves.c.id == guard_marks.c.shelf_id).where(_emptied(channel_id, now))).one()
    if found[0] < limits.least:
        return None
    of = max(_read_since(conn, channel_id, found.first), guard.in_stock(conn, channel_id, at_most=SAMPLE))
    if found[0] <= limits.zero_share * of:
        return None
    first = select(guard_marks.c.shelf_id).join(shelves, shelves.c.id == guard_marks.c.shelf_id).where(_emptied(channel_id, now))
    ids = conn.scalars(first.order_by(guard_marks.c.shelf_id).limit(guard.NAMES)).all()
    return Alarm("empty", found[0], of, guard.names(conn, ids))


def _emptied(channel_id: int, now: datetime) -> ColumnElement[bool]:
    """Still empty, and still not explained by orders: those would have moved the book."""
    return and_(
        guard_marks.c.channel_id == channel_id,
        guard_marks.c.kind == "empty",
        guard_marks.c.at >= now - AT_ONCE,
        guard_marks.c.accepted.is_(False),
        shelves.c.book > 0,
        or_(shelves.c.reading.is_(None), shelves.c.reading <= 0),
    )


def _read_since(conn: Connection, channel_id: int, first: datetime) -> int:
    mine = (shelves.c.channel_id == channel_id, shelves.c.read_at >= first, shelves.c.book > 0)
    return int(conn.execute(select(func.count()).select_from(shelves).where(*mine)).scalar_one())
