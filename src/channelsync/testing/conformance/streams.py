"""Promises of `orders()` and `order()`: what a run brings, and that nothing is lost between runs. What a snapshot says is in `snapshots`."""

from __future__ import annotations

from datetime import timedelta

import pytest

from channelsync.contract import Cursor, Gone, OrderSnapshot, OrderState
from channelsync.errors import ChannelError
from channelsync.testing.conformance.promises import promise
from channelsync.testing.conformance.wire import ALWAYS, Break
from channelsync.testing.conformance.world import World, drain, unknown

TOO_SMALL = "one page held everything; give build_world a larger `many`"


class OrderStreamPromises:
    @promise
    async def test_a_first_run_brings_every_open_order(self, world: World) -> None:
        world.sell("MUG", shows=10_000)
        refs = []
        for number in range(world.many):
            refs.append(world.shop.buy({"MUG": 1}))
            await world.clock.sleep(86_400.0 if number == 0 else 0.25)
        world.shop.ship(refs[1])
        world.shop.cancel(refs[2])
        await world.visible()
        orders, _ = await world.orders()
        assert {order.ref for order in orders} >= {*refs} - {refs[1], refs[2]}

    @promise
    async def test_an_order_of_the_same_second_is_not_lost(self, world: World) -> None:
        """The run ends and the order comes within one tick of the shop's calendar clock: the lower bound is closed."""
        world.sell("MUG")
        first = world.shop.buy({"MUG": 1})
        await world.visible()
        _, cursor = await world.orders()
        ref = world.shop.buy({"MUG": 1})
        world.shop.ship(first)
        await world.visible()
        later, _ = await world.orders(cursor)
        assert ref in {order.ref for order in later}
        assert {order.ref: order.lines[0].shipped for order in later}.get(first) == 1

    @promise
    async def test_an_order_that_the_list_shows_late_is_not_lost(self, world: World) -> None:
        world.sell("MUG")
        cursor = Cursor()
        seen: set[str] = set()
        placed = set()
        for _ in range(6):
            placed.add(world.shop.buy({"MUG": 1}))
            await world.clock.sleep(max(1.0, world.traits.visibility_lag.total_seconds() / 3))
            orders, cursor = await world.orders(cursor)
            seen |= {order.ref for order in orders}
        await world.visible()
        orders, _ = await world.orders(cursor)
        assert seen | {order.ref for order in orders} >= placed

    @promise
    async def test_what_changes_during_a_run_is_not_lost(self, world: World) -> None:
        world.sell("MUG", shows=10_000)
        refs = await _place_many(world)
        run = world.connector.orders(Cursor())
        pages = [await anext(run)]
        assert pages[0].resume is not None, TOO_SMALL
        await world.clock.sleep(3.0)
        changed = (refs[0], refs[len(refs) // 2], refs[-1])
        for ref in changed:
            world.shop.ship(ref)
        new = world.shop.buy({"MUG": 1})
        await world.clock.sleep(3.0)
        pages += [page async for page in run]
        seen = [order for page in pages for order in page.items]
        await world.visible()
        later, _ = await world.orders(Cursor(high_water=pages[-1].high_water))
        newest = _newest([*seen, *later])
        assert {ref for ref in changed if newest[ref].lines[0].shipped != 1} == set()
        assert newest.keys() >= {*refs, new}

    @promise
    async def test_a_broken_run_of_orders_goes_on_where_it_stopped_and_loses_nothing(self, world: World) -> None:
        world.sell("MUG", shows=10_000)
        refs = await _place_many(world)
        run = world.connector.orders(Cursor())
        first = await anext(run)
        assert first.resume is not None, TOO_SMALL
        await world.clock.sleep(1800.0)
        world.shop.ship(first.items[0].ref)
        await world.visible()
        await world.clock.sleep(1800.0)
        rest, cursor = await world.orders(Cursor(resume=first.resume))
        later, _ = await world.orders(cursor)
        newest = _newest([*first.items, *rest, *later])
        assert newest.keys() >= {*refs}
        assert newest[first.items[0].ref].lines[0].shipped == 1, "it changed between the two halves of the run"

    @promise
    async def test_widening_reaches_further_back(self, world: World) -> None:
        world.sell("MUG")
        ref = world.shop.buy({"MUG": 1})
        await world.clock.sleep(86_400.0)
        world.shop.buy({"MUG": 1})
        await world.visible()
        _, cursor = await world.orders()
        near, _ = await world.orders(cursor)
        wide, _ = await world.orders(cursor, widen=timedelta(hours=25))
        assert ref not in {order.ref for order in near}, "an hourly poll must not read the whole history again"
        assert ref in {order.ref for order in wide}

    @promise
    async def test_a_closed_order_is_reported_as_closed(self, world: World) -> None:
        world.sell("MUG")
        ref = world.shop.buy({"MUG": 1})
        await world.visible()
        _, cursor = await world.orders()
        await world.clock.sleep(7200.0)
        world.shop.cancel(ref)
        await world.visible()
        later, _ = await world.orders(cursor)
        assert {order.ref: order.state for order in later}.get(ref) is OrderState.CANCELLED

    @promise
    async def test_a_page_of_orders_that_was_cut_short_never_looks_complete(self, world: World) -> None:
        world.sell("MUG", shows=10_000)
        await _place_many(world)
        await world.connector.check()
        for how in (Break.TRUNCATED, Break.HTML, Break.EMPTY, Break.STRANGE, Break.NOT_FOUND):
            for skip in (0, 1):
                await world.recover()
                with world.wire.broken(how, skip=skip, times=ALWAYS), pytest.raises(ChannelError):
                    await drain(world.connector.orders)


class SingleOrderPromises:
    @promise
    async def test_list_and_direct_reading_agree(self, world: World) -> None:
        world.sell("MUG", "TEE")
        refs = [world.shop.buy({"MUG": 2, "TEE": 1}, reservation_ref="res-1"), world.shop.buy({"TEE": 1}), world.shop.buy({"MUG": 3})]
        world.shop.refund(refs[2], "MUG", 1, restock=True)
        world.shop.refund(refs[0], "TEE", 1, restock=False)
        await world.visible()
        listed, _ = await world.orders()
        for snapshot in listed:
            assert snapshot == await world.connector.order(snapshot.ref)
        assert {order.ref for order in listed} >= {*refs}

    @promise
    async def test_a_reservation_travels_with_its_order(self, world: World) -> None:
        world.sell("MUG")
        with_it = await world.order(world.shop.buy({"MUG": 1}, reservation_ref="res-77"))
        without = await world.order(world.shop.buy({"MUG": 1}))
        assert (with_it.reservation_ref, without.reservation_ref) == ("res-77", None)

    @promise
    async def test_an_order_that_never_was_is_gone(self, world: World) -> None:
        world.sell("MUG")
        ref = unknown(world.shop.buy({"MUG": 1}))
        assert await world.connector.order(ref) == Gone(ref)

    @promise
    async def test_a_deleted_order_is_gone(self, world: World) -> None:
        delete = world.move(world.delete, "delete an order for good")
        world.sell("MUG")
        ref = world.shop.buy({"MUG": 1})
        delete(ref)
        found = await world.connector.order(ref)
        assert found == Gone(ref) or (isinstance(found, OrderSnapshot) and found.state is OrderState.DELETED)

    @promise
    async def test_only_the_shop_itself_says_that_an_order_is_gone(self, world: World) -> None:
        world.sell("MUG")
        ref = world.shop.buy({"MUG": 1})
        await world.order(ref)
        for how in (Break.NOT_FOUND, Break.HTML, Break.EMPTY, Break.TRUNCATED, Break.STRANGE):
            await world.recover()
            with world.wire.broken(how, times=ALWAYS), pytest.raises(ChannelError):
                await world.connector.order(ref)


async def _place_many(world: World) -> list[str]:
    refs = []
    for _ in range(world.many):
        refs.append(world.shop.buy({"MUG": 1}))
        await world.clock.sleep(0.25)
    await world.visible()
    return refs


def _newest(orders: list[OrderSnapshot]) -> dict[str, OrderSnapshot]:
    """As the ledger keeps them: an older version changes nothing, of equal ones the one read later counts."""
    newest: dict[str, OrderSnapshot] = {}
    for order in orders:
        known = newest.get(order.ref)
        if known is None or order.modified_at >= known.modified_at:
            newest[order.ref] = order
    return newest
