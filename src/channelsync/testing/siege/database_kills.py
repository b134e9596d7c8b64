"""The database server dies under the daemon, again and again: the daemon stays up, refuses what it cannot store, and goes on by itself."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from channelsync.testing.postgres import PostgresServer
from channelsync.testing.siege.figures import Outcome
from channelsync.testing.siege.scene import Scene, scene

UP_SECONDS = (0.5, 2.5)
DOWN_SECONDS = (0.0, 1.0)


@dataclass(frozen=True, slots=True)
class DatabaseKills:
    """killed, stopped: kill -9 of the server's first process; its immediate stop. survived: the daemon that was there at the beginning is there
    at the end. answers_again_seconds: the longest time from a server that is back to the next delivery that is answered 2xx.
    refused: deliveries that were answered 503.
    """

    killed: int
    stopped: int
    survived: bool
    refused: int
    answers_again_seconds: float
    outcome: Outcome


async def kill_the_database(home: Path, restarts: int, *, seed: int = 1) -> DatabaseKills:
    """A PostgreSQL server of its own, with fsync, is ended `restarts` times in two ways by turns."""
    server = PostgresServer(durable=True)
    server.start()
    try:
        async with scene(home, database=server.create_database("siege"), seed=seed) as play, play.daemon() as process:
            again = []
            async with play.shoppers.shopping(), play.carts.coming():
                for turn in range(restarts):
                    again.append(await _one(play, server, hard=turn % 2 == 0))
                    await play.check()
            await play.carts.finish()
            settled = await play.settled()
            await play.check(carts=True)
            refused = play.town.register.refused[503]
            return DatabaseKills((restarts + 1) // 2, restarts // 2, process.alive, refused, round(max(again), 1), play.outcome(settled))
    finally:
        server.stop()


async def _one(play: Scene, server: PostgresServer, *, hard: bool) -> float:
    """Returns how long after the server's return a delivery was taken again."""
    await asyncio.sleep(play.random.uniform(*UP_SECONDS))
    await asyncio.to_thread(server.kill, hard=hard)
    await asyncio.sleep(play.random.uniform(*DOWN_SECONDS))
    await asyncio.to_thread(server.start)
    return await play.answers_again()
