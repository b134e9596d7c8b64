"""Deliveries: genuine or not, the same or not, and where they tell us to look."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from channelsync.contract import Delivery, Ignored, ListingHint, OrderHint, Parsed, ReceivesWebhooks, ShelfHint
from channelsync.errors import BadDelivery, Misunderstood
from support.clock import ManualClock
from support.woocommerce import ScriptedHttp, connected, shared

NOW = datetime(2026, 11, 21, tzinfo=UTC)
FORM = {"content-type": "application/x-www-form-urlencoded"}


def receiver(*secrets: str) -> ReceivesWebhooks:
    return connected(ScriptedHttp(), ManualClock(), webhook_secrets=list(secrets))


def delivery(topic: str, body: Any, *, secret: str = "s3cret", number: str = "d1", **headers: str) -> Delivery:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    signature = base64.b64encode(hmac.digest(secret.encode(), content, "sha256")).decode()
    named = {"x-wc-webhook-topic": topic, "x-wc-webhook-signature": signature, "x-wc-webhook-delivery-id": number}
    return Delivery("woo", {"content-type": "application/json", **named, **headers}, content, NOW)


def parsed(topic: str, body: Any) -> Parsed:
    (found,) = receiver("s3cret").parse(delivery(topic, body))
    return found


def test_any_of_the_secrets_verifies() -> None:
    for secrets in (("s3cret",), ("new", "s3cret"), ("s3cret", "old")):
        assert receiver(*secrets).verify(delivery("order.updated", {"id": 1}))


@pytest.mark.parametrize(
    "changed",
    [{"x-wc-webhook-signature": ""}, {"x-wc-webhook-signature": "AAAA"}, {"x-wc-webhook-signature": "ü"}],
)
def test_a_wrong_signature_is_not_genuine(changed: dict[str, str]) -> None:
    with pytest.raises(BadDelivery) as caught:
        receiver("s3cret").verify(delivery("order.updated", {"id": 1}, **changed))
    assert not caught.value.genuine


def test_a_changed_body_is_not_genuine() -> None:
    sent = delivery("order.updated", {"id": 1})
    with pytest.raises(BadDelivery):
        receiver("s3cret").verify(Delivery("woo", sent.headers, sent.body + b" ", NOW))


def test_without_secrets_nothing_signed_verifies() -> None:
    with pytest.raises(BadDelivery, match="no webhook_secrets"):
        receiver().verify(delivery("order.updated", {"id": 1}, secret=""))


def test_the_delivery_id_is_not_the_key() -> None:
    """It repeats within a second for different facts, and differs when two webhooks tell the same one."""
    ours = receiver("s3cret")
    same = {ours.verify(delivery("order.updated", {"id": 1}, number=number)) for number in ("d1", "d2")}
    other = ours.verify(delivery("order.updated", {"id": 2}, number="d1"))
    assert len(same) == 1
    assert other not in same
    assert ours.verify(delivery("order.created", {"id": 1})) not in same


def test_a_second_deletion_of_a_restored_order_is_another_fact() -> None:
    ours = receiver("s3cret")
    assert ours.verify(delivery("order.deleted", {"id": 1}, number="d1")) != ours.verify(delivery("order.deleted", {"id": 1}, number="d2"))


def test_a_ping_verifies_and_says_nothing() -> None:
    ping = Delivery("woo", FORM, b"webhook_id=9", NOW)
    assert receiver("s3cret").verify(ping) == receiver("s3cret").verify(Delivery("woo", FORM, b"webhook_id=10", NOW)), (
        "a stranger fills no inbox"
    )
    assert receiver("s3cret").parse(ping) == (Ignored("ping"),)


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (FORM, b"webhook_id=9&id=4"),
        (FORM, b"webhook_id="),
        ({"content-type": "application/json"}, b"webhook_id=9"),
        (FORM | {"x-wc-webhook-topic": "order.updated"}, b"webhook_id=9"),
        ({}, b'{"id":1}'),
    ],
)
def test_nothing_else_unsigned_is_accepted(headers: dict[str, str], body: bytes) -> None:
    with pytest.raises(BadDelivery):
        receiver("s3cret").verify(Delivery("woo", headers, body, NOW))


def test_action_topics_are_genuine_and_refused() -> None:
    with pytest.raises(BadDelivery) as caught:
        receiver("s3cret").verify(delivery("action.woocommerce_product_set_stock", {"action": "x", "arg": []}))
    assert caught.value.genuine


PRODUCT = {"id": 12, "type": "simple", "manage_stock": True, "stock_quantity": 47, "parent_id": 0}
VARIATION = {"id": 33, "type": "variation", "manage_stock": True, "stock_quantity": 28, "parent_id": 32}


@pytest.mark.parametrize(
    ("topic", "body", "expected"),
    [
        ("order.created", {"id": 40, "status": "processing"}, OrderHint("40")),
        ("order.updated", {"id": 40}, OrderHint("40")),
        ("order.deleted", {"id": 40}, OrderHint("40")),
        ("order.restored", {"id": 40}, OrderHint("40")),
        ("product.updated", PRODUCT, ShelfHint("12", "", 47)),
        ("product.updated", VARIATION, ShelfHint("32:33", "", 28)),
        ("product.updated", VARIATION | {"manage_stock": "parent"}, ShelfHint("32", "", 28)),
        ("product.updated", PRODUCT | {"manage_stock": False, "stock_quantity": None}, ListingHint("12")),
        ("product.created", VARIATION, ListingHint("32:33")),
        ("product.deleted", {"id": 12}, ListingHint("12")),
    ],
)
def test_a_body_tells_where_to_look(topic: str, body: Any, expected: Parsed) -> None:
    assert parsed(topic, body) == expected


def test_a_signed_error_object_is_ignored_with_its_code() -> None:
    found = parsed("order.updated", {"code": "woocommerce_rest_shop_order_invalid_id", "message": "Invalid ID."})
    assert isinstance(found, Ignored)
    assert "woocommerce_rest_shop_order_invalid_id" in found.why
    assert isinstance(parsed("coupon.updated", {"id": 1}), Ignored)


@pytest.mark.parametrize("body", [b"", b"[]", b'"x"', b'{"id":"40"}', b'{"id":true}', b"\xff\xfe", b"[" * 100_000])
def test_garbage_is_misunderstood(body: bytes) -> None:
    with pytest.raises(Misunderstood):
        receiver("s3cret").parse(delivery("order.updated", body))


# -- captured deliveries -------------------------------------------------------------------------------------------------------------------------


def captured(folder: Path) -> Iterator[tuple[str, str, Delivery]]:
    for file in sorted(folder.glob("*.json")):
        capture = json.loads(file.read_text(encoding="utf-8"))
        for request in capture["requests"]:
            headers = {name.lower(): value for name, value in request["headers"]}
            yield file.name, capture["webhook_secret"], Delivery("woo", headers, base64.b64decode(request["body_b64"]), NOW)


def test_every_captured_delivery_verifies_and_says_where_to_look() -> None:
    said: dict[str, Parsed] = {}
    for name, secret, sent in captured(shared("channels/samples/woocommerce")):
        ours = receiver(secret)
        if name.startswith("action."):
            with pytest.raises(BadDelivery):
                ours.verify(sent)
            continue
        assert ours.verify(sent)
        (said[name.removesuffix(".json")],) = ours.parse(sent)
    assert said["order.created"] == said["order.updated"] == OrderHint("40")
    assert said["order.deleted"] == OrderHint("389")
    assert said["ping"] == Ignored("ping")
    assert said["product.updated.simple_after_order"] == ShelfHint("12", "", 47)
    assert said["product.updated.variation"] == ShelfHint("32:33", "", 28)
    assert said["product.created.variation"] == ListingHint("243:244")
    assert len(said) >= 11
