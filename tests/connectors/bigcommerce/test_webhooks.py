"""Deliveries: whose they are, what they say, and hooks that are kept as they must be."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from channelsync.contract import Delivery, Ignored, ListingHint, OrderHint, Parsed, ShelfHint
from channelsync.errors import BadDelivery, Refused
from channelsync.shell.receiver import Inlet, Receiver
from channelsync.testing.standins.bigcommerce import BigCommerceStandIn
from channelsync.testing.virtual_clock import VirtualClock
from channelsync_bigcommerce import BigCommerceConnector
from channelsync_bigcommerce.subscriptions import SCOPES
from channelsync_bigcommerce.webhooks import SECRET_HEADER, parse, verify
from support.bigcommerce import delivery, sample, tell

AT = datetime.fromtimestamp(1763683200, UTC)
URL = "https://hub.test/webhooks/bc"


def check(
    body: bytes, headers: dict[str, str], at: datetime = AT, *, secrets: tuple[str, ...] = ("ours-is-long",), require: bool = False
) -> str:
    vector = sample("selfmade_standard_webhooks_vector.json")
    named = {SECRET_HEADER: "ours-is-long", **headers}
    made = delivery(body, at, **named)
    return verify(made, secrets, [vector["client_secret"]], require_signature=require, store_hash="abc123")


def test_our_header_and_the_signature_are_both_checked() -> None:
    vector = sample("selfmade_standard_webhooks_vector.json")
    body, headers = vector["body"].encode(), vector["headers"]
    key = check(body, headers)
    assert check(body, headers, AT + timedelta(minutes=5)) == key
    assert check(body, {}) == key, "a store that does not sign is known by our header"
    for wrong, at, why in (
        ({**headers, SECRET_HEADER: "other"}, AT, SECRET_HEADER),
        ({**headers, "webhook-signature": "v1,AAAA"}, AT, "signature"),
        ({"webhook-id": "evt_0001"}, AT, "timestamp"),
        (headers, AT + timedelta(minutes=6), "too far"),
        (headers, AT - timedelta(minutes=6), "too far"),
    ):
        with pytest.raises(BadDelivery, match=why):
            check(body, wrong, at)
    with pytest.raises(BadDelivery, match="not signed"):
        check(body, {}, require=True)
    with pytest.raises(BadDelivery, match="webhook_secrets is empty"):
        check(body, headers, secrets=())


@pytest.mark.parametrize(("secret", "status"), [("ours-is-long", 200), ("other", 401)])
def test_our_header_comes_through_the_listener_and_is_not_kept(secret: str, status: int) -> None:
    kept: list[Delivery] = []

    async def keep(channel: str, key: str, delivery: Delivery) -> None:
        kept.append(delivery)

    async def main() -> int:
        receiver = Receiver({"bc": Inlet(OurHeader())}, VirtualClock(), keep, lambda channel, why: None)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(receiver), base_url="http://us") as client:
            return (await client.post("/webhooks/bc", content=ORDER_MOVED, headers={SECRET_HEADER: secret})).status_code

    assert asyncio.run(main()) == status
    assert not any(secret in each.headers.values() for each in kept)


ORDER_MOVED = json.dumps({"producer": "stores/abc123", "scope": "store/order/updated", "hash": "1", "created_at": 1}).encode()


class OurHeader:
    """Judges deliveries as the connector does."""

    def verify(self, delivery: Delivery) -> str:
        return verify(delivery, ["ours-is-long"], [], require_signature=False, store_hash="abc123")

    def parse(self, delivery: Delivery) -> Sequence[Parsed]:
        return parse(delivery)


def test_another_stores_delivery_is_not_ours() -> None:
    body = json.dumps({"producer": "stores/zzz", "scope": "store/order/updated", "hash": "1", "created_at": 1}).encode()
    with pytest.raises(BadDelivery, match="another store") as error:
        check(body, {})
    assert error.value.genuine


def test_one_hash_for_several_events_does_not_make_them_repeats() -> None:
    keys = set()
    for name in ("created", "updated", "archived"):
        body = sample(f"webhook_store_order_{name}.json") | {"producer": "stores/abc123"}
        keys.add(check(json.dumps(body).encode(), {}))
    assert len(keys) == 3


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("store_order_created", (OrderHint("250"),)),
        ("store_order_updated", (OrderHint("250"),)),
        ("store_order_statusUpdated", (OrderHint("250"),)),
        ("store_order_archived", (OrderHint("250"),)),
        ("store_order_refund_created", (OrderHint("250"),)),
        ("store_shipment_created", (OrderHint("251"),)),
        ("store_product_updated", (ListingHint("p:205"),)),
        ("store_product_deleted", (ListingHint("p:205"),)),
        ("store_sku_created", (ListingHint("v:509"),)),
        ("store_sku_updated", (ListingHint("v:509"),)),
        ("store_sku_deleted", (ListingHint("v:509"),)),
        ("store_product_inventory_updated", (ShelfHint("p:167"),)),
        ("store_product_inventory_order_updated", (ShelfHint("p:167"),)),
        ("store_sku_inventory_updated", (ShelfHint("v:509"),)),
        ("store_sku_inventory_order_updated", (ShelfHint("v:509"),)),
        ("channel_inventory_stock_changed", (ShelfHint("v:127", "2"), ShelfHint("p:113", "2"))),
        ("inventory_location_created", (Ignored("scope 'store/inventory/location/created' says nothing about stock"),)),
        ("hook_deliveryException", (Ignored("scope 'store/hook/deliveryException' says nothing about stock"),)),
    ],
)
def test_every_sample_is_understood(name: str, says: tuple[Parsed, ...]) -> None:
    assert parse(delivery(sample(f"webhook_{name}.json"), AT)) == says


def test_hooks_are_made_repaired_and_left_alone_when_they_are_right(clock: VirtualClock, standin: BigCommerceStandIn) -> None:
    async def story(bc: BigCommerceConnector) -> None:
        made = await bc.subscribe(URL)
        assert {hook.topic for hook in made} == set(SCOPES)
        assert all(hook.headers == {SECRET_HEADER: standin.webhook_secret} for hook in standin.state.hooks.values())
        off, bare = list(standin.state.hooks.values())[:2]
        off.is_active, bare.headers = False, {}
        assert await bc.subscribe(URL) == made
        assert off.is_active
        assert bare.headers == {SECRET_HEADER: standin.webhook_secret}

    tell(clock, standin, story)


def test_without_a_secret_of_ours_no_hook_is_made(clock: VirtualClock, standin: BigCommerceStandIn) -> None:
    async def story(bc: BigCommerceConnector) -> None:
        with pytest.raises(Refused, match="webhook_secrets"):
            await bc.subscribe(URL)

    tell(clock, standin, story, webhook_secrets=[])
    assert standin.state.hooks == {}


def test_hooks_get_the_new_secret_while_the_old_one_still_verifies(clock: VirtualClock, standin: BigCommerceStandIn) -> None:
    async def before(bc: BigCommerceConnector) -> None:
        await bc.subscribe(URL)

    async def after(bc: BigCommerceConnector) -> None:
        known = {hook.ref for hook in await bc.subscriptions()}
        assert {hook.ref for hook in await bc.subscribe(URL)} == known
        assert all(hook.headers == {SECRET_HEADER: "the-new-secret"} for hook in standin.state.hooks.values())

    tell(clock, standin, before)
    tell(clock, standin, after, webhook_secrets=["the-new-secret", standin.webhook_secret])
