"""kill -9 at random moments, over and over, while shops sell: every acknowledged delivery and reservation is kept, and in the end every
number is right."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from channelsync.testing.siege.figures import Outcome
from channelsync.testing.siege.scene import Scene, scene

STARTING_SHARE = 0.25
LIFE_SECONDS = 1.5
"""Longer than between two polls. What is due less often is due by times that the ledger keeps, so it falls into some life all the same."""


@dataclass(frozen=True, slots=True)
class Kills:
    """starting: how many of them hit a daemon that was not up yet. cycle_seconds: from one start to the next, on average."""

    database: str
    shops: tuple[str, ...]
    cycles: int
    starting: int
    cycle_seconds: float
    outcome: Outcome


async def kill_over_and_over(
    home: Path, cycles: int, *, database: str | None = None, platforms: Sequence[str] = (), seed: int = 1, life: float = LIFE_SECONDS
) -> Kills:
    """platforms: stand-ins instead of memory shops. life: the longest that a daemon lives after it is up. After each kill the ledger is checked before anybody else has opened it."""
    starting = 0
    async with scene(home, database=database, seed=seed, platforms=platforms) as play:
        began = time.monotonic()
        async with play.shoppers.shopping(), play.carts.coming():
            for _ in range(cycles):
                starting += await _one(play, life)
                await play.check(carts=True)
        took = (time.monotonic() - began) / max(1, cycles)
        async with play.daemon():
            await play.carts.finish()
            settled = await play.settled()
            await play.check(carts=True)
        return Kills(
            "postgresql" if database else "sqlite", tuple(play.town.shops), cycles, starting, round(took, 2), play.outcome(settled)
        )


async def _one(play: Scene, life: float) -> bool:
    """One life. True if it ended before the daemon was up."""
    with play.process() as process:
        process.start()
        early = play.random.random() < STARTING_SHARE
        if not early:
            await process.up()
        await asyncio.sleep(play.random.uniform(0.0, life))
        was_up = process.has_been_up
        process.kill()
        return not was_up
