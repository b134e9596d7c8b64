"""No shelf waits for ever, and no shop is asked again and again for nothing: states that once had no way out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from channelsync.contract import Call, Cursor, OrderSnapshot, Outcome, Page, WriteResult
from channelsync.engine import reconcile
from channelsync.engine.catalogue import Catalogue
from channelsync.engine.recheck import Recheck
from channelsync.errors import Misunderstood
from channelsync.ledger import aside, selling, stock
from channelsync.ledger.schema import listings, shelves
from channelsync.testing.standins.base import Item
from support.push import ADOPT, LAG, OVERWRITE, SKU, Bench, Shop
from support.selling import aside as set_aside

Play = Callable[..., None]


async def also_sells(shop: Shop, sku: str, units: int) -> None:
    """One more listing, opened and counted."""
    bench = shop.bench
    shop.standin.stock([Item(sku, units)])
    await Catalogue(bench.store, shop.channel, makes_skus=True).refresh()
    await shop.bracket()
    await bench.ledger.run(stock.seed, stock.Change(sku, "main", units))


def shelf(shop: Shop, sku: str) -> dict[str, Any]:
    query = select(shelves).join(listings, listings.c.id == shelves.c.listing_id)
    mine = query.where(shelves.c.channel_id == shop.channel.id, listings.c.sku_text == sku)
    return dict(shop.bench.read(lambda conn: conn.execute(mine).mappings().one()))


def test_a_shelf_with_nothing_left_to_lower_does_not_hold_up_the_others(play: Play) -> None:
    """Staff set a product to 0, nobody has answered yet, and its target falls: there is nothing to send, but it came first in every batch."""

    async def scenario(bench: Bench) -> None:
        await also_sells(bench.a, "Y", 5)
        bench.a.standin.edit(SKU, 0)
        await bench.a.sweep()
        await bench.a.bracket()
        await bench.take_off(1)
        await bench.ledger.run(stock.adjust, stock.Change("Y", "main", -1, reason="damaged"))
        await bench.a.push()
        assert bench.a.standin.shows("Y") == 4

    play(scenario, writes_per_call=1)


def test_a_lower_that_cannot_be_sent_does_not_block_the_raises_of_other_shops(play: Play) -> None:
    async def scenario(bench: Bench) -> None:
        bench.a.standin.edit(SKU, 0)
        await bench.a.sweep()
        await bench.a.bracket()
        await bench.take_off(1)
        await bench.b.push()
        bench.b.standin.edit(SKU, 0)
        await bench.b.sweep()
        await bench.b.bracket()  # overwritten: b is to show 1 again
        await bench.b.push()
        assert bench.b.shows == 1

    async def asks_at_a_only(bench: Bench) -> None:
        bench.b.channel.settings = replace(bench.b.channel.settings, on_edit=OVERWRITE)
        await scenario(bench)

    play(asks_at_a_only)


@pytest.mark.parametrize("left", ["shadow", "config"])
def test_a_shop_that_is_not_written_at_all_does_not_block_the_raises_of_others(play: Play, left: str) -> None:
    """Its book can never come down to its target: it only looks on, or it is not in the config any more."""

    async def scenario(bench: Bench) -> None:
        if left == "shadow":
            bench.b.channel.settings = replace(bench.b.channel.settings, live=False)
        else:
            del bench.store.channels[bench.b.channel.id]
        await bench.take_off(1)
        await bench.a.push()
        bench.a.standin.edit(SKU, 0)
        await bench.a.sweep()
        await bench.a.bracket()
        await bench.a.push()
        assert bench.a.shows == 1, "nothing is on sale although there is one"

    play(scenario, on_edit=OVERWRITE)


def test_shelves_the_shop_does_not_know_any_more_are_not_read_before_all_others_for_ever(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconcile, "SHELVES_PER_ROUND", 1)

    async def scenario(bench: Bench) -> None:
        await also_sells(bench.a, "Y", 5)
        stock_of = bench.a.channel.connector.stock
        gone = bench.a.standin.shelves.products[SKU].ref

        async def without_the_deleted(wanted: Any) -> Any:
            return [reading for reading in await stock_of(wanted) if reading.shelf.listing != gone]

        bench.a.channel.connector.stock = without_the_deleted  # type: ignore[method-assign, assignment]
        bench.a.standin.edit("Y", 4)
        for _ in range(4):
            await bench.a.sweep()
        assert shelf(bench.a, "Y")["gap"] == -1

    play(scenario)


def test_brackets_reach_every_shelf_although_some_are_gone(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconcile, "SHELVES_PER_ROUND", 1)

    async def scenario(bench: Bench) -> None:
        bench.a.standin.stock([Item("Y", 1), Item("Z", 1)])
        await Catalogue(bench.store, bench.a.channel, makes_skus=True).refresh()
        stock_of = bench.a.channel.connector.stock
        gone = bench.a.standin.shelves.products["Y"].ref

        async def without_the_deleted(wanted: Any) -> Any:
            return [reading for reading in await stock_of(wanted) if reading.shelf.listing != gone]

        bench.a.channel.connector.stock = without_the_deleted  # type: ignore[method-assign, assignment]
        for _ in range(4):
            await bench.a.bracket()
        assert shelf(bench.a, "Z")["book"] == 1

    play(scenario)


def test_a_call_the_shop_skips_without_a_reason_is_not_sent_a_hundred_times(play: Play) -> None:
    async def scenario(bench: Bench) -> None:
        calls: list[Call] = []

        async def skips(call: Call) -> list[WriteResult]:
            calls.append(call)
            return [WriteResult(write.id, Outcome.NOT_SENT, "too large") for write in call.writes]

        bench.a.channel.connector.push = skips  # type: ignore[method-assign]
        await bench.take_off(1)
        await bench.a.push()
        assert len(calls) == 1

    play(scenario)


def test_a_shop_that_calls_a_right_number_stale_is_not_written_a_hundred_times(play: Play) -> None:
    async def scenario(bench: Bench) -> None:
        calls: list[Call] = []

        async def stale(call: Call) -> list[WriteResult]:
            calls.append(call)
            return [WriteResult(write.id, Outcome.STALE, "no") for write in call.writes]

        bench.a.channel.connector.push = stale  # type: ignore[method-assign]
        await bench.take_off(1)
        await bench.a.push()
        assert len(calls) <= 2

    play(scenario)


def test_a_keyed_call_that_is_never_understood_gets_its_bracket(play: Play) -> None:
    """Identical repeats cannot help where the shop's answer is always the same; the reading can."""

    async def scenario(bench: Bench) -> None:
        push = bench.a.channel.connector.push
        broken: set[str] = set()

        async def odd(call: Call) -> Any:
            if not broken or call.key in broken:
                broken.add(call.key)
                return [WriteResult(write.id, Outcome.UNKNOWN, "an error nobody knows") for write in call.writes]
            return await push(call)

        bench.a.channel.connector.push = odd  # type: ignore[method-assign]
        await bench.take_off(1)

        async def dispatching() -> None:
            while True:
                await bench.a.push()
                await bench.clock.sleep(1)

        running = asyncio.ensure_future(dispatching())
        for _ in range(15):
            await bench.clock.sleep(1)
            await bench.a.bracket()
            await bench.clock.sleep(60)
        running.cancel()
        assert bench.a.shows == 1, "after a quarter of an hour the lower is still not there"

    play(scenario)


