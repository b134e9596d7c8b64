"""Promises of `check()` and `listings()`."""

from __future__ import annotations

import pytest

from channelsync.contract import Connector, Cursor
from channelsync.errors import ChannelError
from channelsync.testing.conformance.promises import promise
from channelsync.testing.conformance.wire import ALWAYS, Break
from channelsync.testing.conformance.world import World, drain


class IdentityPromises:
    @promise
    async def test_it_has_all_required_verbs(self, world: World) -> None:
        assert isinstance(world.connector, Connector)
        assert world.traits.writes_per_call >= 1
        assert world.traits.readings_per_call >= 1

    @promise
    async def test_the_shop_says_the_same_name_each_time(self, world: World) -> None:
        first = await world.connector.check()
        await world.clock.sleep(3600.0)
        assert first.shop
        assert (await world.connector.check()).shop == first.shop


class ListingPromises:
    @promise
    async def test_a_run_brings_every_listing(self, world: World) -> None:
        """A listing may come twice, as an order may; but a ref means one listing and a listing has one ref."""
        skus = {f"SKU-{number:04}" for number in range(world.many)}
        world.sell(*sorted(skus))
        listings = await world.listings()
        assert {listing.sku for listing in listings} >= skus
        pairs = {(listing.ref, listing.sku) for listing in listings}
        assert len({ref for ref, _ in pairs}) == len({sku for _, sku in pairs}) == len(pairs), "refs identify listings"

    @promise
    async def test_a_broken_run_goes_on_where_it_stopped(self, world: World) -> None:
        skus = {f"SKU-{number:04}" for number in range(world.many)}
        world.sell(*sorted(skus))
        run = world.connector.listings(Cursor())
        first = await anext(run)
        assert first.resume is not None, "one page held everything; give build_world a larger `many`"
        rest, _ = await drain(world.connector.listings, Cursor(resume=first.resume))
        assert {listing.sku for listing in (*first.items, *rest)} >= skus

    @promise
    async def test_a_later_run_brings_what_was_added(self, world: World) -> None:
        world.sell("OLD")
        _, cursor = await drain(world.connector.listings)
        await world.clock.sleep(7200.0)
        world.sell("NEW")
        await world.visible()
        later, _ = await drain(world.connector.listings, cursor)
        assert "NEW" in {listing.sku for listing in later}

    @promise
    async def test_an_untracked_listing_is_flagged(self, world: World) -> None:
        untrack = world.move(world.untrack, "stop counting an item")
        world.sell("COUNTED", "FREE")
        untrack("FREE")
        flags = {listing.sku: listing.tracked for listing in await world.listings()}
        assert flags["COUNTED"] is True
        assert flags["FREE"] is False

    @promise
    async def test_every_location_of_a_listing_can_be_read(self, world: World) -> None:
        world.sell("MUG", "TEE")
        for sku in ("MUG", "TEE"):
            listing = next(listing for listing in await world.listings() if listing.sku == sku)
            assert listing.locations
            assert len(set(listing.locations)) == len(listing.locations)
        shelves = await world.shelves("MUG", "TEE")
        assert {reading.shelf for reading in await world.connector.stock(shelves)} == set(shelves)

    @promise
    async def test_order_lines_name_exactly_one_listing(self, world: World) -> None:
        world.sell("MUG", "TEE")
        order = await world.order(world.shop.buy({"MUG": 1, "TEE": 2}))
        listings = await world.listings()
        for line in order.lines:
            named = [listing.sku for listing in listings if line.listing in (listing.ref, *listing.aliases)]
            assert named == [line.sku], f"line {line.ref} names {line.listing!r}, which is {named}"

    @promise
    async def test_a_page_of_listings_that_was_cut_short_never_looks_complete(self, world: World) -> None:
        world.sell(*(f"SKU-{number:04}" for number in range(world.many)))
        await world.connector.check()
        for how in (Break.TRUNCATED, Break.HTML, Break.EMPTY, Break.STRANGE, Break.NOT_FOUND):
            for skip in (0, 1):
                await world.recover()
                with world.wire.broken(how, skip=skip, times=ALWAYS), pytest.raises(ChannelError):
                    await drain(world.connector.listings)
