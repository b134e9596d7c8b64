"""Deliveries in: the signature, and what each topic says. Recorded payloads are parsed where they are at hand."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from channelsync.contract import Delivery, Ignored, ListingHint, OrderHint, Parsed, ShelfHint
from channelsync.errors import BadDelivery, ChannelError, Misunderstood
from channelsync_shopify.subscriptions import ORDER_FIELDS, TOPICS
from support.clock import ManualClock
from support.shopify import answer, delivery, page, replayed, run, shared

BODY = b'{"id": 1}'
HOOK = "https://hub.test/webhooks/shop"


def signed(body: bytes, secret: str = "one", topic: str = "orders/create", **headers: str | None) -> Delivery:
    digest = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()
    names = {
        "X-Shopify-Topic": topic,
        "X-Shopify-Hmac-Sha256": digest,
        "X-Shopify-Shop-Domain": "example.myshopify.com",
        "X-Shopify-Webhook-Id": "b54557e4",
        **{f"X-Shopify-{name.replace('_', '-')}": value for name, value in headers.items()},
    }
    return delivery(ManualClock(), {name: value for name, value in names.items() if value is not None}, body)


def parse(topic: str, body: Any) -> Sequence[Parsed]:
    shop, _ = replayed()
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return shop.parse(signed(raw, topic=topic))


def test_either_secret_verifies_and_the_key_is_topic_and_id() -> None:
    shop, _ = replayed()
    for secret in ("one", "two"):
        assert shop.verify(signed(BODY, secret)) == "orders/create:b54557e4"
    assert shop.verify(signed(BODY, topic="orders/updated")) == "orders/updated:b54557e4"


@pytest.mark.parametrize(
    "wrong",
    [
        signed(BODY, "three"),
        replace(signed(BODY), body=BODY + b" "),
        signed(BODY, Hmac_Sha256=None),
        signed(BODY, Hmac_Sha256=""),
        signed(BODY, Hmac_Sha256="é"),
        signed(BODY, Hmac_Sha256="\udc80"),
    ],
)
def test_what_is_not_signed_by_us_is_not_genuine(wrong: Delivery) -> None:
    shop, _ = replayed()
    with pytest.raises(BadDelivery) as caught:
        shop.verify(wrong)
    assert caught.value.genuine is False


@pytest.mark.parametrize(
    "wrong", [signed(BODY, Topic=None), signed(BODY, Webhook_Id=None), signed(BODY, Shop_Domain="other.myshopify.com")]
)
def test_what_is_signed_but_not_for_us_is_genuine_and_bad(wrong: Delivery) -> None:
    shop, _ = replayed()
    with pytest.raises(BadDelivery) as caught:
        shop.verify(wrong)
    assert caught.value.genuine is True


def test_without_a_secret_nothing_verifies() -> None:
    shop, _ = replayed(webhook_secrets=None)
    with pytest.raises(BadDelivery, match="webhook_secrets"):
        shop.verify(signed(BODY, ""))


def test_orders_are_named_by_their_gid_where_it_is_one() -> None:
    exact = {"id": 820982911946154500, "admin_graphql_api_id": "gid://shopify/Order/820982911946154508"}
    assert parse("orders/create", exact) == (OrderHint("gid://shopify/Order/820982911946154508"),)
    assert parse("orders/updated", {"id": 123, "admin_graphql_api_id": "https://www.example.com/"}) == (
        OrderHint("gid://shopify/Order/123"),
    )
    assert parse("orders/delete", {"id": 9007199254740993}) == (OrderHint("gid://shopify/Order/9007199254740993"),)


def test_parts_of_an_order_name_the_order() -> None:
    refund = {"id": 5, "admin_graphql_api_id": "gid://shopify/Refund/5", "order_id": 77}
    assert parse("refunds/create", refund) == (OrderHint("gid://shopify/Order/77"),)
    assert parse("fulfillments/update", refund) == (OrderHint("gid://shopify/Order/77"),)
    assert parse("orders/edited", {"order_edit": {"id": 5, "order_id": 77}}) == (OrderHint("gid://shopify/Order/77"),)


def test_levels_hint_at_a_shelf() -> None:
    item, location = "gid://shopify/InventoryItem/271878346596884015", "gid://shopify/Location/24826418"
    body = {
        "inventory_item_id": 271878346596884000,
        "location_id": 24826418,
        "available": 10,
        "admin_graphql_api_id": "gid://shopify/InventoryLevel/24826418?inventory_item_id=271878346596884015",
    }
    assert parse("inventory_levels/update", body) == (ShelfHint(item, location, 10),)
    assert parse("inventory_levels/connect", {**body, "available": None}) == (ShelfHint(item, location, None),)
    ids = {"inventory_item_id": 1, "location_id": 2}
    assert parse("inventory_levels/disconnect", ids) == (ShelfHint("gid://shopify/InventoryItem/1", "gid://shopify/Location/2", None),)


def test_items_and_products_hint_at_listings() -> None:
    assert parse("inventory_items/update", {"id": 5}) == (ListingHint("gid://shopify/InventoryItem/5"),)
    variants = [{"id": 1}, {"id": 2, "admin_graphql_api_id": "gid://shopify/ProductVariant/3"}]
    assert parse("products/update", {"id": 9, "variants": variants}) == (
        ListingHint("gid://shopify/ProductVariant/1"),
        ListingHint("gid://shopify/ProductVariant/3"),
    )
    assert parse("products/delete", {"id": 9}) == (ListingHint("gid://shopify/Product/9"),)


def test_other_topics_say_nothing() -> None:
    (said,) = parse("app/uninstalled", {"id": 1})
    assert isinstance(said, Ignored)
    assert "app/uninstalled" in said.why


@pytest.mark.parametrize(
    ("topic", "body"),
    [
        ("orders/create", b"{"),
        ("orders/create", b"[" * 100_000),
        ("orders/create", b"\xff\xfe"),
        ("orders/create", b"[]"),
        ("orders/create", {}),
        ("orders/create", {"id": True}),
        ("orders/create", {"id": "1"}),
        ("orders/create", {"id": -1}),
        ("orders/edited", {"order_edit": None}),
        ("refunds/create", {"id": 1}),
        ("inventory_levels/update", {"inventory_item_id": 1}),
        ("inventory_levels/update", {"inventory_item_id": 1, "location_id": 2, "available": "3"}),
        ("products/update", {"variants": [{"title": "no id"}]}),
    ],
)
def test_a_body_that_does_not_fit_is_not_understood(topic: str, body: Any) -> None:
    with pytest.raises(Misunderstood):
        parse(topic, body)


def _topic(name: str) -> str:
    for resource in ("inventory_levels", "inventory_items", "fulfillments", "refunds", "products"):
        if resource in name:
            return f"{resource}/update" if resource != "refunds" else "refunds/create"
    return "orders/edited" if "edited" in name else "orders/updated"


def test_every_recorded_payload_says_something_or_is_refused_by_name() -> None:
    samples = sorted(shared("channels/samples/shopify").glob("*.json"))
    payloads = [sample for sample in samples if sample.name.startswith(("webhook_", "exemplar_"))]
    assert len(payloads) >= 12
    for sample in payloads:
        assert parse(_topic(sample.name), sample.read_bytes()), sample.name
    for sample in samples:
        try:
            parse("orders/updated", sample.read_bytes())
        except ChannelError as error:
            assert str(error)


def test_recorded_payloads_name_the_exact_ids() -> None:
    samples = shared("channels/samples/shopify")
    order = parse("orders/cancelled", (samples / "webhook_orders_cancelled_2026-07.json").read_bytes())
    assert order == (OrderHint("gid://shopify/Order/820982911946154508"),)
    item = parse("inventory_items/update", (samples / "webhook_inventory_items_update_2026-07.json").read_bytes())
    assert item == (ListingHint("gid://shopify/InventoryItem/271878346596884015"),)


# Subscriptions


def hook(number: int, topic: str, uri: str = HOOK) -> dict[str, str]:
    return {"id": f"gid://shopify/WebhookSubscription/{number}", "topic": topic, "uri": uri}


def created(number: int, topic: str) -> Any:
    return answer({"webhookSubscriptionCreate": {"webhookSubscription": hook(number, topic), "userErrors": []}})


def refused(message: str) -> Any:
    errors = [{"field": ["webhookSubscription", "uri"], "message": message}]
    return answer({"webhookSubscriptionCreate": {"webhookSubscription": None, "userErrors": errors}})


def listed(*hooks: Mapping[str, str], end_cursor: str | None = None) -> Any:
    return answer({"webhookSubscriptions": page(hooks, end_cursor)})


def test_what_is_missing_is_made_and_the_rest_left() -> None:
    topics = list(TOPICS)
    present = [hook(number, topic) for number, topic in enumerate(topics[2:])]
    others = [hook(90, topics[0], "https://other.test/"), hook(91, "APP_UNINSTALLED")]
    shop, http = replayed(listed(*present, end_cursor="c1"), listed(*others), created(100, topics[0]), created(101, topics[1]))
    ours = run(shop.subscribe(HOOK))
    assert [each.topic for each in ours] == topics
    assert {each.url for each in ours} == {HOOK}
    assert http.verbs == ["read", "read", "write", "write"]
    assert http.variables(1) == {"after": "c1"}
    wanted = {"uri": HOOK, "format": "JSON", "includeFields": list(ORDER_FIELDS)}
    assert http.variables(2) == {"topic": topics[0], "subscription": wanted}


def test_one_that_somebody_else_makes_meanwhile_is_no_error() -> None:
    present = [hook(number, topic) for number, topic in enumerate(list(TOPICS)[1:])]
    shop, _ = replayed(listed(*present), refused("Address for this topic has already been taken"))
    assert len(run(shop.subscribe(HOOK))) == len(TOPICS) - 1


def test_a_refusal_gives_the_shops_reason() -> None:
    shop, _ = replayed(listed(), refused("Address is invalid"))
    with pytest.raises(ChannelError, match="Address is invalid"):
        run(shop.subscribe(HOOK))


def test_a_list_without_end_is_not_followed_for_ever() -> None:
    shop, http = replayed(*[listed(end_cursor="c") for _ in range(30)])
    with pytest.raises(Misunderstood, match="pages"):
        run(shop.subscriptions())
    assert len(http.asked) == 20
