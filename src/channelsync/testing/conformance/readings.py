"""Promises of `stock()`."""

from __future__ import annotations

import pytest

from channelsync.contract import ShelfRef
from channelsync.errors import ChannelError
from channelsync.testing.conformance.promises import promise
from channelsync.testing.conformance.wire import ALWAYS, Break
from channelsync.testing.conformance.world import World, unknown


class ReadingPromises:
    @promise
    async def test_each_shelf_is_read_once_and_shows_what_the_shop_shows(self, world: World) -> None:
        world.sell("MUG", shows=7)
        world.sell("TEE", shows=0)
        world.shop.buy({"MUG": 2})
        shelves = await world.shelves("MUG", "TEE")
        asked = world.clock.now()
        readings = await world.connector.stock(shelves)
        assert {reading.shelf: reading.shows for reading in readings} == dict(zip(shelves, (world.shop.shows("MUG"), 0), strict=True))
        assert len(readings) == 2
        for reading in readings:
            assert reading.at.utcoffset() is not None
            assert (reading.at - asked).total_seconds() > -1.0, "a reading is as of the moment the shop answered"
            assert reading.at <= world.clock.now()

    @promise
    async def test_an_unknown_shelf_is_absent(self, world: World) -> None:
        world.sell("MUG")
        (known,) = await world.shelves("MUG")
        strange = ShelfRef(unknown(known.listing), known.location)
        assert [reading.shelf for reading in await world.connector.stock([strange, known])] == [known]
        assert list(await world.connector.stock([strange])) == []

    @promise
    async def test_what_is_not_counted_does_not_read_as_zero(self, world: World) -> None:
        untrack = world.move(world.untrack, "stop counting an item")
        world.sell("MUG", "FREE")
        shelves = await world.shelves("MUG", "FREE")
        untrack("FREE")
        shows = {reading.shelf: reading.shows for reading in await world.connector.stock(shelves)}
        assert shows[shelves[0]] == 10
        assert shows.get(shelves[1]) is None

    @promise
    async def test_any_number_of_shelves_can_be_asked_for(self, world: World) -> None:
        skus = [f"SKU-{number:04}" for number in range(world.many)]
        for number, sku in enumerate(skus):
            world.sell(sku, shows=number)
        shelves = await world.shelves(*skus)
        readings = await world.connector.stock(shelves)
        assert {reading.shelf: reading.shows for reading in readings} == {shelf: number for number, shelf in enumerate(shelves)}
        assert len(readings) == len(shelves)
        assert list(await world.connector.stock([])) == []

    @promise
    async def test_an_answer_that_was_cut_short_is_no_answer(self, world: World) -> None:
        world.sell("MUG", "TEE")
        shelves = await world.shelves("MUG", "TEE")
        for how in (Break.TRUNCATED, Break.HTML, Break.EMPTY, Break.STRANGE, Break.NOT_FOUND):
            await world.recover()
            with world.wire.broken(how, times=ALWAYS), pytest.raises(ChannelError):
                await world.connector.stock(shelves)
