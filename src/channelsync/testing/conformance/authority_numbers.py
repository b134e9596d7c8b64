"""Promises of a stock authority about its numbers: what it says of its stock is what lies there."""

from __future__ import annotations

import pytest

from channelsync.contract import ShelfRef, StockAuthority
from channelsync.errors import ChannelError, Unauthorized
from channelsync.testing.conformance.authority_scene import Scene
from channelsync.testing.conformance.promises import promise
from channelsync.testing.conformance.wire import ALWAYS, Break
from channelsync.testing.conformance.world import World, drain, unknown

HOUR, DAY = 3600.0, 86_400.0


class NumberPromises:
    @promise
    async def test_a_full_run_brings_every_number_zeros_too(self, world: World) -> None:
        scene = Scene(world)
        await scene.sell("EMPTY", shows=0)
        await scene.sell("MUG", "TEE", shows=7)
        rows, _ = await scene.run(full=True)
        assert {sku: row.units for sku, row in rows.items()} == {"EMPTY": 0, "MUG": 7, "TEE": 7}
        assert (await scene.run())[0] == rows, "an empty cursor means everything"

    @promise
    async def test_a_later_run_brings_what_moved_and_a_row_that_does_not_come_is_no_zero(self, world: World) -> None:
        scene = Scene(world)
        await scene.sell("MUG", "TEE")
        await world.clock.sleep(HOUR)
        _, cursor = await scene.run()
        await world.clock.sleep(HOUR)
        scene.warehouse.receive("MUG", 5)
        rows, _ = await scene.run(cursor)
        assert rows["MUG"].units == 15
        assert "TEE" not in rows or rows["TEE"].units == 10

    @promise
    async def test_what_moves_between_two_runs_is_never_missed(self, world: World) -> None:
        scene = Scene(world)
        await scene.sell("MUG", shows=100)
        seen, cursor = await scene.run()
        for step in range(8):
            await world.clock.sleep(0.3 * 7**step)
            scene.warehouse.receive("MUG", 1)
            rows, cursor = await scene.run(cursor)
            seen |= rows
            assert seen["MUG"].units == 101 + step

    @promise
    async def test_an_old_cursor_reads_everything(self, world: World) -> None:
        scene = Scene(world)
        await scene.sell("MUG", "TEE")
        _, cursor = await scene.run()
        await world.clock.sleep(3 * DAY)
        rows, _ = await scene.run(cursor)
        assert rows.keys() == {"MUG", "TEE"}

    @promise
    async def test_what_is_being_recalculated_has_no_number_until_it_has(self, world: World) -> None:
        scene = Scene(world)
        await scene.sell("MUG", "TEE")
        scene.warehouse.recalculate("MUG", 60.0)
        rows, _ = await scene.run(full=True)
        assert rows["TEE"].units == 10
        assert "MUG" not in rows or rows["MUG"].units is None
        assert [row.units for row in await scene.authority.physical_of([scene.shelf("MUG")])] in ([], [None])
        await world.clock.sleep(61.0)
        assert (await scene.now("MUG")).units == 10

    @promise
    async def test_by_name_what_cannot_be_told_is_absent(self, world: World) -> None:
        scene = Scene(world)
        await scene.sell("MUG", "TEE")
        known = scene.shelf("MUG")
        strange = (ShelfRef(unknown(known.listing), known.location), ShelfRef(known.listing, unknown(known.location)))
        assert [(row.listing, row.units) for row in await scene.authority.physical_of([*strange, known])] == [(known.listing, 10)]
        assert list(await scene.authority.physical_of([])) == []

    @promise
    async def test_what_others_reserve_is_told_and_lowers_no_stock(self, world: World) -> None:
        scene = Scene(world)
        await scene.sell("MUG", "TEE")
        await world.clock.sleep(HOUR)
        _, cursor = await scene.run()
        await world.clock.sleep(HOUR)
        order = scene.warehouse.foreign_reserve("MUG", 4)
        rows, cursor = await scene.run(cursor)
        assert (rows["MUG"].units, rows["MUG"].reserved) == (10, 4), "a reserve that changes alone is news"
        scene.warehouse.release(order)
        rows, _ = await scene.run(cursor)
        assert (rows["MUG"].units, rows["MUG"].reserved) == (10, 0)

    @promise
    async def test_a_reading_that_was_cut_short_never_looks_complete(self, world: World) -> None:
        scene = Scene(world)
        await scene.sell("MUG", "TEE")
        for how in (Break.TRUNCATED, Break.HTML, Break.EMPTY, Break.STRANGE, Break.NOT_FOUND):
            for skip in (0, 1):
                await world.recover()
                with world.wire.broken(how, skip=skip, times=ALWAYS), pytest.raises(ChannelError):
                    await scene.run()

    @promise
    async def test_it_sells_nothing_and_has_no_shelves(self, world: World) -> None:
        scene = Scene(world)
        await scene.sell("MUG")
        await scene.authority.export(scene.claim("o1", {"MUG": 2}))
        assert [listing.locations for listing in await world.listings()] == [()]
        assert (await world.orders())[0] == []

    @promise
    async def test_a_stranger_learns_and_writes_nothing(self, world: World) -> None:
        scene = Scene(world)
        await scene.sell("MUG")
        stranger = world.stranger
        assert isinstance(stranger, StockAuthority)
        with pytest.raises(Unauthorized):
            await drain(stranger.physical)
        with pytest.raises(Unauthorized):
            await drain(stranger.claims)
        with pytest.raises(Unauthorized):
            await stranger.export(scene.claim("o1", {"MUG": 2}))
        assert (await scene.now("MUG")).reserved == 0