def test_adopting_more_than_there_is_asks_instead_of_failing_for_ever(play: Play) -> None:
    async def scenario(bench: Bench) -> None:
        await bench.take_off(2)  # not pushed yet: the shop still shows 2
        bench.a.standin.edit(SKU, 1)
        await bench.a.sweep()
        await bench.a.bracket()
        state = bench.a.state()
        assert (state["gap"], state["asked_at"] is not None, bench.on_hand) == (-1, True, 0)

    play(scenario, on_edit=ADOPT)


def test_a_dead_shop_does_not_hold_down_what_it_does_not_sell(play: Play) -> None:
    async def scenario(bench: Bench) -> None:
        await also_sells(bench.a, "Y", 5)

        async def down(*_: Any, **__: Any) -> Any:
            raise Misunderstood("the shop answers nonsense")
            yield

        bench.b.channel.connector.orders = down  # type: ignore[method-assign]
        await bench.receive(1)
        await bench.ledger.run(stock.receive, stock.Change("Y", "main", 1))
        await bench.a.push()
        assert (bench.a.shows, bench.a.standin.shows("Y")) == (2, 6)

    play(scenario)


@pytest.mark.parametrize("reason", ["gap", "uncounted"])
def test_a_raise_that_cannot_be_sent_does_not_ask_every_shop_each_second(play: Play, reason: str) -> None:
    """An absolute raise needs a reading that equals the book: until a person has answered there is nothing to look for."""

    async def scenario(bench: Bench) -> None:
        if reason == "gap":
            bench.a.standin.edit(SKU, 1)
            await bench.a.sweep()
            await bench.a.bracket()
        else:
            stock_of = bench.a.channel.connector.stock

            async def uncounted(wanted: Any) -> Any:
                return [replace(reading, shows=None) for reading in await stock_of(wanted)]

            bench.a.channel.connector.stock = uncounted  # type: ignore[method-assign, assignment]
        await bench.receive(1)
        looks = 0
        look = bench.pullers.look_at

        async def counted(ids: frozenset[int]) -> Any:
            nonlocal looks
            looks += 1
            return await look(ids)

        bench.pullers.look_at = counted  # type: ignore[method-assign, assignment]
        for _ in range(20):
            await bench.a.push()
            await bench.clock.sleep(1)
        assert looks <= 2

    play(scenario, "set")


