"""Promises of an order snapshot's arithmetic: whatever happens to an order, its numbers say what truly happened and what the shop took."""

from __future__ import annotations

from datetime import datetime

import pytest

from channelsync.contract import OrderSnapshot, OrderState, ship_to
from channelsync.testing.conformance.promises import promise
from channelsync.testing.conformance.world import World
from channelsync.testing.standins.abilities import ShipsTo
from channelsync.testing.standins.base import Change

ALIVE = (OrderState.PENDING, OrderState.OPEN)


async def tells_the_truth(world: World, ref: str) -> OrderSnapshot:
    """Reads the order and compares each SKU of it with what the shop truly did and what its own number truly lost."""
    await world.settle()
    snapshot = await world.order(ref)
    truth = world.shop.orders[ref]
    for sku in sorted({line.sku for line in truth.lines}):
        lines = [line for line in snapshot.lines if line.sku == sku]
        true = [line for line in truth.lines if line.sku == sku]
        changes = [change for change in world.shop.changes if change.order == ref and change.sku == sku]
        odd = [line for line in lines if not line.adds_up()]
        assert not odd, f"does not add up: {odd}"
        assert sum(line.quantity for line in lines) == sum(line.quantity for line in true)
        # Some shops cannot tell a unit refunded before it left from one that left and came back on sale: to every number it is the same.
        surplus = sum(line.shipped for line in lines) - sum(line.shipped for line in true)
        assert 0 <= surplus <= sum(line.restocked for line in lines), "shipped"
        held = sum(line.outstanding for line in lines) if snapshot.state in ALIVE else 0
        assert held == sum(line.open for line in true), "what is still owed to the customer"
        assert sum(line.channel_took for line in lines) == sum(change.before - change.after for change in changes), "channel_took"
        given_back = sum(change.after - change.before for change in changes if change.cause == "restore")
        never_taken = sum(line.quantity for line in true) - sum(
            change.before - change.after for change in changes if change.cause == "sale"
        )
        back = sum(line.cancelled + line.restocked for line in lines)
        assert given_back <= back <= given_back + never_taken, "cancelled and restocked units are the ones that are on sale again"
        effects = [(effect.at, effect.units) for line in lines for effect in line.effects]
        _not_before_truth(effects, changes)
    assert sum(line.withheld for line in snapshot.lines) == (
        sum(line.open for line in truth.lines) if world.traits.withholds and truth.pending else 0
    )
    return snapshot


def _not_before_truth(effects: list[tuple[datetime, int]], changes: list[Change]) -> None:
    """At no time do the effects tell of more than had happened by then; a later time is the safe one."""
    for moment in sorted({at for at, _ in effects}):
        for sign in (1, -1):
            told = sum(max(0, sign * units) for at, units in effects if at <= moment)
            true = sum(max(0, sign * (change.before - change.after)) for change in changes if change.at <= moment)
            assert told <= true, f"the effects tell of {told} units by {moment}, when only {true} had moved"


async def _bought(world: World, units: int = 3, *, paid: bool = True) -> str:
    """Placed a fraction after the full second: a time cut to the second lies before the truth."""
    world.sell("MUG", "TEE")
    await world.clock.sleep(0.4)
    ref = world.shop.buy({"MUG": units, "TEE": 1}, paid=paid)
    await world.clock.sleep(90.4)
    return ref


class SnapshotPromises:
    @promise
    async def test_placed(self, world: World) -> None:
        snapshot = await tells_the_truth(world, await _bought(world))
        assert snapshot.state is OrderState.OPEN
        assert {line.sku: line.quantity for line in snapshot.lines} == {"MUG": 3, "TEE": 1}
        assert snapshot.created_at.utcoffset() is not None
        assert snapshot.modified_at.utcoffset() is not None
        assert snapshot.created_at <= snapshot.modified_at <= world.clock.now()

    @promise
    async def test_a_change_never_makes_an_order_look_older(self, world: World) -> None:
        ref = await _bought(world)
        before = await tells_the_truth(world, ref)
        world.shop.ship(ref)
        assert (await tells_the_truth(world, ref)).modified_at > before.modified_at

    @promise
    async def test_unpaid_then_paid(self, world: World) -> None:
        ref = await _bought(world, paid=False)
        await tells_the_truth(world, ref)
        world.shop.pay(ref)
        snapshot = await tells_the_truth(world, ref)
        assert snapshot.state is OrderState.OPEN

    @promise
    async def test_unpaid_then_cancelled(self, world: World) -> None:
        ref = await _bought(world, paid=False)
        world.shop.cancel(ref)
        snapshot = await tells_the_truth(world, ref)
        assert snapshot.state is OrderState.CANCELLED

    @promise
    async def test_shipped(self, world: World) -> None:
        ref = await _bought(world)
        world.shop.ship(ref)
        await tells_the_truth(world, ref)

    @promise
    async def test_cancelled_with_restock(self, world: World) -> None:
        ref = await _bought(world)
        world.shop.cancel(ref, restock=True)
        snapshot = await tells_the_truth(world, ref)
        assert snapshot.state is OrderState.CANCELLED

    @promise
    async def test_cancelled_without_restock(self, world: World) -> None:
        ref = await _bought(world)
        world.shop.cancel(ref, restock=False)
        snapshot = await tells_the_truth(world, ref)
        assert snapshot.state is OrderState.CANCELLED

    @promise
    async def test_partly_refunded_before_shipping_with_restock(self, world: World) -> None:
        ref = await _bought(world)
        world.shop.refund(ref, "MUG", 1, restock=True)
        await tells_the_truth(world, ref)
        await world.clock.sleep(60.4)
        world.shop.ship(ref)
        await tells_the_truth(world, ref)

    @promise
    async def test_partly_refunded_before_shipping_without_restock(self, world: World) -> None:
        ref = await _bought(world)
        world.shop.refund(ref, "MUG", 2, restock=False)
        await tells_the_truth(world, ref)

    @promise
    async def test_returned_with_restock(self, world: World) -> None:
        ref = await _bought(world)
        world.shop.ship(ref)
        await world.clock.sleep(60.4)
        world.shop.refund(ref, "MUG", 1, restock=True)
        await tells_the_truth(world, ref)
        await world.clock.sleep(60.4)
        world.shop.refund(ref, "MUG", 2, restock=True)
        await tells_the_truth(world, ref)

    @promise
    async def test_returned_without_restock(self, world: World) -> None:
        ref = await _bought(world)
        world.shop.ship(ref)
        world.shop.refund(ref, "MUG", 2, restock=False)
        await tells_the_truth(world, ref)

    @promise
    async def test_refunded_twice_in_two_ways_then_cancelled(self, world: World) -> None:
        ref = await _bought(world, units=5)
        for units, restock in ((1, True), (2, False)):
            world.shop.refund(ref, "MUG", units, restock=restock)
            await world.clock.sleep(60.4)
            await tells_the_truth(world, ref)
        world.shop.cancel(ref, restock=True)
        await tells_the_truth(world, ref)


