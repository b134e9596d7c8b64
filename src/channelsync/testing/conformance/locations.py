"""Promises of shops that keep a number for each of several locations: told, read and written apart, and named by the lines that are taken there."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import pytest

from channelsync.contract import HasLocations, OrderSnapshot, ShelfRef
from channelsync.testing.conformance.promises import promise
from channelsync.testing.conformance.pushes import done, outcomes
from channelsync.testing.conformance.world import World
from channelsync.testing.standins.base import HasPlaces


@runtime_checkable
class Places(HasPlaces, Protocol):
    """A stand-in whose staff edit one location's number, and have another location ship an order."""

    def edit(self, sku: str, shows: int, *, location: str | None = None) -> None: ...

    def move(self, order: str, location: str) -> None: ...


def _shop(world: World) -> Places:
    if not isinstance(world.shop, Places) or len(world.shop.places()) < 2:
        pytest.skip("has one location")
    return world.shop


async def _shelf_at(world: World, sku: str, place: str) -> ShelfRef:
    listing = next(each for each in await world.listings() if each.sku == sku)
    return ShelfRef(listing.ref, place)


def _by_place(world: World, order: OrderSnapshot) -> dict[str | None, tuple[int, int]]:
    """What is still owed from each place, and what the shop took out of its number."""
    found: dict[str | None, tuple[int, int]] = {}
    for line in order.lines:
        owed, took = found.get(line.location, (0, 0))
        found[line.location] = owed + line.outstanding, took + line.channel_took
    return {place: numbers for place, numbers in found.items() if numbers != (0, 0)}


class LocationPromises:
    @promise
    async def test_a_listing_names_every_location_that_keeps_a_number_for_it(self, world: World) -> None:
        shop = _shop(world)
        world.sell("MUG")
        (listing,) = await world.listings()
        assert set(listing.locations) == set(shop.places())

    @promise
    async def test_the_shop_tells_its_locations_with_their_names(self, world: World) -> None:
        shop = _shop(world)
        if not isinstance(world.connector, HasLocations):
            pytest.skip("does not tell its locations")
        told = await world.connector.locations()
        refs = [place.ref for place in told]
        assert len(refs) == len(set(refs)), "a location is told once"
        assert {place.ref for place in told if place.active} >= set(shop.places()), "an active location is missing"

    @promise
    async def test_the_numbers_of_two_locations_are_read_apart(self, world: World) -> None:
        shop = _shop(world)
        world.sell("MUG", shows=7)
        for number, place in enumerate(shop.places()):
            shop.edit("MUG", 3 + number, location=place)
        shelves = [await _shelf_at(world, "MUG", place) for place in shop.places()]
        read = {reading.shelf: reading.shows for reading in await world.connector.stock(shelves)}
        assert read == {shelf: 3 + number for number, shelf in enumerate(shelves)}

    @promise
    async def test_a_write_at_one_location_leaves_the_others_alone(self, world: World) -> None:
        world.writes_by()
        shop = _shop(world)
        first, second = shop.places()[:2]
        world.sell("MUG", shows=7)
        shop.edit("MUG", 5, location=second)
        await world.connector.check()
        write = world.write("w1", await _shelf_at(world, "MUG", second), 5, 2)
        found = await outcomes(world, world.call("there", write), {"w1": "MUG"})
        await world.landed()
        assert found["w1"] in done(world)
        assert (shop.shows_at("MUG", first), shop.shows_at("MUG", second)) == (7, 2), "the number at the location that was named"

    @promise
    async def test_one_call_may_write_both_locations_of_a_listing(self, world: World) -> None:
        world.writes_by()
        shop = _shop(world)
        first, second = shop.places()[:2]
        world.sell("MUG", shows=7)
        shop.edit("MUG", 7, location=second)
        await world.connector.check()
        writes = [world.write(name, await _shelf_at(world, "MUG", place), 7, 4) for name, place in (("a", first), ("b", second))]
        results = await world.connector.push(world.call("both", *writes))
        await world.landed()
        assert {result.id for result in results if result.outcome in done(world)} == {"a", "b"}
        assert (shop.shows_at("MUG", first), shop.shows_at("MUG", second)) == (4, 4)

    @promise
    async def test_a_line_names_the_location_it_is_taken_from(self, world: World) -> None:
        """An order that no location can serve alone is split, and each part tells its own place."""
        shop = _shop(world)
        first, second = shop.places()[:2]
        world.sell("MUG", shows=2)
        shop.edit("MUG", 3, location=second)
        ref = world.shop.buy({"MUG": 4})
        assert (shop.shows_at("MUG", first), shop.shows_at("MUG", second)) == (0, 1)
        assert _by_place(world, await world.order(ref)) == {first: (2, 2), second: (2, 2)}, "each line at its own location"

    @promise
    async def test_a_move_to_another_location_shows(self, world: World) -> None:
        shop = _shop(world)
        first, second = shop.places()[:2]
        world.sell("MUG", shows=5)
        shop.edit("MUG", 5, location=second)
        ref = world.shop.buy({"MUG": 2})
        before = await world.order(ref)
        assert _by_place(world, before) == {first: (2, 2)}
        await world.clock.sleep(90.0)
        shop.move(ref, second)
        await world.settle()
        after = await world.order(ref)
        assert (shop.shows_at("MUG", first), shop.shows_at("MUG", second)) == (5, 3)
        assert _by_place(world, after) == {second: (2, 2)}, "what was held at the old location is free there"
        moved = min(effect.at for line in after.lines if line.location == second for effect in line.effects)
        assert moved > before.modified_at, "the new location's number fell when the order was moved, not when it was placed"
