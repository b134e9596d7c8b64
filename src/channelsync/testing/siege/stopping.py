"""SIGTERM under load while one shop hangs: the daemon ends in time, in order, and what it acknowledged is kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from channelsync.testing.siege.figures import Outcome
from channelsync.testing.siege.scene import Scene, scene
from channelsync.testing.siege.town import Town
from channelsync.testing.standins.base import Faults

STOP_MAX_SECONDS = 60.0
HUNG = "west"


@dataclass(frozen=True, slots=True)
class Stops:
    """statuses: the exit statuses; None where it did not end. seconds: how long the slowest stop took."""

    statuses: tuple[int | None, ...]
    seconds: float
    outcome: Outcome


async def stop_under_load(home: Path, times: int, *, database: str | None = None, seed: int = 1) -> Stops:
    """The daemon waits for its shops as long as it does in life, so the hung one is still waited for when it is told to stop."""
    statuses, slowest = [], 0.0
    async with scene(home, database=database, seed=seed, timeout_seconds=30.0) as play:
        async with play.shoppers.shopping():
            for _ in range(times):
                status, seconds = await _one(play)
                statuses.append(status)
                slowest = max(slowest, seconds)
                await play.check()
        async with play.daemon():
            settled = await play.settled()
            await play.check()
        return Stops(tuple(statuses), round(slowest, 1), play.outcome(settled))


async def _one(play: Scene) -> tuple[int | None, float]:
    async with play.daemon() as process:
        await asyncio.sleep(play.random.uniform(0.5, 1.5))
        async with _hanging(play.town):
            await asyncio.sleep(play.random.uniform(0.5, 1.5))
            loop = asyncio.get_running_loop()
            told = loop.time()
            status = await process.stop(STOP_MAX_SECONDS)
            return status, loop.time() - told


@asynccontextmanager
async def _hanging(town: Town) -> AsyncIterator[None]:
    """Every request to one shop vanishes."""
    shop = town.shops[HUNG]
    shop.faults = Faults(drop_before=1.0)
    try:
        yield
    finally:
        shop.faults = Faults()
