"""Orders and webhooks end to end: an order's whole life, lists that lag, deliveries that name it."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from channelsync.contract import Cursor, Delivery, Gone, OrderHint, OrderSnapshot, ShelfHint
from channelsync.testing.standins.base import Item
from channelsync.testing.standins.shopify.shop import SCOPES
from channelsync.testing.virtual_clock import VirtualClock
from channelsync_shopify.connector import Shopify
from channelsync_shopify.order_reader import SEEN_FOR
from support.shopify import all_orders, call_of, connected, run, stand_in

HOOK = "https://hub.test/webhooks/shop"


async def whole(connector: Shopify, ref: str) -> OrderSnapshot:
    found = await connector.order(ref)
    assert isinstance(found, OrderSnapshot)
    return found


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


@pytest.mark.parametrize("may_see_all", [True, False])
def test_that_an_order_from_before_the_last_sixty_days_is_not_shown_does_not_say_that_it_is_gone(may_see_all: bool) -> None:
    """Without `read_all_orders` nobody can tell the two apart, so the answer says how far back it goes."""
    clock = VirtualClock()
    shop = stand_in(clock, scopes=[scope for scope in SCOPES if may_see_all or scope != "read_all_orders"])

    async def main() -> None:
        async with connected(shop, clock) as connector:
            ref, deleted = shop.buy({"MUG": 5}), shop.buy({"MUG": 1})
            shop.delete(deleted)
            assert await connector.order(deleted) == Gone(deleted, None if may_see_all else SEEN_FOR)
            await clock.sleep(timedelta(days=61).total_seconds())
            if may_see_all:
                assert (await whole(connector, ref)).ref == ref
            else:
                assert await connector.order(ref) == Gone(ref, SEEN_FOR)

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
            (found, _), direct = await all_orders(connector, Cursor(high_water="2025-12-31T00:00:00+00:00")), await whole(connector, ref)
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
            _, cursor = await all_orders(connector)
            newest: dict[str, OrderSnapshot] = {}
            for _ in range(40):
                ref = shop.buy({"MUG": chance.randint(1, 3)})
                if chance.random() < 0.5:
                    await clock.sleep(chance.random() * 5)
                    shop.ship(ref)
                await clock.sleep(chance.random() * 40)
                found, cursor = await all_orders(connector, cursor)
                newest |= {order.ref: order for order in found}
            await clock.sleep(61)
            found, _ = await all_orders(connector, cursor)
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
            await connector.push(call_of(shop, "k", MUG=(8, 6)))
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
