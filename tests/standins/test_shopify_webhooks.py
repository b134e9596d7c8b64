"""Webhooks as the shop sends them: signed, repeated unchanged, given up after a while."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from channelsync.testing.standins.base import Faults
from channelsync.testing.standins.shopify import ShopifyStandIn
from channelsync.testing.standins.shopify.hooks import RETRIES
from support.clock import ManualClock
from support.shopify import Api, run, shared, stand_in

CREATE = (
    "mutation($topic: WebhookSubscriptionTopic!, $sub: WebhookSubscriptionInput!) { webhookSubscriptionCreate(topic: $topic, "
    "webhookSubscription: $sub) { webhookSubscription { id topic uri format includeFields apiVersion { handle } } userErrors { field message } } }"
)
LIST = "{ webhookSubscriptions(first: 50) { nodes { id topic uri } } }"
HOOK = "https://hub.test/webhooks/shop"


@dataclass
class Receiver:
    status: int = 200
    got: list[tuple[Mapping[str, str], bytes]] = field(default_factory=list)

    async def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        if self.status == 0:
            raise ConnectionRefusedError
        self.got.append((headers, body))
        return self.status

    def topics(self) -> list[str]:
        return [headers["X-Shopify-Topic"] for headers, _ in self.got]


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
def shop(clock: ManualClock, receiver: Receiver) -> ShopifyStandIn:
    return stand_in(clock, deliver=receiver)


def subscribe(shop: ShopifyStandIn, *topics: str, **more: Any) -> list[Any]:
    api = Api(shop)
    return [run(api.data(CREATE, topic=topic, sub={"uri": HOOK, **more}))["webhookSubscriptionCreate"] for topic in topics]


def work(shop: ShopifyStandIn) -> None:
    run(shop.work())


def shape(value: Any) -> Any:
    """Names of an object, one level deep."""
    return set(value)


def test_a_sale_tells_the_order_and_the_level(shop: ShopifyStandIn, receiver: Receiver) -> None:
    subscribe(shop, "ORDERS_CREATE", "INVENTORY_LEVELS_UPDATE", "ORDERS_CANCELLED")
    shop.buy({"MUG": 2})
    work(shop)
    assert sorted(receiver.topics()) == ["inventory_levels/update", "orders/create"]
    events = {headers["X-Shopify-Event-Id"] for headers, _ in receiver.got}
    ids = {headers["X-Shopify-Webhook-Id"] for headers, _ in receiver.got}
    assert (len(events), len(ids)) == (1, 2), "one event, two deliveries"


def test_the_signature_is_over_the_raw_body(shop: ShopifyStandIn, receiver: Receiver) -> None:
    subscribe(shop, "ORDERS_CREATE")
    shop.buy({"MUG": 2})
    work(shop)
    headers, body = receiver.got[0]
    expected = base64.b64encode(hmac.new(shop.tokens.client_secret.encode(), body, hashlib.sha256).digest()).decode()
    assert headers["X-Shopify-Hmac-Sha256"] == expected
    assert headers["X-Shopify-Shop-Domain"] == "shopify.myshopify.com"
    assert headers["X-Shopify-API-Version"] == "2026-07"


def test_ids_on_the_wire_are_exact(shop: ShopifyStandIn, receiver: Receiver) -> None:
    subscribe(shop, "INVENTORY_LEVELS_UPDATE")
    shop.edit("MUG", 3)
    work(shop)
    item = shop.variant("MUG").inventory_item
    assert json.loads(receiver.got[0][1]) == {
        "inventory_item_id": item.number,
        "location_id": shop.location.number,
        "available": 3,
        "updated_at": "2026-01-15T12:00:00+00:00",
        "admin_graphql_api_id": f"gid://shopify/InventoryLevel/{shop.location.number}?inventory_item_id={item.number}",
    }


def test_bodies_have_the_shape_of_shopifys_own_examples(shop: ShopifyStandIn, receiver: Receiver) -> None:
    samples = shared("channels/samples/shopify")
    subscribe(
        shop, "ORDERS_CREATE", "INVENTORY_LEVELS_UPDATE", "REFUNDS_CREATE", "ORDERS_EDITED", "FULFILLMENTS_CREATE", "INVENTORY_ITEMS_UPDATE"
    )
    ref = shop.buy({"MUG": 3})
    shop.edit_order(ref, "MUG", 1)
    shop.refund(ref, "MUG", 1)
    shop.ship(ref)
    shop.untrack("CUP")
    work(shop)
    seen = {headers["X-Shopify-Topic"]: json.loads(body) for headers, body in receiver.got}
    for topic, body in seen.items():
        sample = json.loads((samples / f"webhook_{topic.replace('/', '_')}_2026-07.json").read_text())
        assert shape(body) <= shape(sample) | {"transactions"}, topic
        for name in ("line_items", "refund_line_items"):
            if name in body:
                assert shape(body[name][0]) <= shape(sample[name][0]) | {"current_quantity", "sales_line_item_group_id"}, topic
    assert shape(seen["orders/edited"]["order_edit"]) <= shape(
        json.loads((samples / "webhook_orders_edited_2026-07.json").read_text())["order_edit"]
    )


def test_only_the_fields_asked_for_are_sent(shop: ShopifyStandIn, receiver: Receiver) -> None:
    subscribe(shop, "ORDERS_CREATE", includeFields=["id", "updated_at"])
    ref = shop.buy({"MUG": 1})
    work(shop)
    assert json.loads(receiver.got[0][1]) == {"id": shop.record(ref).number, "updated_at": "2026-01-15T12:00:00+00:00"}


def test_a_second_subscription_for_the_same_address_is_refused(shop: ShopifyStandIn) -> None:
    first, second = subscribe(shop, "ORDERS_CREATE", "ORDERS_CREATE")
    assert first["webhookSubscription"]["uri"] == HOOK
    assert second["userErrors"][0]["message"] == "Address for this topic has already been taken"
    assert subscribe(shop, "ORDERS_UPDATED", uri="nowhere")[0]["webhookSubscription"] is None


def test_a_subscription_can_be_moved_and_deleted(shop: ShopifyStandIn, receiver: Receiver) -> None:
    api, (made,) = Api(shop), subscribe(shop, "ORDERS_CREATE")
    ref = made["webhookSubscription"]["id"]
    moved = run(
        api.data(
            'mutation($id: ID!) { webhookSubscriptionUpdate(id: $id, webhookSubscription: {uri: "https://new.test/"}) '
            "{ webhookSubscription { uri } userErrors { message } } }",
            id=ref,
        )
    )
    assert moved["webhookSubscriptionUpdate"]["webhookSubscription"] == {"uri": "https://new.test/"}
    delete = "mutation($id: ID!) { webhookSubscriptionDelete(id: $id) { deletedWebhookSubscriptionId userErrors { message } } }"
    assert run(api.data(delete, id=ref))["webhookSubscriptionDelete"]["deletedWebhookSubscriptionId"] == ref
    assert run(api.data(delete, id=ref))["webhookSubscriptionDelete"]["deletedWebhookSubscriptionId"] is None
    assert run(api.data(LIST))["webhookSubscriptions"]["nodes"] == []


def test_retries_carry_the_first_body_under_the_first_id(shop: ShopifyStandIn, receiver: Receiver, clock: ManualClock) -> None:
    subscribe(shop, "ORDERS_CREATE")
    receiver.status = 500
    ref = shop.buy({"MUG": 1})
    work(shop)
    shop.cancel(ref)
    receiver.status = 200
    clock.advance(RETRIES[0])
    work(shop)
    (first_headers, first), (second_headers, second) = receiver.got
    assert first == second
    assert first_headers["X-Shopify-Webhook-Id"] == second_headers["X-Shopify-Webhook-Id"]


def test_eight_failures_in_a_row_delete_the_subscription(shop: ShopifyStandIn, receiver: Receiver, clock: ManualClock) -> None:
    subscribe(shop, "ORDERS_CREATE")
    receiver.status = 0
    shop.buy({"MUG": 1})
    for wait in RETRIES[:7]:
        work(shop)
        assert len(shop.hooks.subscriptions) == 1
        clock.advance(wait)
    work(shop)
    assert shop.hooks.subscriptions == {}


def test_a_success_in_between_starts_the_count_again(shop: ShopifyStandIn, receiver: Receiver, clock: ManualClock) -> None:
    subscribe(shop, "ORDERS_CREATE")
    receiver.status = 500
    shop.buy({"MUG": 1})
    for wait in RETRIES[:6]:
        work(shop)
        clock.advance(wait)
    receiver.status = 200
    work(shop)
    receiver.status = 500
    shop.buy({"MUG": 1})
    work(shop)
    assert [hook.failures for hook in shop.hooks.subscriptions.values()] == [1]


def test_nine_tries_span_four_hours(shop: ShopifyStandIn) -> None:
    assert (len(RETRIES), sum(RETRIES)) == (8, 4 * 3600)


def test_a_doubled_delivery_has_the_same_id(shop: ShopifyStandIn, receiver: Receiver) -> None:
    subscribe(shop, "ORDERS_CREATE")
    shop.faults = Faults(webhook_duplicate=1.0)
    shop.buy({"MUG": 1})
    work(shop)
    assert len(receiver.got) == 2
    assert len({headers["X-Shopify-Webhook-Id"] for headers, _ in receiver.got}) == 1


def test_a_deletion_is_told_by_webhook_alone(shop: ShopifyStandIn, receiver: Receiver) -> None:
    subscribe(shop, "ORDERS_DELETE")
    ref = shop.buy({"MUG": 1})
    number = shop.record(ref).number
    shop.delete(ref)
    work(shop)
    assert json.loads(receiver.got[0][1]) == {"id": number}
