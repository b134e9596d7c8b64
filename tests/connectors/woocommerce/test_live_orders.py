"""Orders against the stand-in: every run complete, nothing lost, every snapshot true."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from channelsync.contract import Cursor, Gone, OrderSnapshot, OrderState
from channelsync.errors import Unavailable
from channelsync.testing.standins.base import Item
from channelsync.testing.standins.woocommerce import WooCommerceStandIn
from channelsync.testing.standins.woocommerce import orders as desk
from channelsync.testing.virtual_clock import VirtualClock
from channelsync_woocommerce import WooCommerceConnector
from support.woocommerce import shop
from support.woocommerce_live import orders, tell


def test_the_first_run_brings_every_order_that_can_still_change_stock(clock: VirtualClock, standin: WooCommerceStandIn) -> None:
    standin.dials.extra_statuses = ("packed",)
    open_ones = [standin.buy({"MUG": 1}), standin.buy({"CUP": 1}, paid=False)]
    packed = standin.buy({"MUG": 1})
    standin.state.orders[int(packed)].status = "packed"
    done = standin.buy({"MUG": 1})
    standin.ship(done)

    async def story(woo: WooCommerceConnector) -> None:
        found, cursor = await orders(woo, Cursor())
        assert set(found) == {*open_ones, packed}
        assert cursor.high_water == "2026-01-01T00:00:00"
        assert found[open_ones[1]].state is OrderState.PENDING

    tell(clock, standin, story)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Asia/Kolkata"])
def test_later_runs_bring_what_changed_wherever_the_shop_is(clock: VirtualClock, standin: WooCommerceStandIn, zone: str) -> None:
    standin.dials.timezone = zone
    old = standin.buy({"MUG": 1})

    async def story(woo: WooCommerceConnector) -> None:
        _, cursor = await orders(woo, Cursor())
        await clock.sleep(3600)
        fresh = standin.buy({"MUG": 2})
        found, cursor = await orders(woo, cursor)
        assert set(found) == {old, fresh}  # the cursor starts at the first run's beginning
        assert cursor.high_water == "2026-01-01T01:00:00"
        await clock.sleep(3600)
        found, again = await orders(woo, cursor)
        assert set(found) <= {fresh}
        assert again == cursor
        wide, _ = await orders(woo, cursor, widen=timedelta(hours=2))
        assert set(wide) == {old, fresh}

    tell(clock, standin, story)


def test_the_trash_is_found_and_does_not_pass_unseen_orders(clock: VirtualClock, standin: WooCommerceStandIn) -> None:
    ref_ = standin.buy({"MUG": 1})

    async def story(woo: WooCommerceConnector) -> None:
        _, cursor = await orders(woo, Cursor())
        await clock.sleep(3600)
        order = standin.state.orders[int(ref_)]
        desk.trash(standin.state, order)
        found, _ = await orders(woo, cursor)
        assert (found[ref_].state, found[ref_].lines[0].quarantined) == (OrderState.DELETED, 1)

    tell(clock, standin, story)


def test_a_run_taken_up_again_in_the_trash_brings_what_was_sold_since_the_break(clock: VirtualClock, standin: WooCommerceStandIn) -> None:
    """A complete run is a look at the shop: what was read before a long break is none."""

    async def story(woo: WooCommerceConnector) -> None:
        _, since = await orders(woo, Cursor())
        live = await anext(aiter(woo.orders(since)))
        await clock.sleep(600)
        sold, gone = standin.buy({"MUG": 1}), standin.buy({"MUG": 1})
        desk.trash(standin.state, standin.state.orders[int(gone)])
        rest = [page async for page in woo.orders(Cursor(since.high_water, live.resume))]
        found = {order.ref: order.state for page in rest for order in page.items}
        assert (found[sold], found[gone]) == (OrderState.OPEN, OrderState.DELETED)
        assert rest[-1].high_water == "2026-01-01T00:10:00"

    tell(clock, standin, story)


def test_a_first_run_taken_up_again_brings_what_was_sold_and_shipped_since_the_break(
    clock: VirtualClock, standin: WooCommerceStandIn
) -> None:
    standin.edit("MUG", 1000)

    async def story(woo: WooCommerceConnector) -> None:
        for _ in range(120):
            standin.buy({"MUG": 1})
            await clock.sleep(1)
        first = await anext(aiter(woo.orders(Cursor())))
        await clock.sleep(600)
        sold = standin.buy({"MUG": 1})
        standin.ship(sold)
        rest = [page async for page in woo.orders(Cursor(resume=first.resume))]
        found = {order.ref: order.lines[0].shipped for page in rest for order in page.items}
        assert found[sold] == 1

    tell(clock, standin, story)


def test_more_orders_than_a_page_in_one_second_are_all_found(clock: VirtualClock, standin: WooCommerceStandIn) -> None:
    standin.edit("MUG", 1000)

    async def story(woo: WooCommerceConnector) -> None:
        _, cursor = await orders(woo, Cursor())
        await clock.sleep(100)
        made = [standin.buy({"MUG": 1}) for _ in range(30)]
        await clock.sleep(1)
        made += [standin.buy({"MUG": 1}) for _ in range(250)]
        await clock.sleep(1)
        made += [standin.buy({"MUG": 1}) for _ in range(30)]
        found, _ = await orders(woo, cursor)
        assert set(found) == set(made)

    tell(clock, standin, story)


def test_orders_that_change_while_a_run_goes_on_are_not_lost(clock: VirtualClock, standin: WooCommerceStandIn) -> None:
    standin.edit("MUG", 1000)
    standin.dials.request_seconds = 0.5
    dice = random.Random(3)

    async def story(woo: WooCommerceConnector) -> None:
        _, cursor = await orders(woo, Cursor())
        made: list[str] = []
        for _ in range(350):
            made.append(standin.buy({"MUG": 1}))
            await clock.sleep(dice.random() * 0.2)
        found: dict[str, OrderSnapshot] = {}
        stream = woo.orders(cursor)
        async for page in stream:
            found |= {order.ref: order for order in page.items}
            for order in dice.sample(made, 5):
                standin.ship(order)
        assert set(found) == set(made)
        cursor = Cursor(high_water=page.high_water)
        later, _ = await orders(woo, cursor)
        found |= later
        shipped = {order for order in made if standin.state.orders[int(order)].status == "completed"}
        assert {order for order, seen in found.items() if seen.lines[0].shipped} == shipped

    tell(clock, standin, story, overlap_seconds=30)


def test_late_orders_are_found_by_the_overlap(clock: VirtualClock) -> None:
    standin = shop(clock, visibility_lag=20.0)
    standin.stock([Item("MUG", 1000)])

    async def story(woo: WooCommerceConnector) -> None:
        _, cursor = await orders(woo, Cursor())
        made: set[str] = set()
        found: dict[str, OrderSnapshot] = {}
        for _ in range(60):
            made.add(standin.buy({"MUG": 1}))
            await clock.sleep(2)
            more, cursor = await orders(woo, cursor)
            found |= more
        assert set(found) < made
        await clock.sleep(20)
        more, cursor = await orders(woo, cursor)
        assert set(found | more) == made

    tell(clock, standin, story)


def test_an_order_by_id_is_direct_and_gone_is_the_shops_own_word(clock: VirtualClock, standin: WooCommerceStandIn) -> None:
    standin.dials.visibility_lag = 60
    made = standin.buy({"MUG": 1}, reservation_ref="r-7")

    async def story(woo: WooCommerceConnector) -> None:
        found = await woo.order(made)
        assert isinstance(found, OrderSnapshot)
        assert found.reservation_ref == "r-7"
        assert await woo.order("99999") == Gone("99999")
        standin.dials.maintenance = True
        with pytest.raises(Unavailable):
            await woo.order("99999")

    tell(clock, standin, story)


@pytest.mark.parametrize("seed", range(5))
def test_the_snapshots_of_a_long_life_agree_with_the_truth(clock: VirtualClock, standin: WooCommerceStandIn, seed: int) -> None:
    """Whatever shoppers and staff do, in any order: shipped, cancelled and open units of every line are what they truly are."""
    standin.edit("MUG", 10_000)
    dice = random.Random(seed)

    def live() -> None:
        made = [standin.buy({"MUG": dice.randint(1, 4)}, paid=dice.random() < 0.8) for _ in range(60)]
        for _ in range(150):
            order = dice.choice(made)
            truth = standin.orders[order].lines[0]
            deed = dice.choice(["pay", "ship", "cancel", "keep", "refund"])
            if deed == "refund" and not standin.orders[order].pending and truth.quantity - truth.cancelled - truth.returned > 0:
                standin.refund(order, "MUG", 1, restock=dice.random() < 0.5)
            elif deed == "keep" and truth.open:
                standin.cancel(order, restock=False)
            elif deed in ("pay", "ship") or (deed == "cancel" and dice.random() < 0.3):
                {"pay": standin.pay, "ship": standin.ship, "cancel": standin.cancel}[deed](order)
            clock.jump(2)

    async def story(woo: WooCommerceConnector) -> None:
        live()
        took = 0
        for name, true in standin.orders.items():
            found = await woo.order(name)
            assert isinstance(found, OrderSnapshot)
            line, truth = found.lines[0], true.lines[0]
            assert (line.shipped, line.outstanding, line.restocked) == (truth.shipped, truth.open, truth.returned), name
            assert (found.state is OrderState.PENDING) is true.pending
            took += line.channel_took
        assert took == sum(change.before - change.after for change in standin.changes if change.cause != "edit")

    tell(clock, standin, story)
