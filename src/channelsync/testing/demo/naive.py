"""The pusher that everybody else has: it computes a number, and some time later writes it, whatever the shop has sold meanwhile.

Planted in the demo to show that the judge sees what it does.
"""

from __future__ import annotations

import uuid
from random import Random

from sqlalchemy import Connection, select

from channelsync.clock import Clock
from channelsync.contract import Call, Connector, ShelfRef, Write
from channelsync.errors import ChannelError
from channelsync.ledger.door import Door
from channelsync.ledger.schema import channels, listings, shelves

THINKS_SECONDS = 0.7
BATCH = 50


async def push_blindly(clock: Clock, source: Random, ledger: Door, connector: Connector, channel: str) -> None:
    """For ever. The connector must carry absolute numbers."""
    while True:
        numbers = await ledger.read(_targets, channel)
        await clock.sleep(THINKS_SECONDS)
        for start in range(0, len(numbers), BATCH):
            key = str(uuid.UUID(int=source.getrandbits(128), version=4))
            part = numbers[start : start + BATCH]
            writes = tuple(Write(f"{key}.{i}", shelf, target, target, 0) for i, (shelf, target) in enumerate(part))
            try:
                await connector.push(Call(key, writes))
            except ChannelError:
                continue


def _targets(conn: Connection, channel: str) -> list[tuple[ShelfRef, int]]:
    query = (
        select(listings.c.ref, shelves.c.location, shelves.c.target)
        .join(shelves, shelves.c.listing_id == listings.c.id)
        .join(channels, channels.c.id == shelves.c.channel_id)
        .where(channels.c.name == channel, shelves.c.target.is_not(None))
    )
    return [(ShelfRef(row.ref, row.location), row.target) for row in conn.execute(query)]
