"""The memory shop's dials and its gate: what the kit cannot see from outside, and what the tests of the safe push rely on."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any

import pytest

from channelsync.contract import Call, Context, Cursor, OrderSnapshot, OrderState, Outcome, ShelfRef, Write
from channelsync.errors import ChannelError, Unavailable
from channelsync.testing.conformance import drain, open_http
from channelsync.testing.standins.base import Faults, Item, SoldOut
from channelsync.testing.standins.memory import MemoryStandIn
from channelsync.testing.virtual_clock import VirtualClock
from channelsync_memory import MemoryConnector, Settings

MUG = ShelfRef("item-1")


class Hall:
    """A shop with ten mugs, and a connector to it."""

    def __init__(self, **dials: Any) -> None:
        self.clock = VirtualClock()
        self.shop = MemoryStandIn(self.clock, random.Random(1), **dials)
        self.shop.stock([Item("MUG", 10)])
        table = {key: value for key, value in self.shop.settings("http://shop.test").items() if key != "connector"}
        http = open_http(self.shop.app, self.clock)
        self.connector = MemoryConnector(Settings.model_validate(table), Context("shop", http, self.clock))

    def run(self, story: Coroutine[Any, Any, None]) -> None:
        self.clock.run(story)

    async def push(self, base: int, value: int, *, key: str = "k", shelf: ShelfRef = MUG) -> Outcome:
        write = Write("w", shelf, value, compare=base, delta=value - base)
        (result,) = await self.connector.push(Call(key, (write,)))
        return result.outcome

    async def order(self, ref: str) -> OrderSnapshot:
        found = await self.connector.order(ref)
        assert isinstance(found, OrderSnapshot)
        return found


class TestGate:
    def test_a_write_held_before_it_takes_effect_sees_what_happens_meanwhile(self) -> None:
        hall = Hall()

        async def story() -> None:
            held = hall.shop.gate.hold("before")
            pushing = asyncio.ensure_future(hall.push(10, 4))
            await held.arrived.wait()
            assert held.key == "k"
            hall.shop.buy({"MUG": 1})
            held.release()
            assert await pushing is Outcome.STALE

        hall.run(story())
        assert hall.shop.shows("MUG") == 9

    def test_a_client_that_gave_up_does_not_stop_the_write(self) -> None:
        hall = Hall(carrier="adjust", key_memory=None)

        async def story() -> None:
            held = hall.shop.gate.hold("before")
            with pytest.raises(Unavailable):
                await hall.push(10, 13)
            assert hall.shop.shows("MUG") == 10
            held.release()
            await hall.clock.sleep(0.001)
            assert hall.shop.shows("MUG") == 13

        hall.run(story())

    @pytest.mark.parametrize(("stage", "shows"), [("before", 10), ("after", 4)])
    def test_a_write_may_vanish_on_either_side_of_its_effect(self, stage: Any, shows: int) -> None:
        hall = Hall()

        async def story() -> None:
            hall.shop.gate.drop(stage)
            with pytest.raises(Unavailable):
                await hall.push(10, 4)
            assert hall.shop.shows("MUG") == shows
            assert await hall.push(10, 4) is Outcome.OK  # the same key: told again, or done for the first time

        hall.run(story())
        assert hall.shop.shows("MUG") == 4
        assert [seen.results is None for seen in hall.shop.writes.seen] == [stage == "before", False]
        assert [(change.before, change.after, change.write) for change in hall.shop.changes] == [(10, 4, "k")]

    def test_a_sale_in_the_middle_of_a_racing_adjustment_is_swallowed(self) -> None:
        hall = Hall(carrier="adjust", key_memory=None, race_seconds=0.0)

        async def story() -> None:
            held = hall.shop.gate.hold("between")
            pushing = asyncio.ensure_future(hall.push(10, 8))
            await held.arrived.wait()
            hall.shop.buy({"MUG": 1})
            held.release()
            assert await pushing is Outcome.OK

        hall.run(story())
        assert hall.shop.shows("MUG") == 8  # 10 - 2, as if nothing had been sold

    def test_an_atomic_adjustment_swallows_nothing(self) -> None:
        hall = Hall(carrier="adjust")

        async def story() -> None:
            held = hall.shop.gate.hold("before")
            pushing = asyncio.ensure_future(hall.push(10, 8))
            await held.arrived.wait()
            hall.shop.buy({"MUG": 1})
            held.release()
            await pushing

        hall.run(story())
        assert hall.shop.shows("MUG") == 7


class TestWrites:
    def test_an_accepted_write_lands_later(self) -> None:
        hall = Hall(carrier="adjust", key_memory=None, write_visible_after=20.0)

        async def story() -> None:
            assert await hall.push(10, 4) is Outcome.OK
            await hall.clock.sleep(19.9)
            assert hall.shop.shows("MUG") == 10
            hall.shop.buy({"MUG": 1})
            await hall.clock.sleep(0.2)
            assert hall.shop.shows("MUG") == 3

        hall.run(story())

    def test_a_key_is_forgotten_after_its_time(self) -> None:
        hall = Hall(carrier="adjust", key_memory=3600.0)

        async def story() -> None:
            for _ in range(2):
                await hall.push(10, 9)
            assert hall.shop.shows("MUG") == 9
            await hall.clock.sleep(3601.0)
            await hall.push(10, 9)
            assert hall.shop.shows("MUG") == 8

        hall.run(story())

    def test_two_calls_with_one_key_at_the_same_time_have_one_effect(self) -> None:
        hall = Hall(carrier="adjust")

        async def story() -> None:
            held = hall.shop.gate.hold("after")
            first = asyncio.ensure_future(hall.push(10, 9))
            await held.arrived.wait()
            assert await hall.push(10, 9) is Outcome.OK
            held.release()
            assert await first is Outcome.OK

        hall.run(story())
        assert hall.shop.shows("MUG") == 9

    def test_one_bad_write_spoils_an_all_or_nothing_call(self) -> None:
        hall = Hall(all_or_nothing=True)

        async def story() -> None:
            good, bad = Write("good", MUG, 4, 10, -6), Write("bad", ShelfRef("item-9"), 4, 10, -6)
            results = await hall.connector.push(Call("k", (good, bad)))
            assert {result.id: result.outcome for result in results} == {"good": Outcome.NOT_SENT, "bad": Outcome.REFUSED}

        hall.run(story())
        assert hall.shop.shows("MUG") == 10


class TestOrders:
    def test_an_order_shows_in_the_list_after_the_lag_and_directly_at_once(self) -> None:
        hall = Hall(visibility_lag=60.0)

        async def story() -> None:
            ref = hall.shop.buy({"MUG": 2})
            assert (await hall.order(ref)).lines[0].channel_took == 2
            await hall.clock.sleep(59.9)
            assert (await drain(hall.connector.orders))[0] == []
            await hall.clock.sleep(0.2)
            hall.shop.cancel(ref)
            (listed,), _ = await drain(hall.connector.orders)
            assert listed.state is OrderState.OPEN, "the list still shows the order before its cancel"

        hall.run(story())

    def test_a_pending_checkout_withholds_until_it_is_paid_or_its_hold_ends(self) -> None:
        hall = Hall(withholds=True, lowers_stock_on="paid", hold_seconds=600.0)

        async def story() -> None:
            paid, left = hall.shop.buy({"MUG": 3}, paid=False), hall.shop.buy({"MUG": 4}, paid=False)
            assert (hall.shop.shows("MUG"), hall.shop.withheld("MUG"), hall.shop.sellable("MUG")) == (10, 7, 3)
            with pytest.raises(SoldOut):
                hall.shop.buy({"MUG": 4})
            hall.shop.pay(paid)
            assert (hall.shop.shows("MUG"), hall.shop.withheld("MUG")) == (7, 4)
            assert hall.shop.changes[-1].withheld == 4
            assert (await hall.order(left)).hold_until == hall.clock.start + timedelta(seconds=600)
            assert hall.shop.next_due() == 600.0
            await hall.clock.sleep(600.0)
            assert hall.shop.withheld("MUG") == 0
            assert (await hall.order(left)).state is OrderState.CANCELLED

        hall.run(story())

    def test_a_shop_that_lowers_on_shipping_may_sell_what_it_has_promised(self) -> None:
        hall = Hall(lowers_stock_on="shipped")
        first, second = hall.shop.buy({"MUG": 8}), hall.shop.buy({"MUG": 8})
        hall.shop.ship(first)
        hall.shop.ship(second)
        assert hall.shop.shows("MUG") == -6

    def test_a_shop_with_backorders_sells_below_zero_and_others_do_not(self) -> None:
        hall = Hall(backorders=True)
        hall.shop.buy({"MUG": 11})
        assert hall.shop.shows("MUG") == -1
        with pytest.raises(SoldOut):
            Hall().shop.buy({"MUG": 11})

    def test_truth_and_numbers_agree_after_every_move(self) -> None:
        hall = Hall()
        ref = hall.shop.buy({"MUG": 5})
        hall.shop.refund(ref, "MUG", 1, restock=True)
        hall.shop.refund(ref, "MUG", 1, restock=False)
        hall.shop.ship(ref)
        hall.shop.refund(ref, "MUG", 1, restock=True)
        line = hall.shop.orders[ref].lines[0]
        assert (line.quantity, line.shipped, line.cancelled, line.returned, line.open) == (5, 3, 2, 1, 0)
        assert hall.shop.shows("MUG") == 10 - 5 + 1 + 1
        with pytest.raises(ValueError, match="has not 3"):
            hall.shop.refund(ref, "MUG", 3)


class TestLocations:
    def test_shoppers_are_served_from_the_first_location_that_has_units(self) -> None:
        hall = Hall(locations=("main", "annex"))
        hall.shop.edit("MUG", 3, location="main")
        hall.shop.edit("MUG", 4, location="annex")

        async def story() -> None:
            whole, split = await hall.order(hall.shop.buy({"MUG": 4})), await hall.order(hall.shop.buy({"MUG": 2}))
            assert [(line.location, line.quantity) for line in whole.lines] == [("annex", 4)]
            assert [(line.location, line.quantity) for line in split.lines] == [("main", 2)]
            hall.shop.edit("MUG", 2, location="annex")
            spread = await hall.order(hall.shop.buy({"MUG": 3}))
            assert [(line.location, line.channel_took) for line in spread.lines] == [("main", 1), ("annex", 2)]

        hall.run(story())
        assert hall.shop.shows("MUG") == 0

    def test_each_location_is_a_shelf_of_its_own(self) -> None:
        hall = Hall(locations=("main", "annex"))

        async def story() -> None:
            main, annex = ShelfRef("item-1", "main"), ShelfRef("item-1", "annex")
            assert await hall.push(0, 6, shelf=annex) is Outcome.OK
            assert {reading.shelf: reading.shows for reading in await hall.connector.stock([annex, main])} == {main: 10, annex: 6}
            assert await hall.push(0, 6, key="k2") is Outcome.REFUSED, "there is no number without a location"

        hall.run(story())
        assert [(change.location, change.after) for change in hall.shop.changes] == [("annex", 6)]


class TestWebhooks:
    def test_a_hook_that_keeps_failing_is_switched_off(self) -> None:
        seen: list[str] = []

        async def deliver(url: str, headers: Any, body: bytes) -> int:
            seen.append(url)
            return 500

        hall = Hall(deliver=deliver)
        hook = hall.shop.hooks.create("order.changed", "https://hub.test/")

        async def story() -> None:
            hall.shop.buy({"MUG": 1})
            for _ in range(100):
                await hall.clock.sleep(10.0)
                await hall.shop.work()
            assert hook.active is False
            sent = len(seen)
            hall.shop.buy({"MUG": 1})
            await hall.clock.sleep(10.0)
            await hall.shop.work()
            assert len(seen) == sent

        hall.run(story())

    def test_the_same_seed_gives_the_same_shop(self) -> None:
        def history() -> list[tuple[str, int, str]]:
            hall = Hall(faults=Faults.some(), visibility_lag=5.0, lag_varies=True)

            async def story() -> None:
                for number in range(60):
                    try:
                        await hall.push(hall.shop.shows("MUG"), number % 7, key=f"k{number}")
                    except ChannelError:
                        await hall.clock.sleep(400.0)
                    if hall.shop.sellable("MUG"):
                        hall.shop.buy({"MUG": 1})

            hall.run(story())
            return [(change.at.isoformat(), change.after, change.cause) for change in hall.shop.changes]

        first = history()
        assert first == history()
        assert len({moment for moment, _, _ in first}) > 3, "some requests were slow or lost"


def test_a_dial_nobody_knows_is_refused() -> None:
    with pytest.raises(TypeError, match="colour"):
        Hall(colour="red")


def test_an_empty_run_has_a_mark_for_the_next() -> None:
    hall = Hall()

    async def story() -> None:
        _, cursor = await drain(hall.connector.orders)
        assert cursor == Cursor(high_water="2026-01-01T00:00:00+00:00")

    hall.run(story())


def test_an_item_of_a_request_is_refused_alone_and_counted() -> None:
    hall = Hall(carrier="adjust")

    async def story() -> None:
        hall.shop.faults = Faults(item_refused=1.0)
        assert await hall.push(10, 12) is Outcome.REFUSED
        hall.shop.faults = Faults()
        assert await hall.push(10, 12, key="k2") is Outcome.OK

    hall.run(story())
    assert (hall.shop.shows("MUG"), hall.shop.mishaps["write refused"]) == (12, 1)


def test_staff_change_what_an_order_has_and_the_number_follows() -> None:
    shop = Hall().shop
    ref = shop.buy({"MUG": 2})
    shop.amend(ref, "MUG", 1)
    assert (shop.shows("MUG"), shop.orders[ref].lines[0].quantity) == (7, 3)
    shop.amend(ref, "MUG", -2)
    assert (shop.shows("MUG"), shop.orders[ref].lines[0].quantity) == (9, 1)
    with pytest.raises(ValueError, match="no line"):
        shop.amend(ref, "MUG", -1)
    with pytest.raises(SoldOut):
        shop.amend(ref, "MUG", 10)


def test_what_was_deleted_is_entered_again_under_another_ref_and_old_orders_move_it_no_more() -> None:
    hall = Hall()
    shop = hall.shop
    ref = shop.buy({"MUG": 2})
    shop.take_off("MUG")
    assert not shop.sells("MUG")
    with pytest.raises(SoldOut):
        shop.buy({"MUG": 1})
    shop.enter_again("MUG")
    shop.rename("MUG", "CUP")
    shop.cancel(ref)
    assert (shop.shows("MUG"), shop.orders[ref].lines[0].cancelled) == (0, 2)

    async def story() -> None:
        listed, _ = await drain(hall.connector.listings)
        assert [(listing.ref, listing.sku) for listing in listed] == [("item-2", "CUP")]
        order = await hall.connector.order(ref)
        assert isinstance(order, OrderSnapshot)
        assert (order.lines[0].listing, order.lines[0].quarantined) == ("item-1", 2)

    hall.run(story())
