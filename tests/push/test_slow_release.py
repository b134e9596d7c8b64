"""A released request may wait for the rate limit before it leaves: its last moment of effect counts from then, not from the release."""

from __future__ import annotations

import asyncio
from typing import Any

from channelsync.contract import Budget
from support.push import DRAIN, Bench

WAIT = 4.5


def test_an_unknown_write_that_left_late_is_not_judged_too_early(play: Any) -> None:
    async def scenario(bench: Bench) -> None:
        await bench.take_off(1)
        released = bench.clock.monotonic()
        budget: Budget = bench.a.http.budget
        budget.refused(WAIT)  # type: ignore[attr-defined]
        held = bench.a.standin.gate.hold("before")
        await bench.a.push()
        await asyncio.sleep(released + DRAIN + 0.1 - bench.clock.monotonic())
        assert await bench.a.bracket() == 0
        await bench.a.push()
        held.release()  # within D of leaving
        await asyncio.sleep(0.1)
        assert bench.a.shows == 1
        await bench.a.settle()
        assert bench.a.shows == 1
        bench.assert_at_rest()

    play(scenario, "adjust", lag=1.0)
