"""Sales that the ledger has not seen: whatever a push does, it must not put them back on sale. Numbers refer to the protocol's scenario list."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from support.push import ADOPT, OVERWRITE, SKU, Bench

Play = Callable[..., None]
DELTA_CARRIERS = ["cas", "adjust-keyed", "adjust"]
ALL_CARRIERS = [*DELTA_CARRIERS, "rmw", "set"]


@pytest.mark.parametrize("carrier", DELTA_CARRIERS)
def test_01_an_unseen_sale_survives_a_raise(play: Play, carrier: str) -> None:
    async def scenario(bench: Bench) -> None:
        bench.a.standin.buy({SKU: 1})
        await bench.receive(1)
        await bench.a.push()
        await bench.a.push()
        assert bench.a.shows == 2, "the unit that was sold is back on sale"
        await bench.a.settle()
        assert (bench.on_hand, bench.hard) == (3, 1)
        assert bench.a.shows == 2
        bench.assert_at_rest()

    play(scenario, carrier)


def test_02_a_gap_stays_suspended_while_the_order_may_still_be_on_its_way(play: Play) -> None:
    async def scenario(bench: Bench) -> None:
        bench.a.standin.buy({SKU: 1})
        await bench.receive(1)
        await bench.a.push()
        for _ in range(2):
            await bench.a.pull()
            await bench.a.push()
        state = bench.a.state()
        assert (state["gap"], state["asked_at"]) == (-1, None)
        assert bench.on_hand == 3
        assert bench.a.shows == 2
        await bench.a.settle()
        assert (bench.on_hand, bench.hard, bench.a.shows) == (3, 1, 2)

    play(scenario)


@pytest.mark.parametrize("carrier", ["cas", "adjust", "rmw"])
def test_03_an_order_ingested_while_the_push_is_on_the_wire_is_not_forgotten(play: Play, carrier: str) -> None:
    async def scenario(bench: Bench) -> None:
        import asyncio

        held = bench.a.standin.gate.hold("after")
        await bench.take_off(1)
        pushing = asyncio.ensure_future(bench.a.push())
        await held.arrived.wait()
        order = bench.a.standin.buy({SKU: 1})
        await bench.a.webhook(order)
        held.release()
        await pushing
        state = bench.a.state()
        assert (state["book"], state["target"]) == (0, 0)
        await bench.a.settle()
        assert (bench.a.shows, bench.on_hand, bench.hard) == (0, 1, 1)
        bench.assert_at_rest()

    play(scenario, carrier)


def test_04_a_relative_write_is_counted_from_the_book_never_from_a_reading(play: Play) -> None:
    async def scenario(bench: Bench) -> None:
        order = bench.a.standin.buy({SKU: 1})
        await bench.a.reconciler.look_at({bench.a.standin.shelves.products[SKU].ref: None})
        bench.a.standin.cancel(order)
        await bench.receive(1)
        await bench.a.push()
        await bench.a.settle()
        assert bench.a.shows == 3
        bench.assert_at_rest()

    play(scenario, "adjust")


@pytest.mark.parametrize("carrier", ["rmw", "set"])
def test_05_a_swallowed_sale_is_found_although_the_book_says_done(play: Play, carrier: str) -> None:
    """The sale falls inside the shop's own read-modify-write, or between our reading and our absolute write."""

    async def scenario(bench: Bench) -> None:
        import asyncio

        await bench.take_off(1)
        stage = "between" if carrier == "rmw" else "before"
        held = bench.a.standin.gate.hold(stage)
        pushing = asyncio.ensure_future(bench.a.push())
        await held.arrived.wait()
        order = bench.a.standin.buy({SKU: 1})
        held.release()
        await pushing
        await bench.a.webhook(order)
        state = bench.a.state()
        assert (state["book"], state["target"], state["verify"]) == (0, 0, True)
        assert bench.a.shows == 1, "the shop has really lost the sale"
        await bench.a.settle()
        assert bench.a.shows == 0
        assert bench.on_hand == 1, "a difference that is our own doing is never adopted"
        bench.assert_at_rest()

    play(scenario, carrier, on_edit=ADOPT)


@pytest.mark.parametrize("carrier", ["rmw", "set", "adjust"])
def test_06_an_unanswered_write_is_not_repeated_blindly(play: Play, carrier: str) -> None:
    async def scenario(bench: Bench) -> None:
        bench.a.standin.gate.drop("after")
        await bench.take_off(1)
        await bench.a.push()
        assert bench.a.shows == 1
        bench.a.standin.buy({SKU: 1})
        await bench.a.push()
        assert len(bench.a.sent()) == 1, "while an outcome is unknown nothing else is sent to that shelf"
        await bench.a.settle()
        assert bench.a.shows == 0
        bench.assert_at_rest()

    play(scenario, carrier)


def test_07_a_lost_answer_of_a_relative_raise_has_one_effect(play: Play) -> None:
    async def scenario(bench: Bench) -> None:
        bench.a.standin.buy({SKU: 1})
        bench.a.standin.gate.drop("after")
        await bench.receive(1)
        await bench.a.push()
        await bench.a.push()
        assert bench.a.shows == 2
        await bench.a.settle()
        assert (bench.a.shows, bench.on_hand) == (2, 3)
        bench.assert_at_rest()

    play(scenario, "adjust")


