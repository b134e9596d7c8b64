"""Crashes, lost answers, two nodes, hand edits and late or doubled messages. Numbers refer to the protocol's scenario list."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from channelsync.contract import OrderState
from channelsync.ledger import orders, outbox
from channelsync.ledger.orders import Sighting
from support.push import ADOPT, LAG, OVERWRITE, SKU, Bench

Play = Callable[..., None]


class Died(BaseException):
    """The daemon is gone; nothing after this line of its code has happened."""


async def die_at(bench: Bench, step: str) -> None:
    """Push at shop a and die: before the release, after it (nothing on the wire), or with the request on the wire."""
    ledger, dispatcher = bench.ledger, bench.a.dispatcher
    run = ledger.run

    async def dying(verb: object, item: object) -> object:
        if step == "armed" and verb is outbox.release:
            raise Died
        result = await run(verb, item)  # type: ignore[arg-type]
        if step == "released" and verb is outbox.release:
            raise Died
        return result

    ledger.run = dying  # type: ignore[method-assign, assignment]
    try:
        await dispatcher.run_once()
    except Died:
        pass
    finally:
        ledger.run = run  # type: ignore[method-assign]
    await bench.crash()


def test_09_a_raise_that_was_stored_and_is_no_longer_due_is_never_sent(play: Play) -> None:
    async def scenario(bench: Bench) -> None:
        await bench.receive(1)
        await die_at(bench, "armed")
        await bench.take_off(1)
        await bench.a.push()
        await bench.a.settle()
        assert [change.after for change in bench.a.standin.changes] == []
        assert bench.a.shows == 2
        bench.assert_at_rest()

    play(scenario)


def test_09_released_but_never_on_the_wire_it_is_bracketed_not_repeated(play: Play) -> None:
    async def scenario(bench: Bench) -> None:
        await bench.receive(1)
        await die_at(bench, "released")
        await bench.take_off(1)
        await bench.clock.sleep(5)
        await bench.a.push()
        await bench.a.settle()
        assert 3 not in [change.after for change in bench.a.standin.changes]
        assert bench.a.shows == 2
        bench.assert_at_rest()

    play(scenario)


def test_10_a_crash_after_the_effect_repeats_with_the_same_key_once(play: Play) -> None:
    async def scenario(bench: Bench) -> None:
        await bench.receive(1)
        bench.a.standin.gate.drop("after")
        await bench.a.push()
        await bench.crash()
        await bench.clock.sleep(5)
        await bench.a.push()
        assert bench.a.state()["book"] == bench.a.shows == 3
        writes = [change for change in bench.a.standin.changes if change.cause == "write"]
        assert len(writes) == 1
        await bench.b.push()
        bench.assert_at_rest()

    play(scenario)


def test_11_a_sale_after_a_lost_answer_is_no_drift(play: Play) -> None:
    async def scenario(bench: Bench) -> None:
        await bench.receive(1)
        bench.a.standin.gate.drop("after")
        await bench.a.push()
        order = bench.a.standin.buy({SKU: 1})
        await bench.a.webhook(order)
        await bench.a.settle()
        assert (bench.on_hand, bench.hard, bench.a.shows) == (3, 1, 2)
        assert bench.a.state()["adopted"] == 0
        bench.assert_at_rest()

    play(scenario, on_edit=ADOPT)


@pytest.mark.parametrize("carrier", ["cas", "adjust", "set"])
def test_13_a_raise_is_checked_again_in_the_step_that_releases_it(play: Play, carrier: str) -> None:
    async def scenario(bench: Bench) -> None:
        await bench.receive(1)
        run = bench.ledger.run

        async def slipping_in(verb: object, item: object) -> object:
            if verb is outbox.release:
                bench.ledger.run = run  # type: ignore[method-assign]
                await bench.take_off(1)
            return await run(verb, item)  # type: ignore[arg-type]

        bench.ledger.run = slipping_in  # type: ignore[method-assign, assignment]
        await bench.a.push()
        assert bench.a.shows == 2
        assert [row["state"] for row in bench.a.sent()] == ["withdrawn"]
        bench.assert_at_rest()

    play(scenario, carrier)


@pytest.mark.parametrize("carrier", ["cas", "adjust"])
def test_14_a_holder_that_slept_past_its_lease_sends_nothing(play: Play, carrier: str) -> None:
    async def scenario(bench: Bench) -> None:
        await bench.receive(1)
        run = bench.ledger.run

        async def pausing(verb: object, item: object) -> object:
            result = await run(verb, item)  # type: ignore[arg-type]
            if verb is outbox.arm and result is not None:
                bench.ledger.run = run  # type: ignore[method-assign]
                await bench.clock.sleep(120)  # SIGSTOP between the stored attempt and the bytes
                await bench.second_node().run_once()
            return result

        bench.ledger.run = pausing  # type: ignore[method-assign, assignment]
        await bench.a.push()
        writes = [change for change in bench.a.standin.changes if change.cause == "write"]
        assert [change.after for change in writes] == [3], "the second node alone has written"
        assert bench.a.state()["book"] == 3

    play(scenario, carrier)


def test_14_a_late_settle_of_the_old_holder_is_refused(play: Play) -> None:
    async def scenario(bench: Bench) -> None:
        await bench.receive(1)
        held = bench.a.standin.gate.hold("after")
        pushing = asyncio.ensure_future(bench.a.push())
        await held.arrived.wait()
        from channelsync.ledger import channels

        version = await bench.ledger.run(channels.take_lease, channels.LeaseRequest(bench.a.channel.id, "node-2", 60.0))
        assert version is None, "the first holder's lease is still good"
        before = bench.a.state()["book"]
        await _steal_lease(bench)
        held.release()
        await pushing
        assert bench.a.state()["book"] == before
        assert bench.a.channel.lease is None
        await bench.clock.sleep(200)
        await bench.a.settle()
        assert bench.a.shows == 3
        bench.assert_at_rest()

    play(scenario)


async def _steal_lease(bench: Bench) -> None:
    """What the database looks like when the old holder slept for longer than its lease."""
    from channelsync.ledger import channels
    from channelsync.ledger.schema import channels as table
    from sqlalchemy import update

    with bench.engine.begin() as conn:
        conn.execute(update(table).where(table.c.id == bench.a.channel.id).values(lease_until=bench.clock.now() - timedelta(seconds=1)))
    assert await bench.ledger.run(channels.take_lease, channels.LeaseRequest(bench.a.channel.id, "node-2", 60.0))


@pytest.mark.parametrize("carrier", ["cas", "adjust"])
def test_15_a_new_holder_waits_for_what_the_old_one_left_on_the_wire(play: Play, carrier: str) -> None:
    async def scenario(bench: Bench) -> None:
        await bench.receive(1)
        held = bench.a.standin.gate.hold("before")
        pushing = asyncio.ensure_future(bench.a.push())
        await held.arrived.wait()
        await bench.clock.sleep(1)
        await pushing
        await bench.clock.sleep(120)
        second = bench.second_node()
        if carrier == "cas":
            held.release()
            await asyncio.sleep(0.1)
        await second.run_once()
        held.release()
        await bench.clock.sleep(1)
        bench.a.dispatcher = second
        await bench.a.settle()
        writes = [change for change in bench.a.standin.changes if change.cause == "write"]
        assert len(writes) == 1
        assert bench.a.shows == 3

    play(scenario, carrier)


@pytest.mark.parametrize(("edit", "policy", "on_hand", "shows"), [(3, "adopt", 3, 3), (3, "overwrite", 2, 2), (1, "adopt", 1, 1), (1, "overwrite", 2, 2)])
def test_18_a_hand_edit_is_suspended_then_settled_by_policy(play: Play, edit: int, policy: str, on_hand: int, shows: int) -> None:
    async def scenario(bench: Bench) -> None:
        bench.a.standin.edit(SKU, edit)
        await bench.a.sweep()
        assert bench.a.state()["gap"] == edit - 2
        if edit == 3:
            await bench.receive(1)
            await bench.a.push()
            assert bench.a.shows == 3, "no raise while the shop shows more than we can explain"
            await bench.take_off(1)
        await bench.a.settle()
        assert (bench.on_hand, bench.a.shows) == (on_hand, shows)
        bench.assert_at_rest()

    play(scenario, on_edit=ADOPT if policy == "adopt" else OVERWRITE)


def test_18_by_default_a_lower_number_is_asked_about(play: Play) -> None:
    async def scenario(bench: Bench) -> None:
        bench.a.standin.edit(SKU, 1)
        await bench.a.sweep()
        await bench.a.settle()
        state = bench.a.state()
        assert (state["gap"], bench.a.shows, bench.on_hand) == (-1, 1, 2)
        assert state["asked_at"] is not None

    play(scenario)


def test_19_a_hand_edit_that_hides_a_sale_is_repaired_once_the_order_is_in(play: Play) -> None:
    async def scenario(bench: Bench) -> None:
        bench.a.standin.buy({SKU: 1})
        bench.a.standin.edit(SKU, 2)
        await bench.a.settle()
        await bench.a.sweep()
        await bench.a.settle()
        assert (bench.on_hand, bench.hard, bench.a.shows) == (2, 1, 1)
        bench.assert_at_rest()

    play(scenario, on_edit=OVERWRITE)


def test_22_late_doubled_and_reversed_messages_come_to_the_same_end(play: Play) -> None:
    async def scenario(bench: Bench) -> None:
        order = bench.a.standin.buy({SKU: 1})
        placed = await bench.a.channel.connector.order(order)
        await bench.clock.sleep(2)
        bench.a.standin.cancel(order)
        cancelled = await bench.a.channel.connector.order(order)
        books = []
        for snapshot in (cancelled, placed, placed, cancelled, placed):
            await bench.ledger.run(orders.apply, Sighting(bench.a.channel.id, snapshot, 0, direct=False))  # type: ignore[arg-type]
            books.append(bench.a.state()["book"])
        assert books == [2] * 5
        assert (bench.on_hand, bench.hard) == (2, 0)
        await bench.a.settle()
        assert bench.a.shows == 2
        bench.assert_at_rest()

    play(scenario)


def test_25_a_webhook_between_pull_and_second_reading_restarts_the_bracket(play: Play) -> None:
    async def scenario(bench: Bench) -> None:
        shop = bench.a.standin
        shop.edit(SKU, 3)
        await bench.a.sweep()
        stock = bench.a.channel.connector.stock
        calls = 0

        async def reading(refs: object) -> object:
            nonlocal calls
            calls += 1
            if calls == 2:
                await bench.a.webhook(shop.buy({SKU: 1}))
                shop.edit(SKU, 3)
            return await stock(refs)  # type: ignore[arg-type]

        bench.a.channel.connector.stock = reading  # type: ignore[method-assign, assignment]
        assert await bench.a.bracket() == 0, "an order of this shelf was ingested in between"
        bench.a.channel.connector.stock = stock  # type: ignore[method-assign]
        await bench.a.settle()
        assert (bench.hard, bench.a.shows) == (1, 1)
        bench.assert_at_rest()

    play(scenario, on_edit=OVERWRITE)


def test_26_an_order_later_than_the_lag_gives_its_adoption_back(play: Play) -> None:
    async def scenario(bench: Bench) -> None:
        shop = bench.a.standin
        shop.index._dials = replace(shop.index._dials, visibility_lag=20 * LAG)
        shop.buy({SKU: 1})
        await bench.clock.sleep(2)
        await bench.a.sweep()
        await bench.a.bracket()
        assert (bench.on_hand, bench.a.state()["adopted"]) == (1, -1), "later than promised, a sale looks like an edit"
        await bench.clock.sleep(20 * LAG)
        await bench.pullers[bench.a.channel].look(widen=timedelta(hours=2))  # the nightly wide look: the cursor is long past it
        await bench.a.settle()
        assert (bench.on_hand, bench.hard, bench.a.shows, bench.a.state()["adopted"]) == (2, 1, 1, 0)
        bench.assert_at_rest()

    play(scenario, on_edit=ADOPT)


@pytest.mark.parametrize("carrier", ["cas", "adjust-keyed", "adjust", "rmw", "set"])
@pytest.mark.parametrize("step", ["armed", "released", "applied", "never"])
@pytest.mark.parametrize("raises", [True, False])
def test_28_a_crash_between_any_two_steps_comes_to_the_same_end(play: Play, carrier: str, step: str, raises: bool) -> None:
    async def scenario(bench: Bench) -> None:
        await (bench.receive(1) if raises else bench.take_off(1))
        if step == "applied":
            bench.a.standin.gate.drop("after")
            await bench.a.push()
            await bench.crash()
        elif step == "never":
            bench.a.standin.gate.drop("before")
            await bench.a.push()
            await bench.crash()
        else:
            await die_at(bench, step)
        await bench.a.settle()
        assert bench.a.shows == bench.on_hand == (3 if raises else 1)
        bench.assert_at_rest()

    play(scenario, carrier)


def test_states_are_orders(play: Play) -> None:
    """A cancel that arrives before its order nets to nothing, and the late order changes nothing."""

    async def scenario(bench: Bench) -> None:
        order = bench.a.standin.buy({SKU: 2})
        bench.a.standin.cancel(order)
        snapshot = await bench.a.channel.connector.order(order)
        assert snapshot.state is OrderState.CANCELLED  # type: ignore[union-attr]
        await bench.a.webhook(order)
        assert (bench.on_hand, bench.hard) == (2, 0)

    play(scenario)
