"""Promises of `verify`, `parse`, `subscriptions` and `subscribe`, for connectors that have them."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from unittest.mock import patch

import pytest

from channelsync.contract import Delivery, Ignored, OrderHint, OrderSnapshot, RegistersWebhooks
from channelsync.errors import BadDelivery, ChannelError
from channelsync.testing.conformance.mutations import mutated
from channelsync.testing.conformance.promises import promise
from channelsync.testing.conformance.world import HOOK_URL, World
from channelsync.testing.standins.base import Faults

MUTATIONS = 300


async def subscribed(world: World) -> None:
    """A stand-in whose connector cannot subscribe has its webhooks armed from the start."""
    world.receives()
    if isinstance(world.connector, RegistersWebhooks):
        await world.connector.subscribe(HOOK_URL)
    world.sell("MUG", shows=1000)
    await world.settle()


async def an_order(world: World) -> tuple[str, list[Delivery]]:
    """Places an order, once `subscribed`; its ref and the deliveries that name it."""
    world.mailbox.empty()
    ref = world.shop.buy({"MUG": 1})
    await world.settle()
    deliveries = [delivery for delivery in world.mailbox.empty() if ref in _orders(world, delivery)]
    assert deliveries, f"no delivery names order {ref}"
    return ref, deliveries


def _orders(world: World, delivery: Delivery) -> set[str]:
    return {news.ref for news in world.receives().parse(delivery) if isinstance(news, (OrderHint, OrderSnapshot))}


def _matters(world: World, delivery: Delivery, name: str) -> bool:
    try:
        world.receives().verify(replace(delivery, headers={**delivery.headers, name: "x"}))
    except BadDelivery:
        return True
    return False


def _raises_nothing_undeclared(verb: Callable[[Delivery], object], delivery: Delivery) -> None:
    try:
        verb(delivery)
    except ChannelError:
        return
    except Exception as error:
        raise AssertionError(f"{getattr(verb, '__name__', verb)} raised {error!r} for {delivery.body[:500]!r}") from error


class WebhookPromises:
    @promise
    async def test_a_genuine_delivery_verifies(self, world: World) -> None:
        await subscribed(world)
        _, deliveries = await an_order(world)
        for delivery in deliveries:
            assert world.receives().verify(delivery)

    @promise
    async def test_a_changed_byte_does_not_verify(self, world: World) -> None:
        world.signs()
        await subscribed(world)
        _, (delivery, *_) = await an_order(world)
        body = delivery.body
        for place in (0, len(body) // 2, len(body) - 1):
            changed = body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]
            with pytest.raises(BadDelivery):
                world.receives().verify(replace(delivery, body=changed))

    @promise
    async def test_the_raw_body_is_what_is_signed(self, world: World) -> None:
        """The same JSON in other bytes is another body: a verifier that parses first would let it pass."""
        world.signs()
        await subscribed(world)
        _, (delivery, *_) = await an_order(world)
        for body in (delivery.body + b" ", b" " + delivery.body, b""):
            with pytest.raises(BadDelivery):
                world.receives().verify(replace(delivery, body=body))

    @promise
    async def test_without_the_secret_nothing_verifies(self, world: World) -> None:
        await subscribed(world)
        _, (delivery, *_) = await an_order(world)
        stranger = world.stranger
        assert hasattr(stranger, "verify")
        with pytest.raises(BadDelivery):
            stranger.verify(delivery)

    @promise
    async def test_without_a_signature_nothing_verifies(self, world: World) -> None:
        await subscribed(world)
        _, (delivery, *_) = await an_order(world)
        signed = [name for name in delivery.headers if _matters(world, delivery, name)]
        assert signed, "at least one header is needed to verify"
        for headers in ({}, *({**delivery.headers, name: wrong} for name in signed for wrong in ("", "x", "ä", "=" * 5000))):
            with pytest.raises(BadDelivery):
                world.receives().verify(replace(delivery, headers=headers))

    @promise
    async def test_signatures_are_compared_in_constant_time(self, world: World) -> None:
        """The comparison is `hmac.compare_digest`, by this name, so that it can be seen."""
        await subscribed(world)
        _, (delivery, *_) = await an_order(world)
        with patch.object(hmac, "compare_digest", wraps=hmac.compare_digest) as compare:
            world.receives().verify(delivery)
        assert compare.called
        with patch.object(hmac, "compare_digest", return_value=False), pytest.raises(BadDelivery):
            world.receives().verify(delivery)

    @promise
    async def test_repeats_have_the_same_key_whenever_they_come(self, world: World) -> None:
        await subscribed(world)
        world.shop.faults = Faults(webhook_duplicate=1.0)
        _, deliveries = await an_order(world)
        verify = world.receives().verify
        keys = [verify(delivery) for delivery in deliveries]
        assert len(set(keys)) < len(keys), "the shop sent each delivery twice"
        for delivery, key in zip(deliveries, keys, strict=True):
            assert verify(replace(delivery, received_at=delivery.received_at + timedelta(minutes=5))) == key

    @promise
    async def test_other_facts_have_other_keys(self, world: World) -> None:
        await subscribed(world)
        keys: list[set[str]] = []
        for _ in range(3):
            _, deliveries = await an_order(world)
            keys.append({world.receives().verify(delivery) for delivery in deliveries})
        assert sum(map(len, keys)) == len(keys[0] | keys[1] | keys[2])

    @promise
    async def test_parse_names_the_order_and_is_pure(self, world: World) -> None:
        await subscribed(world)
        ref, deliveries = await an_order(world)
        asked = len(world.wire.seen)
        for delivery in deliveries:
            assert _orders(world, delivery) == {ref}
            assert world.receives().parse(delivery) == world.receives().parse(replace(delivery, received_at=world.clock.now()))
        assert len(world.wire.seen) == asked

    @promise
    async def test_a_snapshot_in_a_delivery_is_what_the_shop_says(self, world: World) -> None:
        await subscribed(world)
        ref, deliveries = await an_order(world)
        snapshots = [news for delivery in deliveries for news in world.receives().parse(delivery) if isinstance(news, OrderSnapshot)]
        if not snapshots:
            pytest.skip("its deliveries only name orders")
        assert snapshots[-1] == await world.order(ref)

    @promise
    async def test_every_delivery_of_the_shop_is_understood(self, world: World) -> None:
        """Subscribing, orders, edits: whatever the shop sends verifies and parses."""
        await subscribed(world)
        world.sell("TEE")
        ref = world.shop.buy({"TEE": 3})
        world.shop.edit("TEE", 20)
        world.shop.refund(ref, "TEE", 1, restock=True)
        world.shop.ship(ref)
        world.shop.cancel(world.shop.buy({"TEE": 1}))
        await world.settle()
        deliveries = world.mailbox.empty()
        assert deliveries
        for delivery in deliveries:
            assert world.receives().verify(delivery)
            for news in world.receives().parse(delivery):
                assert not isinstance(news, OrderSnapshot) or all(line.adds_up() for line in news.lines)
                assert not isinstance(news, Ignored) or news.why

    @promise
    async def test_garbage_raises_declared_errors_only(self, world: World) -> None:
        await subscribed(world)
        ref, deliveries = await an_order(world)
        world.shop.ship(ref)
        await world.settle()
        deliveries = [*deliveries, *world.mailbox.empty()][:6]
        for delivery in deliveries:
            for body in mutated(delivery.body, MUTATIONS // len(deliveries), seed=len(delivery.body)):
                for verb in (world.receives().verify, world.receives().parse):
                    _raises_nothing_undeclared(verb, replace(delivery, body=body))


class SubscriptionPromises:
    @promise
    async def test_subscribing_twice_changes_nothing(self, world: World) -> None:
        first = await world.registers().subscribe(HOOK_URL)
        again = await world.registers().subscribe(HOOK_URL)
        assert {(hook.ref, hook.topic) for hook in again} == {(hook.ref, hook.topic) for hook in first}
        ours = [hook for hook in await world.registers().subscriptions() if hook.url == HOOK_URL]
        assert {hook.ref for hook in ours} == {hook.ref for hook in first}
        assert len({hook.topic for hook in ours}) == len(ours), "one subscription per topic"
        assert all(hook.active for hook in ours)

    @promise
    async def test_a_hook_that_was_switched_off_is_armed_again(self, world: World) -> None:
        switch_off = world.move(world.switch_off_hooks, "switch its webhooks off")
        await subscribed(world)
        topics = {hook.topic for hook in await world.registers().subscriptions()}
        switch_off()
        await world.registers().subscribe(HOOK_URL)
        ours = [hook for hook in await world.registers().subscriptions() if hook.url == HOOK_URL and hook.active]
        assert {hook.topic for hook in ours} == topics
        await an_order(world)

    @promise
    async def test_the_hooks_of_others_are_left_alone(self, world: World) -> None:
        other = await world.registers().subscribe("https://other.test/webhooks/shop")
        await world.registers().subscribe(HOOK_URL)
        urls = [hook.url for hook in await world.registers().subscriptions() if hook.active]
        assert urls.count("https://other.test/webhooks/shop") == len(other)