def test_08_a_write_that_is_applied_after_the_first_reading_has_one_effect(play: Play) -> None:
    async def scenario(bench: Bench) -> None:
        import asyncio

        held = bench.a.standin.gate.hold("before")
        await bench.receive(1)
        await bench.a.push()

        async def late() -> None:
            await bench.clock.sleep(20)
            held.release()

        releasing = asyncio.ensure_future(late())
        await bench.a.sweep()
        await releasing
        await bench.a.settle()
        assert bench.a.shows == 3
        bench.assert_at_rest()

    play(scenario, "adjust")


def test_12_a_raise_looks_at_the_other_shops_first(play: Play) -> None:
    async def scenario(bench: Bench) -> None:
        bench.b.standin.buy({SKU: 1})
        await bench.receive(1)
        await bench.a.push()
        assert bench.a.shows == 2
        await bench.a.settle()
        assert bench.a.shows == 2
        bench.assert_at_rest()

    play(scenario)


@pytest.mark.parametrize("carrier", DELTA_CARRIERS)
def test_16_a_negative_number_is_not_repaired_upwards(play: Play, carrier: str) -> None:
    async def scenario(bench: Bench) -> None:
        shop = bench.a.standin
        first = shop.buy({SKU: 2})
        shop.edit(SKU, -1)  # the shop oversold one more that we cannot see yet
        await bench.a.webhook(first)
        await bench.a.sweep()
        await bench.a.push()
        assert bench.a.shows == -1
        shop.cancel(first)
        await bench.a.settle()
        bench.assert_at_rest()

    play(scenario, carrier, on_edit=OVERWRITE)


@pytest.mark.parametrize("carrier", DELTA_CARRIERS)
def test_17_a_reading_that_equals_the_target_confirms_nothing(play: Play, carrier: str) -> None:
    async def scenario(bench: Bench) -> None:
        bench.a.standin.buy({SKU: 1})
        other = bench.b.standin.buy({SKU: 1})
        await bench.b.webhook(other)
        await bench.a.reconciler.look_at({bench.a.standin.shelves.products[SKU].ref: None})
        assert bench.a.state()["book"] == 2
        assert bench.a.shows == bench.a.state()["target"] == 1
        await bench.receive(1)
        await bench.a.push()
        await bench.a.push()
        assert bench.a.shows <= 1, "one unit is left in truth"
        await bench.a.settle()
        assert (bench.on_hand, bench.hard, bench.a.shows) == (3, 2, 1)
        bench.assert_at_rest()

    play(scenario, carrier)


def test_20_units_that_the_shop_withholds_itself_are_not_subtracted_twice(play: Play) -> None:
    async def scenario(bench: Bench) -> None:
        pending = bench.a.standin.buy({SKU: 1}, paid=False)
        await bench.a.webhook(pending)
        await bench.b.push()
        assert (bench.a.shows, bench.b.shows) == (2, 1)
        assert bench.a.state()["target"] == 2
        bench.a.standin.pay(pending)
        await bench.a.webhook(pending)
        sent = len(bench.a.sent())
        await bench.a.push()
        assert (bench.a.shows, bench.b.shows, len(bench.a.sent())) == (1, 1, sent)
        await bench.a.settle()
        assert (bench.a.shows, bench.b.shows) == (1, 1)
        bench.assert_at_rest()

    play(scenario, "rmw", withholds=True, lowers_stock_on="paid", hold_seconds=600.0)


def test_20_a_hold_that_expires_comes_back_everywhere(play: Play) -> None:
    async def scenario(bench: Bench) -> None:
        from channelsync.engine.housekeeping import Housekeeping

        pending = bench.a.standin.buy({SKU: 1}, paid=False)
        await bench.a.webhook(pending)
        await bench.b.push()
        assert (bench.a.shows, bench.b.shows) == (2, 1)
        await bench.clock.sleep(700)
        await Housekeeping(bench.store).run_once()
        await bench.b.push()
        assert (bench.a.shows, bench.b.shows) == (2, 2)
        bench.assert_at_rest()

    play(scenario, "rmw", withholds=True, lowers_stock_on="paid", hold_seconds=600.0)


def test_20_a_checkout_that_nobody_saw_pending_ends_the_same(play: Play) -> None:
    async def scenario(bench: Bench) -> None:
        pending = bench.a.standin.buy({SKU: 1}, paid=False)
        bench.a.standin.pay(pending)
        await bench.a.settle()
        assert (bench.a.shows, bench.b.shows, bench.hard) == (1, 1, 1)
        bench.assert_at_rest()

    play(scenario, "rmw", withholds=True, lowers_stock_on="paid", hold_seconds=600.0)


def test_24_an_absolute_raise_waits_for_a_quiet_reading(play: Play) -> None:
    """The book knows order 0; its cancel and a second sale are unseen. The pull explains the number by accident; one unit must not come back."""

    async def scenario(bench: Bench) -> None:
        shop = bench.a.standin
        known = shop.buy({SKU: 1})
        await bench.a.webhook(known)
        await bench.clock.sleep(61)
        shop.cancel(known)
        await bench.clock.sleep(58)
        shop.buy({SKU: 1})
        await bench.clock.sleep(2)  # the list now shows the cancel and not yet the second sale
        await bench.receive(1)
        await bench.a.push()
        assert bench.a.shows <= 2
        await bench.a.settle()
        assert bench.a.shows == 2
        bench.assert_at_rest()

    play(scenario, "set")