def test_one_order_that_cannot_be_read_does_not_end_the_recheck_of_the_others(play: Play) -> None:
    async def scenario(bench: Bench) -> None:
        first, second = bench.a.standin.buy({SKU: 1}), bench.a.standin.buy({SKU: 1})
        for ref in (first, second):
            await bench.a.webhook(ref)
        bench.a.standin.delete(second)
        order = bench.a.channel.connector.order

        async def odd(ref: str) -> Any:
            if ref == first:
                raise Misunderstood("a plug-in made this order")
            return await order(ref)

        bench.a.channel.connector.order = odd  # type: ignore[method-assign]
        await Recheck(bench.store, bench.a.channel).run_once()
        assert bench.hard == 1

    play(scenario)


def test_an_order_that_made_no_sense_is_asked_for_again_by_itself(play: Play) -> None:
    """It was set aside so that the stream could go on; nobody may change it for weeks."""

    async def scenario(bench: Bench) -> None:
        shop, ref = bench.a, bench.a.standin.buy({SKU: 1})
        await bench.clock.sleep(LAG + 1)
        orders = shop.channel.connector.orders

        async def spoiled(cursor: Cursor, *, widen: timedelta = timedelta(0)) -> AsyncIterator[Page[OrderSnapshot]]:
            async for page in orders(cursor, widen=widen):
                odd = tuple((each.ref, "its refunds made no sense", "{}") for each in page.items)
                yield replace(page, items=(), refused=odd)

        shop.channel.connector.orders = spoiled  # type: ignore[method-assign]
        await shop.pull()
        assert (bench.hard, bench.read(set_aside)) == (0, [("order", ref)])
        await Recheck(bench.store, shop.channel).run_once()
        assert (bench.hard, bench.read(set_aside)) == (1, [])
        await shop.pull()
        assert bench.read(set_aside) == [("order", ref)], "the page is as odd as before"
        await Recheck(bench.store, shop.channel).run_once()
        assert (bench.hard, bench.read(set_aside)) == (1, []), "nothing new is an answer, too"

    play(scenario)


def test_raises_that_wait_for_a_dead_shop_do_not_fill_every_page(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selling, "RAISES_AT_ONCE", 1)

    async def scenario(bench: Bench) -> None:
        await also_sells(bench.a, "Y", 5)

        async def down(*_: Any, **__: Any) -> Any:
            raise Misunderstood("the shop answers nonsense")
            yield

        bench.b.channel.connector.orders = down  # type: ignore[method-assign]
        await bench.receive(1)
        await bench.ledger.run(stock.receive, stock.Change("Y", "main", 1))
        await bench.a.push()
        assert (bench.a.shows, bench.a.standin.shows("Y")) == (2, 6)

    play(scenario)


def test_a_refused_shelf_that_is_taken_back_is_not_shown_as_set_aside_any_more(play: Play) -> None:
    async def scenario(bench: Bench) -> None:
        push = bench.a.channel.connector.push

        async def refuses(call: Call) -> list[WriteResult]:
            return [WriteResult(write.id, Outcome.REFUSED, "archived") for write in call.writes]

        bench.a.channel.connector.push = refuses  # type: ignore[method-assign]
        await bench.take_off(1)
        await bench.a.push()
        assert bench.read(lambda conn: [row.kind for row in aside.listed(conn)]) == ["shelf"]
        bench.a.channel.connector.push = push  # type: ignore[method-assign]
        await Catalogue(bench.store, bench.a.channel).refresh(whole=True)
        await bench.a.push()
        assert bench.a.shows == 1
        assert bench.read(aside.listed) == []

    play(scenario)
