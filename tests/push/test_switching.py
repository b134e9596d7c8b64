"""The shop's own backorder switch, turned by the engine: when, when not, and what becomes of an answer that is lost."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from channelsync.contract import Switch, SwitchResult
from channelsync.engine.catalogue import Catalogue
from channelsync.engine.switching import AGAIN_MAX, AGAIN_SECONDS, AT_ONCE, Switching
from channelsync.errors import ChannelError, NotReached, RateLimited, Refused, Unavailable
from channelsync.ledger import channels, freezing, policies
from channelsync.ledger.channels import Pause
from channelsync.ledger.freezing import Freeze, Scope, Thaw
from channelsync.ledger.policies import SetPolicy
from channelsync.ledger.skus import Backorder
from channelsync.testing.standins.base import Item
from support.push import SKU, Bench

Play = Any


class Turning:
    """Shop a of the bench with its switch, off at first, and the part of the engine that turns it."""

    def __init__(self, bench: Bench) -> None:
        self.bench, self.shop = bench, bench.a
        self.switching = Switching(bench.store, self.shop.channel, self.shop.dispatcher)
        self.asked: list[list[Switch]] = []
        self.troubles: list[tuple[ChannelError, bool]] = []
        self.sleeps = 0.0
        connector = self.shop.channel.connector
        inner = connector.turn  # type: ignore[attr-defined]

        async def turn(switches: Sequence[Switch]) -> Sequence[SwitchResult]:
            self.asked.append(list(switches))
            await bench.clock.sleep(self.sleeps)
            error, done = self.troubles.pop(0) if self.troubles else (None, True)
            answer: Sequence[SwitchResult] = await inner(switches) if done else ()
            if error is not None:
                raise error
            return answer

        connector.turn = turn  # type: ignore[attr-defined]

    @classmethod
    async def begin(cls, bench: Bench, backorder: Backorder | None = Backorder.ALLOW, **more: Any) -> Turning:
        turning = cls(bench)
        turning.staff(on=False)
        await turning.read()
        if backorder is not None:
            await turning.policy(backorder, **more)
        return turning

    def staff(self, *, on: bool) -> None:
        self.shop.standin.set_sells_on(SKU, on=on)

    async def policy(self, backorder: Backorder, limit: int | None = None) -> None:
        await self.bench.ledger.run(policies.set_policy, SetPolicy(SKU, backorder, limit))

    async def read(self) -> None:
        """The catalogue, as it is read every hour and after a webhook."""
        await self.bench.clock.sleep(1)
        await Catalogue(self.bench.store, self.shop.channel).refresh()

    @property
    def on(self) -> bool:
        return self.shop.standin.sells_on(SKU)

    async def run(self) -> int:
        return await self.switching.run_once()


def test_it_follows_the_policy_and_no_number_moves(play: Play) -> None:
    async def story(bench: Bench) -> None:
        turning = await Turning.begin(bench)
        before = bench.a.state()
        assert (await turning.run(), turning.on) == (1, True)
        assert (await turning.run(), len(turning.asked)) == (0, 1), "said once, and not again"
        await turning.policy(Backorder.DENY)
        assert (await turning.run(), turning.on) == (1, False)
        assert bench.a.standin.changes == []
        assert bench.a.state() == before
        assert bench.a.sent() == []

    play(story)


def test_when_no_more_may_be_promised_the_shop_stops(play: Play) -> None:
    async def story(bench: Bench) -> None:
        turning = await Turning.begin(bench, limit=1)
        assert (await turning.run(), turning.on) == (1, True)
        bench.a.standin.buy({SKU: 3})
        await bench.a.settle(2)
        assert (bench.a.shows, await turning.run(), turning.on) == (-1, 1, False)
        await bench.receive(1)
        assert (await turning.run(), turning.on) == (1, True), "what came in has kept the promise, and there is room for another"

    play(story)


def test_what_staff_turn_is_put_back_at_the_next_reading(play: Play) -> None:
    async def story(bench: Bench) -> None:
        turning = await Turning.begin(bench)
        await turning.run()
        turning.staff(on=False)
        assert (await turning.run(), turning.on) == (0, False), "nobody knows of it yet"
        await turning.read()
        assert (await turning.run(), turning.on) == (1, True)

    play(story)


async def _pause(bench: Bench) -> None:
    await bench.ledger.run(channels.pause, Pause(bench.a.channel.id, "stocktaking"))


async def _resume(bench: Bench) -> None:
    await bench.ledger.run(channels.resume, bench.a.channel.id)


async def _freeze(bench: Bench) -> None:
    await bench.ledger.run(freezing.freeze, Freeze(Scope(SKU), "recall"))


async def _thaw(bench: Bench) -> None:
    await bench.ledger.run(freezing.thaw, Thaw(Scope(SKU)))


async def _only_look(bench: Bench) -> None:
    bench.a.channel.settings = replace(bench.a.channel.settings, live=False)


async def _write_again(bench: Bench) -> None:
    bench.a.channel.settings = replace(bench.a.channel.settings, live=True)


@pytest.mark.parametrize(("stop", "go_on"), [(_pause, _resume), (_freeze, _thaw), (_only_look, _write_again)])
def test_what_keeps_numbers_from_being_written_keeps_the_switch(play: Play, stop: Any, go_on: Any) -> None:
    async def story(bench: Bench) -> None:
        turning = await Turning.begin(bench)
        await stop(bench)
        assert (await turning.run(), turning.on, turning.asked) == (0, False, [])
        await go_on(bench)
        assert (await turning.run(), turning.on) == (1, True)

    play(story)


def test_another_holder_or_a_stop_keeps_it_too(play: Play) -> None:
    async def story(bench: Bench) -> None:
        turning = await Turning.begin(bench)
        await bench.a.dispatcher.run_once()
        await bench.lose_lease()
        bench.a.channel.lease = None
        assert (await turning.run(), turning.asked) == (0, [])
        await bench.clock.sleep(100)
        await bench.a.dispatcher.stop()
        assert (await turning.run(), turning.asked) == (0, [])

    play(story)


def test_a_holder_that_sleeps_past_its_lease_sends_nothing(play: Play) -> None:
    async def story(bench: Bench) -> None:
        turning = await Turning.begin(bench)
        turning.sleeps = 120.0
        with pytest.raises(NotReached, match="right to write"):
            await turning.run()
        assert not turning.on
        turning.sleeps = 0.0
        assert (await turning.run(), turning.on) == (1, True)

    play(story)


@pytest.mark.parametrize("arrived", [True, False])
def test_a_lost_answer_is_seen_at_the_next_reading_and_written_again_later(play: Play, arrived: bool) -> None:
    async def story(bench: Bench) -> None:
        turning = await Turning.begin(bench)
        turning.troubles = [(Unavailable("no answer"), arrived)]
        with pytest.raises(Unavailable):
            await turning.run()
        assert turning.on is arrived
        assert (await turning.run(), len(turning.asked)) == (0, 1), "not at once: this listing may be what breaks the shop"
        await turning.read()
        await bench.clock.sleep(AGAIN_SECONDS)
        assert (await turning.run(), turning.on) == (0 if arrived else 1, True)
        assert len(turning.asked) == (1 if arrived else 2)

    play(story)


def test_what_fails_again_and_again_is_tried_ever_more_seldom(play: Play) -> None:
    async def story(bench: Bench) -> None:
        turning = await Turning.begin(bench)
        tried: list[float] = []
        turning.troubles = [(Unavailable("no answer"), False)] * 9
        while turning.troubles:
            before = len(turning.asked)
            with suppress(Unavailable):
                await turning.run()
            if len(turning.asked) > before:
                tried.append(bench.clock.monotonic())
            await bench.clock.sleep(AGAIN_SECONDS / 2)
        pauses = [later - earlier for earlier, later in pairwise(tried)]
        assert pauses == [min(AGAIN_MAX, AGAIN_SECONDS * 2**n) for n in range(8)]
        await bench.clock.sleep(AGAIN_MAX)
        assert (await turning.run(), turning.on) == (1, True)

    play(story)


def test_a_busy_shop_is_asked_again_at_once(play: Play) -> None:
    async def story(bench: Bench) -> None:
        turning = await Turning.begin(bench)
        turning.troubles = [(RateLimited("later", retry_after=1.0), False)]
        with pytest.raises(RateLimited):
            await turning.run()
        assert (await turning.run(), turning.on) == (1, True)

    play(story)


def test_a_shop_that_lets_us_turn_none_is_left_alone_for_a_while_and_its_numbers_go_out(play: Play) -> None:
    async def story(bench: Bench) -> None:
        turning = await Turning.begin(bench)
        turning.troubles = [(Refused("the app lacks a scope"), False)]
        assert (await turning.run(), await turning.run(), len(turning.asked)) == (0, 0, 1)
        assert bench.a.channel.trouble is None
        await bench.receive(3)
        await bench.a.settle(2)
        assert bench.a.shows == 5
        await bench.clock.sleep(AGAIN_MAX)
        assert (await turning.run(), turning.on) == (1, True)

    play(story)


def test_what_the_shop_does_not_do_is_tried_again_later_and_holds_up_nothing(play: Play) -> None:
    async def story(bench: Bench) -> None:
        turning = await Turning.begin(bench, backorder=None)
        names, shop = [f"S{number}" for number in range(AT_ONCE + 2)], bench.a.standin
        shop.stock([Item(name, 1) for name in names])
        for name in names:
            shop.set_sells_on(name, on=False)
        await bench.clock.sleep(1)
        await Catalogue(bench.store, bench.a.channel, makes_skus=True).refresh()
        await bench.a.bracket()
        for name in names:
            await bench.ledger.run(policies.set_policy, SetPolicy(name, Backorder.ALLOW))
        shop.shelves.products["S0"].sells_on = None  # it has lost its switch meanwhile, and the shop does not answer for it
        assert await turning.run() == len(names) - 1
        assert [name for name in names if not shop.sells_on(name)] == ["S0"]
        assert [len(each) for each in turning.asked] == [AT_ONCE, 2], "a few at a time"
        assert (await turning.run(), len(turning.asked)) == (0, 2)
        shop.shelves.products["S0"].sells_on = False
        await bench.clock.sleep(AGAIN_SECONDS)
        assert (await turning.run(), shop.sells_on("S0")) == (1, True)

    play(story)
