"""Interleavings and clocks that once broke a rule of the push: each ends as it would have without them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from channelsync.contract import Call, Cursor, Page
from channelsync.engine.catalogue import Catalogue
from channelsync.engine.housekeeping import Housekeeping
from channelsync.engine.loops import Engine
from channelsync.engine.store import LONG_AGO, UNHEARD_SECONDS
from channelsync.errors import ChannelError, Unavailable
from channelsync.ledger import drifts, expiry, inbox, outbox, stock
from channelsync.ledger.group import NotStored
from channelsync.ledger.outbox import Release
from channelsync.testing.standins.base import Item
from support.push import SKU, Bench, Shop

Play = Callable[..., None]


async def also_sells(shop: Shop, sku: str, units: int) -> None:
    """One more listing, opened and counted."""
    bench = shop.bench
    shop.standin.stock([Item(sku, units)])
    await Catalogue(bench.store, shop.channel, makes_skus=True).refresh()
    await shop.bracket()
    await bench.ledger.run(stock.seed, stock.Change(sku, "main", units))


def test_a_look_that_goes_on_with_a_broken_run_looks_again_from_the_start(play: Play) -> None:
    """Where a shop is read in stages, the rest of an old run says nothing of the orders that changed since."""

    async def scenario(bench: Bench) -> None:
        plain = bench.b.channel.connector.orders
        broken = [True]

        async def staged(cursor: Cursor, *, widen: timedelta = timedelta(0)) -> Any:
            if cursor.resume is None:
                items = [item async for page in plain(Cursor(), widen=widen) for item in page.items]
                yield Page(tuple(items), resume="trash")
                if broken.pop() if broken else False:
                    raise Unavailable("the connection broke")
            yield Page((), high_water="done")

        bench.b.channel.connector.orders = staged  # type: ignore[method-assign]
        with suppress(ChannelError):
            await bench.b.pull()
        bench.b.standin.buy({SKU: 1})
        await bench.receive(1)
        await bench.a.push()
        assert bench.a.shows == 2, "the unit that b has sold is on sale at a"

    play(scenario)


def test_what_a_person_was_asked_is_asked_anew_when_the_shop_shows_another_number(play: Play) -> None:
    """The first difference was a closed look; the second may be a sale that no order list shows yet."""

    async def scenario(bench: Bench) -> None:
        bench.a.standin.edit(SKU, 1)
        await bench.a.sweep()
        await bench.a.bracket()
        assert [drift.asked for drift in bench.read(drifts.listed)] == [True]
        await bench.clock.sleep(bench.a.channel.settings.sweep.total_seconds())
        bench.a.standin.buy({SKU: 1})
        await bench.a.reconciler.sweep()
        assert [(drift.shows, drift.asked) for drift in bench.read(drifts.listed)] == [(0, False)]

    play(scenario)


def test_a_call_is_repeated_whole_or_not_at_all(play: Play) -> None:
    """A bracket has closed a part of it while the repeat was looking at the other shops."""

    async def scenario(bench: Bench) -> None:
        await also_sells(bench.a, "Y", 2)
        await bench.take_off(1)
        await bench.ledger.run(stock.adjust, stock.Change("Y", "main", -1, reason="damaged"))
        bench.a.standin.gate.drop("before")
        await bench.a.push()
        first, second = bench.a.sent()
        with bench.engine.begin() as conn:
            outbox.close(conn, [first["id"]], "bracketed", "read back", bench.clock.now())
        assert bench.a.channel.lease is not None
        again = Release(second["call_key"], bench.a.channel.lease.version, repeat=True)
        assert await bench.ledger.run(outbox.release, again) is None

    play(scenario)


def test_a_lower_goes_out_between_two_raises(play: Play) -> None:
    async def scenario(bench: Bench) -> None:
        for sku in ("Y", "Z"):
            await also_sells(bench.a, sku, 1)
            await bench.ledger.run(stock.receive, stock.Change(sku, "main", 1))
        push = bench.a.channel.connector.push
        deltas: list[int] = []

        async def noted(call: Call) -> Any:
            if not deltas:
                await bench.take_off(1)
            deltas.extend(write.delta for write in call.writes)
            return await push(call)

        bench.a.channel.connector.push = noted  # type: ignore[method-assign]
        await bench.a.push()
        assert deltas == [1, -1, 1]

    play(scenario, writes_per_call=1)


def test_a_clock_that_jumps_forward_does_not_shorten_the_wait_for_an_unanswered_write(play: Play) -> None:
    async def scenario(bench: Bench) -> None:
        await bench.receive(1)
        held = bench.a.standin.gate.hold("before")
        await bench.a.push()
        bench.clock.wall_offset += timedelta(hours=1)
        await bench.a.bracket()
        await bench.clock.sleep(61)
        await bench.a.push()
        held.release()
        await bench.clock.sleep(1)
        assert bench.a.shows <= 3, "the unit that came in is on sale twice"
        await bench.clock.sleep(300)
        await bench.a.settle()
        assert bench.a.shows == 3

    play(scenario, "adjust", drain=240.0, lag=5.0)


def test_a_clock_that_goes_back_does_not_hold_a_shelf_until_the_old_date_returns(play: Play) -> None:
    async def scenario(bench: Bench) -> None:
        bench.clock.wall_offset += timedelta(days=2)
        await bench.clock.sleep(1)
        bench.store.time.steady()
        await bench.clock.sleep(300)
        bench.a.standin.gate.drop("after")
        await bench.take_off(1)
        await bench.a.push()
        bench.clock.wall_offset -= timedelta(days=2)
        bench.store.time.steady()
        await bench.a.settle()
        assert bench.a.sent()[0]["state"] == "ok"

    play(scenario, "adjust")


@pytest.mark.parametrize("seen", ["before", "after"])
def test_an_unpaid_checkout_keeps_its_claim_while_our_date_is_wrong(play: Play, seen: str) -> None:
    """Its shop's clock says when the hold ends. Ours may be a day ahead, and a daemon that starts like that has no jump to notice."""

    async def scenario(bench: Bench) -> None:
        if seen == "before":
            bench.a.standin.buy({SKU: 1}, paid=False)
            await bench.a.pull()
        await bench.crash_into(timedelta(days=1))
        if seen == "after":
            bench.a.standin.buy({SKU: 1}, paid=False)
            await bench.a.pull()
        await Housekeeping(bench.store).run_once()
        await bench.receive()
        await bench.b.push()
        assert bench.b.shows == 2, "a unit that is still held is on sale"
        await bench.a.look()
        await Housekeeping(bench.store).run_once()
        await bench.b.push()
        assert bench.b.shows == 2, "a unit that is still held is on sale"
        await bench.clock.sleep(700)
        await Housekeeping(bench.store).run_once()
        await bench.b.push()
        assert bench.b.shows == 3, "a hold that has ended is kept"

    play(scenario, withholds=True, hold_seconds=600.0, lag=0.0)


