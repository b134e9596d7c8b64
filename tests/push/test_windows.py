"""A window in time, on a running store: it opens and closes by itself, and the shops follow."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from channelsync.engine.loops import Engine
from channelsync.engine.ruling import LOOK_SECONDS, Ruling
from channelsync.ledger import ruling
from channelsync.ledger.ruling import Rule
from support.push import SKU, Bench

Play = Any


def _sale(bench: Bench, minutes: float, lasts: float) -> Rule:
    opens = bench.clock.now() + timedelta(minutes=minutes)
    return Rule("rules.windows[0]", sku=SKU, opens=opens, closes=opens + timedelta(minutes=lasts), safety_stock=1)


def _say(bench: Bench, *said: Rule) -> None:
    with bench.engine.begin() as conn:
        ruling.keep(conn, said)


def test_the_shops_follow_a_window(play: Play) -> None:
    async def story(bench: Bench) -> None:
        _say(bench, _sale(bench, minutes=10, lasts=30))
        task = asyncio.ensure_future(Engine(bench.store).tasks()["rules"]())
        await bench.clock.sleep(7 * 60)
        await bench.a.settle(1)
        assert bench.a.shows == 2
        await bench.clock.sleep(2 * 60)
        await bench.a.settle(2)
        assert (bench.a.shows, bench.b.shows) == (1, 1)
        await bench.clock.sleep(30 * 60)
        await bench.a.settle(3)
        assert (bench.a.shows, bench.b.shows) == (2, 2)
        bench.assert_at_rest()
        task.cancel()

    play(story)


def test_it_wakes_at_the_boundary_and_looks_at_the_clock_in_between(play: Play) -> None:
    async def story(bench: Bench) -> None:
        rounds = Ruling(bench.store)
        assert await rounds.run_once() == LOOK_SECONDS
        _say(bench, _sale(bench, minutes=0.5, lasts=60))
        wait = await rounds.run_once()
        assert 30 <= wait < 30.1
        assert bench.a.state()["target"] == 2
        await bench.clock.sleep(wait)
        assert await rounds.run_once() == LOOK_SECONDS
        assert bench.a.state()["target"] == 1

    play(story)


def test_a_clock_that_jumps_opens_nothing_until_it_has_held(play: Play) -> None:
    async def story(bench: Bench) -> None:
        _say(bench, _sale(bench, minutes=60, lasts=60))
        rounds = Ruling(bench.store)
        await rounds.run_once()
        await bench.crash_into(timedelta(hours=1, minutes=30))
        jumped = Ruling(bench.store)
        bench.store.time._offset -= 5400  # as it was before the jump
        assert await jumped.run_once() == 1.0
        assert bench.a.state()["target"] == 2
        await bench.clock.sleep(61)
        await jumped.run_once()
        assert bench.a.state()["target"] == 1

    play(story)
