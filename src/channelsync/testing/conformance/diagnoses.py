"""Promises of `diagnose()`: a healthy shop gives nothing to worry about, wrong credentials are a finding, and a checkup changes nothing."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from channelsync.contract import Connector, Diagnoses, Diagnosis, HasLocations, RegistersWebhooks, Setup, Severity
from channelsync.errors import Unavailable
from channelsync.testing.conformance.promises import promise
from channelsync.testing.conformance.wire import ALWAYS, Break
from channelsync.testing.conformance.world import HOOK_URL, World


async def _setup(world: World) -> Setup:
    """As the shop is set up when everything is right: webhooks made, every location mapped."""
    if isinstance(world.connector, RegistersWebhooks):
        await world.connector.subscribe(HOOK_URL)
    await world.settle()
    places = await world.connector.locations() if isinstance(world.connector, HasLocations) else ()
    url = HOOK_URL if isinstance(world.connector, RegistersWebhooks) else None
    return Setup(url, tuple(place.ref for place in places if place.active), world.clock.now())


async def _look(connector: Connector, setup: Setup) -> Sequence[Diagnosis]:
    if not isinstance(connector, Diagnoses):
        pytest.skip("does not diagnose")
    return await connector.diagnose(setup)


def _bad(found: Sequence[Diagnosis]) -> list[str]:
    return [f"{each.code}: {each.what}" for each in found if each.severity is not Severity.NOTE]


class DiagnosisPromises:
    @promise
    async def test_a_healthy_shop_gives_no_error_and_no_warning(self, world: World) -> None:
        world.sell("MUG", "TEE")
        world.shop.buy({"MUG": 1})
        setup = await _setup(world)
        assert _bad(await _look(world.connector, setup)) == []

    @promise
    async def test_wrong_credentials_are_a_finding_and_no_exception(self, world: World) -> None:
        found = await _look(world.stranger, await _setup(world))
        assert [each for each in found if each.severity is Severity.ERROR], "nothing is said about credentials that do not work"
        for each in found:
            assert each.code, "a finding has a code"
            assert each.code == each.code.strip().lower().replace(" ", "-"), f"a code is for programs: {each.code!r}"
            assert each.what, f"{each.code} says what is wrong"
            assert each.remedy, f"{each.code} says what to do"

    @promise
    async def test_a_shop_that_cannot_be_reached_is_no_finding(self, world: World) -> None:
        setup = await _setup(world)
        with world.wire.broken(Break.REFUSED, times=ALWAYS), pytest.raises(Unavailable):
            await _look(world.connector, setup)

    @promise
    async def test_a_checkup_changes_nothing(self, world: World) -> None:
        world.sell("MUG", "TEE")
        setup = await _setup(world)
        hooks = await world.connector.subscriptions() if isinstance(world.connector, RegistersWebhooks) else ()
        await _look(world.connector, setup)
        assert world.shop.changes == [], "a number moved"
        assert (world.shop.shows("MUG"), world.shop.shows("TEE")) == (10, 10)
        if isinstance(world.connector, RegistersWebhooks):
            assert list(await world.connector.subscriptions()) == list(hooks), "a webhook changed"
