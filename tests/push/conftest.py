"""Runs a scenario in virtual time on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from channelsync.testing.virtual_clock import VirtualClock
from sqlalchemy import Engine
from support.push import Bench

Play = Callable[..., None]


@pytest.fixture
def play(engine: Engine) -> Play:
    """play(scenario, carrier, **how to open the bench)"""

    def run(scenario: Callable[[Bench], Awaitable[None]], carrier: str = "cas", **opening: Any) -> None:
        clock = VirtualClock()

        async def main() -> None:
            bench = await Bench(engine, clock).open(carrier, **opening)
            await scenario(bench)
            pending = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in pending:
                task.cancel()

        clock.run(main())

    return run