def test_a_shop_that_never_tells_the_time_holds_nothing_for_ever(play: Play) -> None:
    async def scenario(bench: Bench) -> None:
        await bench.crash_into(timedelta(0))
        assert bench.store.shop_time(bench.a.channel) == LONG_AGO
        await bench.clock.sleep(UNHEARD_SECONDS + 1)
        assert bench.store.shop_time(bench.a.channel) == bench.clock.now()

    play(scenario)


@pytest.mark.parametrize(("task", "verb"), [("intake", inbox.claim), ("housekeeping", expiry.end_holds)])
def test_a_database_that_is_away_for_a_moment_ends_no_task(play: Play, task: str, verb: object) -> None:
    async def scenario(bench: Bench) -> None:
        run = bench.ledger.run
        rounds = 0

        async def once_away(asked: Any, item: Any) -> Any:
            nonlocal rounds
            rounds += asked is verb
            if asked is verb and rounds == 1:
                raise NotStored("the database is restarting")
            return await run(asked, item)

        bench.ledger.run = once_away  # type: ignore[method-assign, assignment]
        running = asyncio.ensure_future(Engine(bench.store).tasks()[task]())
        await bench.clock.sleep(120)
        assert not running.done()
        assert rounds > 1
        running.cancel()

    play(scenario)
