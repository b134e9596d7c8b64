"""Promises of `push()` that hold for every carrier: each outcome is the truth, and nothing is repeated. Each carrier's law is in `carriers`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from channelsync.contract import Call, Outcome, ShelfRef, WriteResult
from channelsync.errors import ChannelError, Misunderstood, NotReached, RateLimited, Unauthorized, Unavailable
from channelsync.testing.conformance.promises import promise
from channelsync.testing.conformance.wire import ALWAYS, Break
from channelsync.testing.conformance.world import World, unknown
from channelsync.testing.standins.base import Faults

NOTHING_HAPPENED = (Outcome.STALE, Outcome.REFUSED, Outcome.NOT_SENT)
IN_DOUBT = (Break.ERROR_AFTER, Break.LOST_ANSWER, Break.RESET, Break.HTML, Break.TRUNCATED, Break.EMPTY, Break.STRANGE)


async def outcomes(world: World, call: Call, skus: Mapping[str, str]) -> dict[str, Outcome]:
    """Pushes, and checks that each outcome is the truth. skus: the SKU behind each write id; ids without one name no shelf of the shop."""
    before = {sku: world.shop.shows(sku) for sku in skus.values()}
    results = await world.connector.push(call)
    await world.landed()
    _named(call, results)
    for result in results:
        sku = skus.get(result.id)
        effects = world.landed_writes(call.key, sku) if sku else 0
        if result.outcome is Outcome.OK:
            assert effects == 1, f"{result.id} is said to be done and the shop knows of {effects} effects of {call.key}"
        if result.outcome in NOTHING_HAPPENED and sku:
            assert effects == 0, f"{result.id} is said to be {result.outcome} and has had an effect"
            assert world.shop.shows(sku) == before[sku]
    return {result.id: result.outcome for result in results}


def _named(call: Call, results: Sequence[WriteResult]) -> None:
    ids = [result.id for result in results]
    assert len(ids) == len(set(ids)), f"more than one result for one write: {ids}"
    assert set(ids) <= {write.id for write in call.writes}, "results are named by the ids of the writes"


def done(world: World) -> tuple[Outcome, ...]:
    """What a write that went well is called: a shop that applies it later cannot say OK for sure."""
    return (Outcome.OK, Outcome.UNKNOWN) if world.traits.write_visible_after else (Outcome.OK,)


async def _shelf(world: World, sku: str = "MUG", shows: int = 10) -> ShelfRef:
    """Where a new item's number is written. The connector has spoken to the shop by then, so that tokens are fetched."""
    world.writes_by()
    world.sell(sku, shows=shows)
    (shelf,) = await world.shelves(sku)
    await world.connector.check()
    return shelf


async def _stays_in_doubt(world: World, call: Call, how: Break) -> None:
    raised: ChannelError | None = None
    results: Sequence[WriteResult] = ()
    try:
        results = await world.connector.push(call)
    except ChannelError as error:
        raised = error
    assert raised is None or isinstance(raised, (Unavailable, Misunderstood)), f"{how}: {raised!r}"
    assert not isinstance(raised, (RateLimited, NotReached)), f"{how}: {raised!r} says that nothing happened"
    assert {result.outcome for result in results} <= {Outcome.UNKNOWN}, f"{how}: {results}"


