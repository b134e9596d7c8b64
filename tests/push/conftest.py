"""Runs a scenario in virtual time on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine

from channelsync.testing.virtual_clock import VirtualClock
from support.push import Bench, Scenario

for _name in ("guarded", "holders", "messages", "readings", "sales", "unknown", "withheld"):
    pytest.register_assert_rewrite(f"push.scenarios_{_name}")

Play = Callable[..., None]


@pytest.fixture
def play(engine: Engine) -> Play:
    """play(scenario, carrier, **how to open the bench)"""

    def run(scenario: Scenario, carrier: str = "cas", **opening: Any) -> None:
        clock = VirtualClock()

        async def main() -> None:
            bench = await Bench(engine, clock).open(carrier, **opening)
            await scenario(bench)
            pending = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in pending:
                task.cancel()

        clock.run(main())

    return run
