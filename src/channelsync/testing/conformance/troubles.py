"""Promises about bad days: which errors come out, that nothing else does, and that an outage is not answered with a storm of requests."""

from __future__ import annotations

import itertools
import random
from collections.abc import Awaitable, Callable

import pytest

from channelsync.contract import Call, Carrier, Cursor, Outcome, RegistersWebhooks
from channelsync.errors import ChannelError, Unauthorized, Unavailable
from channelsync.testing.conformance.promises import promise
from channelsync.testing.conformance.pushes import NOTHING_HAPPENED
from channelsync.testing.conformance.wire import ALWAYS, Break
from channelsync.testing.conformance.world import HOOK_URL, World, drain
from channelsync.testing.standins.base import Faults

STORM = Faults(
    throttle=0.1, server_error_before=0.1, server_error_after=0.05, drop_before=0.05, drop_after=0.05, html=0.2, truncated=0.2,
    slow=0.2, slow_seconds=1.0,
)  # fmt: skip
ROUNDS = 25
REQUESTS_MAX = 16
CALLS_MAX = 4  # a connector gives up at the first call that fails; a new login or a check of the address may come before it

Verb = Callable[[], Awaitable[object]]


async def _verbs(world: World) -> dict[str, Verb]:
    """Every reading verb, with good arguments."""
    world.sell("MUG", "TEE")
    ref = world.shop.buy({"MUG": 1})
    shelves = await world.shelves("MUG", "TEE")
    connector = world.connector
    return {
        "check": connector.check,
        "listings": lambda: drain(connector.listings),
        "orders": lambda: drain(connector.orders),
        "order": lambda: connector.order(ref),
        "stock": lambda: connector.stock(shelves),
    }


def _pushes(world: World) -> Verb:
    source, serial = random.Random(3), itertools.count(1)

    async def push() -> None:
        (shelf,) = await world.shelves("TEE")
        base = world.shop.shows("TEE")
        value = source.choice([number for number in range(20) if number != base])
        call = world.call(f"storm-{next(serial)}", world.write("w1", shelf, base, value))
        await _truthful(world, call)

    return push


async def _truthful(world: World, call: Call) -> None:
    results = await world.connector.push(call)
    await world.landed()
    effects = world.landed_writes(call.key, "TEE")
    for result in results:
        assert result.outcome is not Outcome.OK or effects == 1, f"said OK, {effects} effects"
        assert result.outcome not in NOTHING_HAPPENED or effects == 0, f"said {result.outcome}, {effects} effects"


class TroublePromises:
    @promise
    async def test_wrong_credentials_are_called_by_their_name(self, world: World) -> None:
        world.sell("MUG")
        shelves = await world.shelves("MUG")
        stranger = world.stranger
        for verb in (
            stranger.check,
            lambda: drain(stranger.listings),
            lambda: drain(stranger.orders),
            lambda: stranger.order("1"),
            lambda: stranger.stock(shelves),
        ):
            with pytest.raises(Unauthorized):
                await verb()

    @promise
    async def test_an_outage_is_unavailable_and_costs_few_requests(self, world: World) -> None:
        verbs = await _verbs(world)
        for how in (Break.REFUSED, Break.LOST_REQUEST, Break.ERROR_AFTER, Break.RESET):
            for name, verb in verbs.items():
                await world.recover()
                asked, calls = len(world.wire.seen), world.wire.calls
                with world.wire.broken(how, times=ALWAYS), pytest.raises(Unavailable):
                    await verb()
                assert len(world.wire.seen) - asked <= REQUESTS_MAX, f"requests of {name} during an outage ({how})"
                assert world.wire.calls - calls <= CALLS_MAX, f"calls of {name} during an outage ({how}); the door repeats what is worth it"

    @promise
    async def test_an_outage_is_over_when_it_is_over(self, world: World) -> None:
        for verb in (await _verbs(world)).values():
            with world.wire.broken(Break.REFUSED, times=ALWAYS), pytest.raises(Unavailable):
                await verb()
            await world.recover()
            await verb()

    @promise
    async def test_nothing_but_declared_errors_in_a_storm_and_no_outcome_lies(self, world: World) -> None:
        verbs = list((await _verbs(world)).values())
        if world.traits.carrier is not Carrier.NONE:
            verbs.append(_pushes(world))
        if isinstance(world.connector, RegistersWebhooks):
            verbs.append(lambda: world.registers().subscribe(HOOK_URL))
        world.shop.faults = STORM
        went_well = 0
        for _ in range(ROUNDS):
            for verb in verbs:
                try:
                    await verb()
                    went_well += 1
                except ChannelError:
                    await world.clock.sleep(30.0)
        world.shop.faults = Faults()
        assert went_well > ROUNDS, "in this storm most things work"

    @promise
    async def test_a_mark_of_somebody_else_is_refused(self, world: World) -> None:
        world.sell("MUG")
        for cursor in (Cursor(resume="not a mark of ours"), Cursor(high_water="not a mark of ours")):
            with pytest.raises((ChannelError, ValueError)):
                await drain(world.connector.orders, cursor)