class PushPromises:
    @promise
    async def test_what_is_written_is_there(self, world: World) -> None:
        shelf = await _shelf(world)
        for base, value in ((10, 4), (4, 7), (7, 0), (0, 1)):
            found = await outcomes(world, world.call(f"push-{value}", world.write("w1", shelf, base, value)), {"w1": "MUG"})
            assert found["w1"] in done(world)
            assert world.shop.shows("MUG") == value
            await world.clock.sleep(90.0)

    @promise
    async def test_the_number_in_the_answer_is_the_one_the_shop_shows(self, world: World) -> None:
        shelf = await _shelf(world)
        (result,) = await world.connector.push(world.call("push-1", world.write("w1", shelf, 10, 4)))
        assert result.shows in {None, world.shop.shows("MUG")}

    @promise
    async def test_the_shop_can_name_the_call_behind_a_change(self, world: World) -> None:
        shelf = await _shelf(world)
        call = world.call("named", world.write("w1", shelf, 10, 4))
        await world.connector.push(call)
        await world.landed()
        assert [change.write for change in world.shop.changes if change.cause == "write"] == [call.key]

    @promise
    async def test_a_full_call_goes_through(self, world: World) -> None:
        world.writes_by()
        skus = [f"SKU-{number:04}" for number in range(world.traits.writes_per_call)]
        world.sell(*skus)
        shelves = await world.shelves(*skus)
        writes = [world.write(f"w-{sku}", shelf, 10, place % 10) for place, (sku, shelf) in enumerate(zip(skus, shelves, strict=True))]
        found = await outcomes(world, world.call("full", *writes), {f"w-{sku}": sku for sku in skus})
        assert {outcome for name, outcome in found.items()} <= set(done(world))
        assert len(found) == len(writes)
        assert [world.shop.shows(sku) for sku in skus] == [write.value for write in writes]

    @promise
    async def test_too_large_a_call_is_refused_or_split(self, world: World) -> None:
        world.writes_by()
        skus = [f"SKU-{number:04}" for number in range(world.traits.writes_per_call + 1)]
        world.sell(*skus)
        shelves = await world.shelves(*skus)
        sent = world.wire.count("write")
        call = world.call("large", *(world.write(f"w-{sku}", shelf, 10, 9) for sku, shelf in zip(skus, shelves, strict=True)))
        try:
            found = await outcomes(world, call, {f"w-{sku}": sku for sku in skus})
        except ValueError:
            assert world.wire.count("write") == sent, "refused before anything left"
        else:
            assert len(found) == len(skus)
            assert set(found.values()) <= set(done(world))

    @promise
    async def test_an_unknown_shelf_is_refused_alone(self, world: World) -> None:
        shelf = await _shelf(world)
        strange = ShelfRef(unknown(shelf.listing), shelf.location)
        call = world.call("strange", world.write("lost", strange, 10, 4), world.write("good", shelf, 10, 4))
        found = await outcomes(world, call, {"good": "MUG"})
        assert found["lost"] is Outcome.REFUSED
        assert found.get("good") in (*done(world), Outcome.NOT_SENT), "not its fault: done, or to be sent again"

    @promise
    async def test_what_is_not_counted_is_refused_alone(self, world: World) -> None:
        untrack = world.move(world.untrack, "stop counting an item")
        shelf = await _shelf(world)
        free = await _shelf(world, "FREE")
        untrack("FREE")
        call = world.call("free", world.write("free", free, 10, 4), world.write("good", shelf, 10, 4))
        found = await outcomes(world, call, {"good": "MUG"})
        assert found["free"] is Outcome.REFUSED
        assert found.get("good") in (*done(world), Outcome.NOT_SENT), "not its fault: done, or to be sent again"
        assert world.landed_writes(call.key, "FREE") == 0

    @promise
    async def test_outcomes_belong_to_the_writes_they_name(self, world: World) -> None:
        """Some of the writes go wrong, in the middle of the list; `outcomes` checks each against the shop."""
        world.writes_by()
        skus = [f"SKU-{number}" for number in range(9)]
        world.sell(*skus)
        shelves = await world.shelves(*skus)
        shelves[3] = ShelfRef(unknown(shelves[3].listing), shelves[3].location)
        world.shop.edit("SKU-5", 9)
        writes = [world.write(f"w-{place}", shelf, 10, place) for place, shelf in enumerate(shelves)]
        found = await outcomes(world, world.call("mixed", *writes), {f"w-{n}": f"SKU-{n}" for n in range(9) if n != 3})
        assert found["w-3"] is Outcome.REFUSED

    @promise
    async def test_a_throttled_call_is_raised_and_has_no_effect(self, world: World) -> None:
        shelf = await _shelf(world)
        world.shop.faults = Faults(throttle=1.0)
        call = world.call("throttled", world.write("w1", shelf, 10, 4))
        with pytest.raises(RateLimited):
            await world.connector.push(call)
        world.shop.faults = Faults()
        await world.landed()
        assert world.landed_writes(call.key, "MUG") == 0

    @promise
    async def test_a_refused_connection_is_known_to_have_had_no_effect(self, world: World) -> None:
        shelf = await _shelf(world)
        call = world.call("refused", world.write("w1", shelf, 10, 4))
        with world.wire.broken(Break.REFUSED, kind="write", times=ALWAYS):
            with pytest.raises(NotReached):
                await world.connector.push(call)
            assert world.wire.count("write") == 1
        assert world.shop.shows("MUG") == 10

    @promise
    async def test_an_answer_that_proves_nothing_leaves_the_outcome_unknown(self, world: World) -> None:
        """Neither OK nor anything that says the shop is unchanged: the effect was there. And one request, not two."""
        for how in IN_DOUBT:
            await world.recover()
            sku = f"MUG-{how}"
            shelf = await _shelf(world, sku)
            sent = world.wire.count("write")
            with world.wire.broken(how, kind="write", times=ALWAYS):
                await _stays_in_doubt(world, world.call(f"doubt-{how}", world.write("w1", shelf, 10, 4)), how)
            assert world.wire.count("write") == sent + 1, f"{how}: a write is sent once, whatever comes back"
            await world.landed()
            assert world.shop.shows(sku) == 4

    @promise
    async def test_a_request_that_nobody_answers_leaves_the_outcome_unknown(self, world: World) -> None:
        shelf = await _shelf(world)
        with world.wire.broken(Break.LOST_REQUEST, kind="write", times=ALWAYS):
            await _stays_in_doubt(world, world.call("lost", world.write("w1", shelf, 10, 4)), Break.LOST_REQUEST)
        assert world.wire.count("write") == 1, "a write is sent once, whatever comes back"

    @promise
    async def test_a_stranger_writes_nothing(self, world: World) -> None:
        shelf = await _shelf(world)
        call = world.call("stranger", world.write("w1", shelf, 10, 4))
        with pytest.raises(Unauthorized):
            await world.stranger.push(call)
        assert world.shop.shows("MUG") == 10
