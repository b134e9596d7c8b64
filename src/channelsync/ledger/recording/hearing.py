"""By which way the ledger learned of a change: a delivery that was settled with it, or a poll. Nothing of what a delivery said is looked at."""

from __future__ import annotations

from bisect import bisect_left
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from channelsync.ledger.recording.model import Heard
from channelsync.ledger.schema import inbox

DELIVERIES_MAX = 50_000
TOGETHER = timedelta(seconds=1)
"""A delivery that asks for a second look at the order is settled just after it."""


class Hearing:
    """used: (channel, received, settled) of deliveries that brought something."""

    def __init__(self, conn: Connection, channel_ids: list[int], start: datetime, end: datetime) -> None:
        query = (
            select(inbox.c.channel_id, inbox.c.received_at, inbox.c.settled_at)
            .where(inbox.c.channel_id.in_(channel_ids), inbox.c.settled_at > start, inbox.c.settled_at <= end + TOGETHER)
            .order_by(inbox.c.id.desc())
            .limit(DELIVERIES_MAX)
        )
        self._settled: dict[int, list[tuple[datetime, datetime]]] = {each: [] for each in channel_ids}
        for row in conn.execute(query):
            self._settled[row.channel_id].append((row.settled_at, row.received_at))
        for rows in self._settled.values():
            rows.sort()
        self.used: dict[tuple[int, datetime, datetime], None] = {}

    def of(self, channel_id: int, seen: datetime) -> Heard:
        rows = self._settled.get(channel_id, [])
        place = bisect_left(rows, (seen, datetime.min.replace(tzinfo=seen.tzinfo)))
        if place < len(rows) and rows[place][0] <= seen + TOGETHER and rows[place][1] <= seen:
            settled, received = rows[place]
            self.used[channel_id, received, settled] = None
            return "webhook"
        return "poll"
