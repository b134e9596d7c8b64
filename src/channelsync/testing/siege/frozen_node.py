"""Two nodes on one PostgreSQL, and one of them is frozen past its lease and wakes up again: no write lands twice, and every number comes right."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from channelsync.ledger.schema import channels
from channelsync.testing.postgres import PostgresServer
from channelsync.testing.siege import proof
from channelsync.testing.siege.figures import Outcome
from channelsync.testing.siege.process import Process
from channelsync.testing.siege.scene import LEASE_SECONDS, Scene, scene
from channelsync.testing.siege.town import Town

OVER_SECONDS = 4.0
"""How much longer than its lease a node is frozen. One that holds rows locked at that moment holds up the others for 5 s first."""

BETWEEN_SECONDS = (1.0, 3.0)


@dataclass(frozen=True, slots=True)
class FrozenNode:
    """taken_over: how often a frozen node's channel had another holder before it woke up. doubled: writes that a shop has carried out twice."""

    freezes: int
    taken_over: int
    doubled: tuple[str, ...]
    survived: bool
    outcome: Outcome


async def freeze_a_node(home: Path, freezes: int, *, seed: int = 1) -> FrozenNode:
    """The two nodes are frozen by turns, the one that holds the channels first."""
    server = PostgresServer(durable=True)
    server.start()
    try:
        url = server.create_database("siege")
        async with scene(home, database=url, seed=seed) as play, play.daemon() as first, play.daemon(play.second_node()) as second:
            taken_over = 0
            async with play.shoppers.shopping():
                for turn in range(freezes):
                    await asyncio.sleep(play.random.uniform(*BETWEEN_SECONDS))
                    taken_over += await _freeze(play, (first, second)[turn % 2])
                    await play.check()
            settled = await play.settled()
            await play.check()
            survived = first.alive and second.alive
            return FrozenNode(freezes, taken_over, tuple(doubled(play.town)), survived, play.outcome(settled))
    finally:
        server.stop()


async def _freeze(play: Scene, process: Process) -> bool:
    """True if somebody else took a channel of it over meanwhile."""
    held = {channel for channel, owner in (await asyncio.to_thread(_holders, play)).items() if f":{process.child.pid}:" in owner}
    process.freeze()
    try:
        await asyncio.sleep(LEASE_SECONDS + OVER_SECONDS)
        now = await asyncio.to_thread(_holders, play)
    finally:
        process.thaw()
    return any(f":{process.child.pid}:" not in now.get(channel, "") for channel in held)


def _holders(play: Scene) -> dict[str, str]:
    with proof.beside(play.database) as conn:
        query = select(channels.c.name, channels.c.lease_owner).where(channels.c.lease_owner.is_not(None))
        return {row.name: row.lease_owner for row in conn.execute(query)}


def doubled(town: Town) -> list[str]:
    """A write is one SKU in one call."""
    found = []
    for name, shop in town.shops.items():
        landed = Counter((change.write, change.sku) for change in shop.changes if change.write)
        found += [f"{name}: {sku} {count} times by call {key}" for (key, sku), count in landed.items() if count > 1]
    return found
