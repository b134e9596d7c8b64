"""The storm over two real daemons: both at an isolation level at which PostgreSQL refuses all it cannot put in order, a client that locks rows the
other way round, and sessions of theirs that are ended at random, while shops sell and call both of them.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from channelsync.testing.config_file import free_port
from channelsync.testing.postgres import PostgresServer
from channelsync.testing.siege.figures import Outcome
from channelsync.testing.siege.frozen_node import doubled
from channelsync.testing.siege.process import SESSION, Process
from channelsync.testing.siege.scene import Scene, scene
from channelsync.testing.siege.serializable import PROGRAM, REFUSED
from channelsync.testing.siege.storm import DEADLOCK, SERIALIZATION, contrary

DATABASE = "storm"
QUIET_SECONDS = (0.02, 0.08)
"""Between two rounds of the contrary client: without a pause nobody else would get a turn."""

ENDED_EVERY = (0.3, 1.2)
CHECK_SECONDS = 3.0
LONGEST_SECONDS = 900.0


@dataclass(frozen=True, slots=True)
class DaemonStorm:
    """failures: what the database threw at the daemons, by its code. ended: their sessions that were ended. refused: deliveries answered 503.
    doubled: writes that a shop has carried out twice. survived: both daemons that were there at the beginning are there at the end.
    """

    seconds: float
    failures: dict[str, int]
    ended: int
    refused: int
    doubled: tuple[str, ...]
    survived: bool
    outcome: Outcome

    @property
    def thrown(self) -> int:
        return self.failures.get(SERIALIZATION, 0) + self.failures.get(DEADLOCK, 0)


async def storm_over_daemons(home: Path, failures: int, *, seed: int = 1) -> DaemonStorm:
    """Until so many serialization failures and deadlocks have come."""
    server = PostgresServer(durable=True)
    server.start()
    try:
        url = server.create_database(DATABASE)
        for setting in ("default_transaction_isolation = 'serializable'", "deadlock_timeout = '10ms'"):
            server.execute(f"ALTER DATABASE {DATABASE} SET {setting}")
        async with scene(home, database=url, seed=seed) as play:
            port = free_port()
            async with play.daemon(program=PROGRAM) as first, play.daemon(play.second_node(port), program=PROGRAM) as second:
                play.town.register.doors = (None, f"127.0.0.1:{port}")
                return await _weather(play, server, (first, second), failures)
    finally:
        server.stop()


async def _weather(play: Scene, server: PostgresServer, daemons: Sequence[Process], failures: int) -> DaemonStorm:
    began = time.monotonic()
    async with _ending(server, play.random) as ended, play.shoppers.shopping():
        with contrary(play.database, random.Random(play.random.getrandbits(64)), pause=QUIET_SECONDS):
            while time.monotonic() - began < LONGEST_SECONDS and (_stormy(thrown(daemons)) < failures or not ended):
                await asyncio.sleep(CHECK_SECONDS)
                await play.check()
    took = time.monotonic() - began
    settled = await play.settled()
    await play.check()
    alive = all(daemon.alive for daemon in daemons)
    refused = play.town.register.refused[503]
    return DaemonStorm(round(took, 1), dict(thrown(daemons)), len(ended), refused, tuple(doubled(play.town)), alive, play.outcome(settled))


def _stormy(codes: Counter[str]) -> int:
    return codes[SERIALIZATION] + codes[DEADLOCK]


def thrown(daemons: Sequence[Process]) -> Counter[str]:
    """By code, from what the daemons said. A line that is not whole yet counts the next time."""
    codes: Counter[str] = Counter()
    for daemon in daemons:
        for line in daemon.log.read_text(errors="replace").splitlines():
            if REFUSED in line and line.endswith("}"):
                codes[json.loads(line)["code"]] += 1
    return codes


@asynccontextmanager
async def _ending(server: PostgresServer, source: random.Random) -> AsyncIterator[list[int]]:
    """While the block runs, now and then a session of the daemons' is ended. The list grows by its process id."""
    ended: list[int] = []

    def end_one(draw: float) -> None:
        with psycopg.connect(server.url("postgres"), autocommit=True) as conn:
            sessions = "SELECT pid FROM pg_stat_activity WHERE datname = %s AND application_name = %s ORDER BY pid"
            pids = [row[0] for row in conn.execute(sessions, (DATABASE, SESSION))]
            if pids:
                pid = pids[int(draw * len(pids))]
                conn.execute("SELECT pg_terminate_backend(%s)", (pid,))
                ended.append(pid)

    async def work() -> None:
        while True:
            await asyncio.sleep(source.uniform(*ENDED_EVERY))
            await asyncio.to_thread(end_one, source.random())

    task = asyncio.create_task(work(), name="ends sessions")
    try:
        yield ended
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
