"""Promises of connectors that turn a shop's own backorder switches: the switch and nothing else, told truly, as often as it is asked."""

from __future__ import annotations

import pytest

from channelsync.contract import Switch, TurnsSwitches
from channelsync.testing.conformance.promises import promise
from channelsync.testing.conformance.world import World
from channelsync.testing.standins.abilities import SellsOn


def _turns(world: World) -> tuple[TurnsSwitches, SellsOn]:
    if not isinstance(world.connector, TurnsSwitches):
        pytest.skip("turns no switches")
    if not isinstance(world.shop, SellsOn):
        pytest.skip("the stand-in has no switches")
    return world.connector, world.shop


async def _told(world: World) -> dict[str | None, bool | None]:
    """What the catalogue says of each article's switch."""
    return {listing.sku: listing.sells_below_zero for listing in await world.listings()}


async def _ref(world: World, sku: str) -> str:
    return next(listing.ref for listing in await world.listings() if listing.sku == sku)


class SwitchPromises:
    @promise
    async def test_a_switch_is_turned_and_the_catalogue_says_so(self, world: World) -> None:
        connector, shop = _turns(world)
        world.sell("MUG", "CUP", shows=3)
        for sku in ("MUG", "CUP"):
            shop.set_sells_on(sku, on=False)
        mug, cup = await _ref(world, "MUG"), await _ref(world, "CUP")
        for on in (True, False):
            results = await connector.turn([Switch(mug, on)])
            assert [(result.listing, result.sells_on) for result in results] == [(mug, on)]
            assert (shop.sells_on("MUG"), shop.sells_on("CUP")) == (on, False), "the one that was named, and no other"
            assert await _told(world) == {"MUG": on, "CUP": False}
        results = await connector.turn([Switch(mug, True), Switch(cup, True)])
        assert {result.listing: result.sells_on for result in results} == {mug: True, cup: True}

    @promise
    async def test_no_number_moves_with_a_switch(self, world: World) -> None:
        connector, shop = _turns(world)
        world.sell("MUG", shows=3)
        shop.set_sells_on("MUG", on=False)
        await connector.turn([Switch(await _ref(world, "MUG"), True)])
        await world.settle()
        assert world.shop.shows("MUG") == 3
        assert world.shop.changes == []

    @promise
    async def test_a_switch_that_says_it_already_is_confirmed(self, world: World) -> None:
        connector, shop = _turns(world)
        world.sell("MUG", shows=3)
        shop.set_sells_on("MUG", on=True)
        mug = await _ref(world, "MUG")
        for _ in range(2):
            assert [result.sells_on for result in await connector.turn([Switch(mug, True)])] == [True]
        assert shop.sells_on("MUG")

    @promise
    async def test_what_the_shop_does_not_know_keeps_nothing_else_from_being_turned(self, world: World) -> None:
        connector, shop = _turns(world)
        world.sell("MUG", shows=3)
        shop.set_sells_on("MUG", on=False)
        mug = await _ref(world, "MUG")
        strange = mug[:-1] + ("7" if mug[-1] != "7" else "3") + "99"
        results = {each.listing: each.sells_on for each in await connector.turn([Switch(strange, True), Switch(mug, True)])}
        assert results.get(mug) is True
        assert results.get(strange) is None
        assert shop.sells_on("MUG")