class HabitPromises:
    """What the traits say the shop does by itself is what it does, where they say it in the contract's own words; other texts are for people.

    Either way the snapshots must tell the truth, order by order.
    """

    @promise
    async def test_it_lowers_its_number_when_it_says(self, world: World) -> None:
        world.sell("MUG", shows=10)
        took = []
        ref = world.shop.buy({"MUG": 3}, paid=False)
        for step in (None, world.shop.pay, world.shop.ship):
            if step:
                step(ref)
            took.append(10 - world.shop.shows("MUG"))
            assert sum(line.channel_took for line in (await world.order(ref)).lines) == took[-1]
        says = world.traits.lowers_stock_on
        expected = {"placed": [[3, 3, 3], [0, 3, 3]], "paid": [[0, 3, 3], [3, 3, 3]], "shipped": [[0, 0, 3]]}
        assert took in expected.get(says, [took]), f"it says {says!r}, it took {took}"

    @promise
    async def test_it_gives_back_on_cancel_as_it_says(self, world: World) -> None:
        world.sell("MUG", shows=10)
        back = []
        for restock in (True, False):
            ref = world.shop.buy({"MUG": 2})
            before = world.shop.shows("MUG")
            world.shop.cancel(ref, restock=restock)
            await tells_the_truth(world, ref)
            back.append(world.shop.shows("MUG") - before)
        says = "no" if world.traits.lowers_stock_on == "shipped" else world.traits.restores_on_cancel
        expected = {"yes": [2, 2], "no": [0, 0], "per order": [2, 0]}
        assert back == expected.get(says, back), f"it says {says!r}, it gave back {back}"

    @promise
    async def test_it_withholds_as_it_says(self, world: World) -> None:
        world.sell("MUG", shows=10)
        ref = world.shop.buy({"MUG": 3}, paid=False)
        snapshot = await tells_the_truth(world, ref)
        withheld = sum(line.withheld for line in snapshot.lines)
        assert withheld == world.shop.withheld("MUG") == (3 if world.traits.withholds else 0)
        if world.traits.withholds:
            assert snapshot.state is OrderState.PENDING
            assert snapshot.hold_until is not None
            assert snapshot.hold_until > world.clock.now()
            assert world.shop.shows("MUG") == 10
        world.shop.pay(ref)
        assert sum(line.withheld for line in (await tells_the_truth(world, ref)).lines) == 0


class DestinationPromises:
    """Where an order goes: enough to choose a location by, and nothing that would name or find a person."""

    @promise
    async def test_of_an_address_it_tells_no_more_than_routing_needs(self, world: World) -> None:
        """A shop whose addresses the connector does not read tells none at all; one that it reads, it reads right."""
        shop = world.shop
        if not isinstance(shop, ShipsTo):
            pytest.skip("the stand-in's orders have no address")
        world.sell("MUG")
        ref = shop.buy({"MUG": 1})
        shop.send_to(ref, "DE", "BE", "10115")
        await world.visible()
        listed = next(order for order in (await world.orders())[0] if order.ref == ref)
        for snapshot in (listed, await world.order(ref)):
            words = repr(snapshot)
            assert not [word for word in ("Jane", "Doe", "Torstrasse", "Town", "52.5308") if word in words], "it knows the person"
            if (told := snapshot.ship_to) is None:
                continue
            assert (told.country, told.region, told.postcode) == ("DE", "BE", "10115")
            assert told == ship_to(told.country, told.region, told.postcode, told.latitude, told.longitude), "finer than `ship_to` makes it"
