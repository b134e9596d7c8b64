"""The connector on the stand-in through the shell's own door: who it is, what a push says, also on a bad day."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from channelsync.contract import Call, Cursor, Outcome
from channelsync.errors import ChannelError, Misunderstood, RateLimited, Unauthorized
from channelsync.testing.standins.base import Faults, Item
from channelsync.testing.virtual_clock import VirtualClock
from channelsync_shopify.connector import Shopify
from support.shopify import all_orders, call_of, connected, run, shelf_of, stand_in


async def pushed(connector: Shopify, given: Call) -> dict[str, Outcome]:
    return {result.id: result.outcome for result in await connector.push(given)}


def test_check_finds_the_shop_and_its_only_location() -> None:
    clock = VirtualClock()
    shop = stand_in(clock)

    async def main() -> None:
        async with connected(shop, clock, shop_location=None) as connector:
            identity = await connector.check()
            assert identity.facts["domain"] == "shopify.myshopify.com"
            listings = [listing async for page in connector.listings(Cursor()) for listing in page.items]
            assert {listing.sku: listing.locations for listing in listings} == {"MUG": (shop.location.id,), "CUP": (shop.location.id,)}

    run(main(), clock)


def test_check_alarms_when_the_version_was_retired() -> None:
    clock = VirtualClock()
    shop = stand_in(clock, versions=("2026-10", "2027-01"))

    async def main() -> None:
        async with connected(shop, clock) as connector:
            with pytest.raises(Unauthorized, match="2026-10 answered"):
                await connector.check()

    run(main(), clock)


def test_a_version_that_is_retired_while_we_run_is_noticed_at_the_next_answer() -> None:
    clock = VirtualClock()
    shop = stand_in(clock)

    async def main() -> None:
        async with connected(shop, clock) as connector:
            assert await pushed(connector, call_of(shop, "k1", MUG=(10, 9))) == {"MUG": Outcome.OK}
            shop.retire("2026-07")
            for ask in (connector.stock([shelf_of(shop, "MUG")]), connector.order("gid://shopify/Order/1"), all_orders(connector)):
                with pytest.raises(Unauthorized, match=r"2026-07 was asked for, 2026-10 answered.*Channelsync must be updated") as caught:
                    await ask
                assert caught.value.needs == "a newer channelsync"
            with pytest.raises(Misunderstood, match=r"whether the write took effect is not known.*2026-10 answered"):
                await connector.push(call_of(shop, "k2", MUG=(9, 8)))

    run(main(), clock)


def test_check_names_what_the_app_lacks() -> None:
    clock = VirtualClock()
    shop = stand_in(clock, scopes=("read_products", "read_inventory", "read_locations", "read_orders"))

    async def main() -> None:
        async with connected(shop, clock) as connector:
            with pytest.raises(Unauthorized, match="write_inventory"):
                await connector.check()
            with pytest.raises(Unauthorized, match="write_inventory"):
                await connector.push(call_of(shop, "k", MUG=(10, 3)))
            assert shop.shows("MUG") == 10

    run(main(), clock)


def test_a_sale_that_nobody_has_seen_makes_the_push_stale() -> None:
    clock = VirtualClock()
    shop = stand_in(clock)

    async def main() -> None:
        async with connected(shop, clock) as connector:
            shop.buy({"MUG": 1})
            assert await pushed(connector, call_of(shop, "k1", MUG=(10, 10), CUP=(5, 4))) == {"MUG": Outcome.STALE, "CUP": Outcome.NOT_SENT}
            assert await pushed(connector, call_of(shop, "k1", MUG=(10, 10), CUP=(5, 4))) == {
                "MUG": Outcome.NOT_SENT,
                "CUP": Outcome.NOT_SENT,
            }
            assert await pushed(connector, call_of(shop, "k2", MUG=(9, 8), CUP=(5, 4))) == {"MUG": Outcome.OK, "CUP": Outcome.OK}
            assert [(c.sku, c.before, c.after) for c in shop.changes if c.cause == "write"] == [("MUG", 9, 8), ("CUP", 5, 4)]

    run(main(), clock)


def test_the_other_reading_of_the_documents_is_understood_as_well() -> None:
    clock = VirtualClock()
    shop = stand_in(clock, partial_sets=True)

    async def main() -> None:
        async with connected(shop, clock) as connector:
            shop.buy({"MUG": 1})
            assert await pushed(connector, call_of(shop, "k1", MUG=(10, 10), CUP=(5, 4))) == {"MUG": Outcome.STALE, "CUP": Outcome.OK}
            assert shop.shows("CUP") == 4

    run(main(), clock)


def test_a_write_in_flight_and_its_impatient_repeat_have_one_effect() -> None:
    clock = VirtualClock()
    shop = stand_in(clock, write_seconds=20.0)

    async def main() -> None:
        async with connected(shop, clock) as connector:
            first = asyncio.create_task(pushed(connector, call_of(shop, "k", MUG=(10, 3))))
            await clock.sleep(0.01)
            assert await pushed(connector, call_of(shop, "k", MUG=(10, 3))) == {"MUG": Outcome.UNKNOWN}
            assert await first == {"MUG": Outcome.OK}
            assert await pushed(connector, call_of(shop, "k", MUG=(10, 3))) == {"MUG": Outcome.OK}
            assert len(shop.changes) == 1

    run(main(), clock)


def test_a_throttled_push_is_known_not_to_have_happened() -> None:
    clock = VirtualClock()
    shop = stand_in(clock)
    shop.faults = Faults(throttle=1.0)

    async def main() -> None:
        async with connected(shop, clock) as connector:
            with pytest.raises(RateLimited):
                await connector.push(call_of(shop, "k", MUG=(10, 3)))
            shop.faults = Faults()
            await clock.sleep(60)
            assert await pushed(connector, call_of(shop, "k", MUG=(10, 3))) == {"MUG": Outcome.OK}

    run(main(), clock)


def test_an_expired_token_is_renewed_on_the_way() -> None:
    clock = VirtualClock()
    shop = stand_in(clock, login="client_credentials", token_seconds=3600)

    async def main() -> None:
        async with connected(shop, clock) as connector:
            await connector.check()
            shop.tokens.revoke()
            assert await pushed(connector, call_of(shop, "k", MUG=(10, 3))) == {"MUG": Outcome.OK}
            await clock.sleep(5 * 3600)
            assert (await connector.stock([shelf_of(shop, "MUG")]))[0].shows == 3

    run(main(), clock)


def test_on_a_bad_day_each_answer_is_the_truth_or_an_error() -> None:
    """Every kind of fault at once: what a push says certainly happened, happened once; what it says did not, did not."""
    clock = VirtualClock()
    shop = stand_in(clock, Item("MUG", 500), faults=Faults.some(), visibility_lag=5.0)
    seen = {"ok": 0, "stale": 0, "error": 0}

    async def step(connector: Shopify, number: int) -> None:
        key, book = f"k{number}", shop.shows("MUG")
        if number % 5 == 0:
            shop.buy({"MUG": 1})
        try:
            (result,) = await connector.push(call_of(shop, key, MUG=(book, book - 1)))
        except ChannelError:
            seen["error"] += 1
            return
        effects = sum(change.write == key for change in shop.changes)
        assert effects == (1 if result.outcome is Outcome.OK else 0)
        seen["ok" if result.outcome is Outcome.OK else "stale"] += 1

    async def main() -> None:
        async with connected(shop, clock) as connector:
            for number in range(200):
                await step(connector, number)
                await clock.sleep(15)
            shop.faults = Faults()
            await clock.sleep(900)
            found, _ = await all_orders(connector, Cursor(high_water=VirtualClock().now().isoformat()), widen=timedelta(days=1))
            assert {order.ref for order in found} == set(shop.orders)

    run(main(), clock)
    assert seen["ok"] > 100
    assert seen["stale"] > 20
    assert seen["error"] > 3
