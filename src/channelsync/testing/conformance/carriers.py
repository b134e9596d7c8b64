"""Each carrier's own law, and the law of idempotency keys. A promise applies to the connectors whose traits declare the carrier or the keys."""

from __future__ import annotations

import pytest

from channelsync.contract import Carrier, Outcome, Write
from channelsync.errors import ChannelError
from channelsync.testing.conformance.promises import promise
from channelsync.testing.conformance.pushes import done, outcomes
from channelsync.testing.conformance.wire import Break
from channelsync.testing.conformance.world import World


async def _write(world: World, base: int, value: int, *, sku: str = "MUG") -> Write:
    world.sell(sku, shows=base)
    (shelf,) = await world.shelves(sku)
    await world.connector.check()
    return world.write("w1", shelf, base, value)


class CarrierPromises:
    @promise
    async def test_compare_and_set_refuses_what_is_stale(self, world: World) -> None:
        world.writes_by(Carrier.COMPARE_AND_SET)
        for value in (4, 11, 9):  # lower, higher, and the very number the shop shows by now
            sku = f"MUG-{value}"
            write = await _write(world, 10, value, sku=sku)
            world.shop.edit(sku, 9)
            found = await outcomes(world, world.call(f"stale-{value}", write), {"w1": sku})
            assert found == {"w1": Outcome.STALE}
            assert world.shop.shows(sku) == 9

    @promise
    async def test_one_stale_write_hides_no_other_outcome(self, world: World) -> None:
        world.writes_by(Carrier.COMPARE_AND_SET)
        world.sell("ONE", "TWO", "THREE")
        shelves = await world.shelves("ONE", "TWO", "THREE")
        world.shop.edit("TWO", 9)
        writes = [world.write(name, shelf, 10, 3) for name, shelf in zip("abc", shelves, strict=True)]
        found = await outcomes(world, world.call("three", *writes), {"a": "ONE", "b": "TWO", "c": "THREE"})
        assert found["b"] is Outcome.STALE
        assert {found.get("a"), found.get("c")} <= {Outcome.OK, Outcome.NOT_SENT}

    @promise
    async def test_an_adjustment_keeps_a_change_that_nobody_has_seen(self, world: World) -> None:
        world.writes_by(Carrier.ADJUST)
        write = await _write(world, 10, 6)
        world.shop.edit("MUG", 7)
        found = await outcomes(world, world.call("adjust", write), {"w1": "MUG"})
        assert found["w1"] in done(world)
        assert world.shop.shows("MUG") == 3

    @promise
    async def test_an_adjustment_can_raise(self, world: World) -> None:
        world.writes_by(Carrier.ADJUST)
        write = await _write(world, 10, 15)
        world.shop.edit("MUG", 7)
        await outcomes(world, world.call("raise", write), {"w1": "MUG"})
        assert world.shop.shows("MUG") == 12

    @promise
    async def test_a_set_sets(self, world: World) -> None:
        world.writes_by(Carrier.SET)
        write = await _write(world, 10, 6)
        world.shop.edit("MUG", 9)
        found = await outcomes(world, world.call("set", write), {"w1": "MUG"})
        assert found["w1"] in done(world)
        assert world.shop.shows("MUG") == 6
        assert world.traits.atomic is False, "between our reading and our SET anybody can slip in"


class KeyPromises:
    @promise
    async def test_a_repeat_has_one_effect_and_the_same_answer(self, world: World) -> None:
        world.keyed()
        call = world.call("twice", await _write(world, 10, 6))
        first = await world.connector.push(call)
        await world.landed()
        world.shop.edit("MUG", 5)
        again = await world.connector.push(call)
        await world.landed()
        assert [(result.id, result.outcome) for result in again] == [(result.id, result.outcome) for result in first]
        assert world.landed_writes(call.key, "MUG") == 1
        assert world.shop.shows("MUG") == 5

    @promise
    async def test_a_repeat_after_a_lost_answer_tells_what_the_first_did(self, world: World) -> None:
        world.keyed()
        call = world.call("lost-answer", await _write(world, 10, 6))
        with world.wire.broken(Break.LOST_ANSWER, kind="write"), pytest.raises(ChannelError):
            await world.connector.push(call)
        await world.recover()
        again = await world.connector.push(call)
        await world.landed()
        assert {result.id: result.outcome for result in again}["w1"] in done(world)
        assert world.landed_writes(call.key, "MUG") == 1

    @promise
    async def test_a_key_is_remembered_as_long_as_the_traits_say(self, world: World) -> None:
        world.keyed()
        call = world.call("long", await _write(world, 10, 6))
        await world.connector.push(call)
        await world.landed()
        assert world.traits.key_memory is not None
        await world.clock.sleep(world.traits.key_memory.total_seconds() - 60.0)
        again = await world.connector.push(call)
        await world.landed()
        assert {result.outcome for result in again} <= set(done(world))
        assert world.landed_writes(call.key, "MUG") == 1

    @promise
    async def test_a_key_with_another_list_never_passes_for_done(self, world: World) -> None:
        world.keyed()
        write = await _write(world, 10, 6)
        await world.connector.push(world.call("reused", write))
        await world.landed()
        other = world.call("reused", world.write("w1", write.shelf, 6, 1))
        try:
            results = await world.connector.push(other)
        except ChannelError:
            results = []
        await world.landed()
        assert {result.outcome for result in results} <= {Outcome.UNKNOWN, Outcome.REFUSED}
        assert world.shop.shows("MUG") == 6
        assert world.landed_writes(other.key, "MUG") == 1
