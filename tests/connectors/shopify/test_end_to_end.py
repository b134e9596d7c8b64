"""The connector on the stand-in through the shell's own door: the ways of a sale, a push and a webhook, also on a bad day."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from channelsync.contract import Call, Cursor, Delivery, Gone, OrderHint, OrderSnapshot, Outcome, ShelfHint, ShelfRef, Write
from channelsync.errors import ChannelError, Misunderstood, RateLimited, Unauthorized
from channelsync.testing.standins.base import Faults, Item
from channelsync.testing.standins.shopify import ShopifyStandIn
from channelsync.testing.virtual_clock import VirtualClock
from channelsync_shopify.connector import Shopify
from support.shopify import connected, run, stand_in

HOOK = "https://hub.test/webhooks/shop"


def shelf(shop: ShopifyStandIn, sku: str) -> ShelfRef:
    return ShelfRef(shop.variant(sku).inventory_item.id, shop.location.id)


def call(shop: ShopifyStandIn, key: str, **numbers: tuple[int, int]) -> Call:
    """SKU = (compare, value)."""
    return Call(key, tuple(Write(sku, shelf(shop, sku), value, compare, value - compare) for sku, (compare, value) in numbers.items()))


async def pushed(connector: Shopify, given: Call) -> dict[str, Outcome]:
    return {result.id: result.outcome for result in await connector.push(given)}


async def orders(connector: Shopify, cursor: Cursor | None = None, **more: Any) -> tuple[list[OrderSnapshot], Cursor]:
    found: list[OrderSnapshot] = []
    async for page in connector.orders(cursor or Cursor(), **more):
        assert page.refused == ()
        found.extend(page.items)
    assert page.high_water is not None
    return found, Cursor(high_water=page.high_water)


async def whole(connector: Shopify, ref: str) -> OrderSnapshot:
    found = await connector.order(ref)
    assert isinstance(found, OrderSnapshot)
    return found


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
            with pytest.raises(Misunderstood, match="2026-10 answered"):
                await connector.check()

    run(main(), clock)


def test_check_names_what_the_app_lacks() -> None:
    clock = VirtualClock()
    shop = stand_in(clock, scopes=("read_products", "read_inventory", "read_locations", "read_orders"))

    async def main() -> None:
        async with connected(shop, clock) as connector:
            with pytest.raises(Unauthorized, match="write_inventory"):
                await connector.check()
            with pytest.raises(Unauthorized, match="write_inventory"):
                await connector.push(call(shop, "k", MUG=(10, 3)))
            assert shop.shows("MUG") == 10

    run(main(), clock)


def test_a_sale_that_nobody_has_seen_makes_the_push_stale() -> None:
    clock = VirtualClock()
    shop = stand_in(clock)

    async def main() -> None:
        async with connected(shop, clock) as connector:
            shop.buy({"MUG": 1})
            assert await pushed(connector, call(shop, "k1", MUG=(10, 10), CUP=(5, 4))) == {"MUG": Outcome.STALE, "CUP": Outcome.NOT_SENT}
            assert await pushed(connector, call(shop, "k1", MUG=(10, 10), CUP=(5, 4))) == {"MUG": Outcome.NOT_SENT, "CUP": Outcome.NOT_SENT}
            assert await pushed(connector, call(shop, "k2", MUG=(9, 8), CUP=(5, 4))) == {"MUG": Outcome.OK, "CUP": Outcome.OK}
            assert [(c.sku, c.before, c.after) for c in shop.changes if c.cause == "write"] == [("MUG", 9, 8), ("CUP", 5, 4)]

    run(main(), clock)


def test_the_other_reading_of_the_documents_is_understood_as_well() -> None:
    clock = VirtualClock()
    shop = stand_in(clock, partial_sets=True)

    async def main() -> None:
        async with connected(shop, clock) as connector:
            shop.buy({"MUG": 1})
            assert await pushed(connector, call(shop, "k1", MUG=(10, 10), CUP=(5, 4))) == {"MUG": Outcome.STALE, "CUP": Outcome.OK}
            assert shop.shows("CUP") == 4

    run(main(), clock)


def test_a_write_in_flight_and_its_impatient_repeat_have_one_effect() -> None:
    clock = VirtualClock()
    shop = stand_in(clock, write_seconds=20.0)

    async def main() -> None:
        async with connected(shop, clock) as connector:
            first = asyncio.create_task(pushed(connector, call(shop, "k", MUG=(10, 3))))
            await clock.sleep(0.01)
            assert await pushed(connector, call(shop, "k", MUG=(10, 3))) == {"MUG": Outcome.UNKNOWN}
            assert await first == {"MUG": Outcome.OK}
            assert await pushed(connector, call(shop, "k", MUG=(10, 3))) == {"MUG": Outcome.OK}
            assert len(shop.changes) == 1

    run(main(), clock)


def test_a_throttled_push_is_known_not_to_have_happened() -> None:
    clock = VirtualClock()
    shop = stand_in(clock)
    shop.faults = Faults(throttle=1.0)

    async def main() -> None:
        async with connected(shop, clock) as connector:
            with pytest.raises(RateLimited):
                await connector.push(call(shop, "k", MUG=(10, 3)))
            shop.faults = Faults()
            await clock.sleep(60)
            assert await pushed(connector, call(shop, "k", MUG=(10, 3))) == {"MUG": Outcome.OK}

    run(main(), clock)


def test_an_expired_token_is_renewed_on_the_way() -> None:
    clock = VirtualClock()
    shop = stand_in(clock, login="client_credentials", token_seconds=3600)

    async def main() -> None:
        async with connected(shop, clock) as connector:
            await connector.check()
            shop.tokens.revoke()
            assert await pushed(connector, call(shop, "k", MUG=(10, 3))) == {"MUG": Outcome.OK}
            await clock.sleep(5 * 3600)
            assert (await connector.stock([shelf(shop, "MUG")]))[0].shows == 3

    run(main(), clock)


def test_an_order_through_its_whole_life() -> None:
    clock = VirtualClock()
    shop = stand_in(clock)

    async def main() -> None:
        async with connected(shop, clock) as connector:
            ref = shop.buy({"MUG": 5}, reservation_ref="r-1")
            steps: list[tuple[int, int, int, int, int, int]] = []

            async def look() -> None:
                (line,) = (await whole(connector, ref)).lines
                steps.append((line.quantity, line.shipped, line.cancelled, line.quarantined, line.restocked, line.channel_took))

            await look()
            shop.refund(ref, "MUG", 1)
            await look()
            shop.refund(ref, "MUG", 1, restock=False)
            await look()
            shop.edit_order(ref, "MUG", 2)
            await look()
            shop.ship(ref)
            await look()
            shop.refund(ref, "MUG", 2)
            await look()
            assert steps == [
                (5, 0, 0, 0, 0, 5),
                (5, 0, 1, 0, 0, 4),
                (5, 0, 1, 1, 0, 4),
                (7, 0, 1, 1, 0, 6),
                (7, 5, 1, 1, 0, 6),
                (7, 5, 1, 1, 2, 4),
            ]
            assert 10 - shop.shows("MUG") == 4
            assert (await whole(connector, ref)).reservation_ref == "r-1"

    run(main(), clock)


def test_large_orders_come_whole() -> None:
    clock = VirtualClock()
    skus = [f"SKU-{number:03}" for number in range(320)]
    shop = stand_in(clock, *(Item(sku, 100) for sku in skus))

    async def main() -> None:
        async with connected(shop, clock) as connector:
            ref = shop.buy(dict.fromkeys(skus, 40))
            for sku in skus[:30]:
                shop.refund(ref, sku, 1)
            shop.cancel(ref)
            (found, _), direct = await orders(connector, Cursor(high_water="2025-12-31T00:00:00+00:00")), await whole(connector, ref)
            assert found == [direct]
            assert [line.sku for line in direct.lines] == skus
            assert [line.cancelled for line in direct.lines] == [40] * 320
            assert [len(line.effects) for line in direct.lines] == [3] * 30 + [2] * 290

    run(main(), clock)


def test_no_order_is_lost_to_a_list_that_lags() -> None:
    clock = VirtualClock()
    shop = stand_in(clock, Item("MUG", 10_000), visibility_lag=60.0)
    chance = random.Random(5)

    async def main() -> None:
        async with connected(shop, clock) as connector:
            _, cursor = await orders(connector)
            newest: dict[str, OrderSnapshot] = {}
            for _ in range(40):
                ref = shop.buy({"MUG": chance.randint(1, 3)})
                if chance.random() < 0.5:
                    await clock.sleep(chance.random() * 5)
                    shop.ship(ref)
                await clock.sleep(chance.random() * 40)
                found, cursor = await orders(connector, cursor)
                newest |= {order.ref: order for order in found}
            await clock.sleep(61)
            found, _ = await orders(connector, cursor)
            newest |= {order.ref: order for order in found}
            assert {ref: order.lines[0].shipped for ref, order in newest.items()} == {
                ref: true.lines[0].shipped for ref, true in shop.orders.items()
            }

    run(main(), clock)


def test_a_deleted_order_is_gone_and_its_webhook_says_look() -> None:
    clock = VirtualClock()
    mailbox = Receiver(clock)
    shop = stand_in(clock, deliver=mailbox)

    async def main() -> None:
        async with connected(shop, clock) as connector:
            await connector.subscribe(HOOK)
            ref = shop.buy({"MUG": 1})
            await shop.work()
            mailbox.got.clear()
            shop.delete(ref)
            await shop.work()
            (said,) = [news for each in mailbox.got for news in connector.parse(each)]
            assert said == OrderHint(ref)
            assert await connector.order(ref) == Gone(ref)

    run(main(), clock)


@dataclass
class Receiver:
    clock: VirtualClock
    got: list[Delivery] = field(default_factory=list)

    async def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        self.got.append(Delivery("shop", {name.lower(): value for name, value in headers.items()}, body, self.clock.now()))
        return 200


def test_webhooks_verify_and_bring_no_more_of_an_order_than_its_name() -> None:
    clock = VirtualClock()
    receiver = Receiver(clock)
    shop = stand_in(clock, deliver=receiver)

    async def main() -> None:
        async with connected(shop, clock) as connector:
            await connector.subscribe(HOOK)
            ref = shop.buy({"MUG": 2})
            await connector.push(call(shop, "k", MUG=(8, 6)))
            await shop.work()
            assert len({connector.verify(each) for each in receiver.got}) == len(receiver.got)
            news = [item for each in receiver.got for item in connector.parse(each)]
            assert OrderHint(ref) in news
            shows = [item.shows for item in news if isinstance(item, ShelfHint)]
            assert sorted(number or 0 for number in shows) == [6, 8]
            created = next(each for each in receiver.got if each.headers["x-shopify-topic"] == "orders/create")
            assert b"line_items" not in created.body

    run(main(), clock)


def test_subscriptions_that_the_shop_gave_up_are_made_again() -> None:
    clock = VirtualClock()
    shop = stand_in(clock)

    async def main() -> None:
        async with connected(shop, clock) as connector:
            first = await connector.subscribe(HOOK)
            shop.switch_off_hooks()
            assert await connector.subscriptions() == []
            again = await connector.subscribe(HOOK)
            assert {each.topic for each in again} == {each.topic for each in first}
            assert again == await connector.subscribe(HOOK)

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
            (result,) = await connector.push(call(shop, key, MUG=(book, book - 1)))
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
            found, _ = await orders(connector, Cursor(high_water=VirtualClock().now().isoformat()), widen=timedelta(days=1))
            assert {order.ref for order in found} == set(shop.orders)

    run(main(), clock)
    assert seen["ok"] > 100
    assert seen["stale"] > 20
    assert seen["error"] > 3
