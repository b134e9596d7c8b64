"""The same promises of `verify` for every connector: before anything is read, in constant time, and with the old secret while it is replaced."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import httpx
import pytest

from channelsync.contract import Context, Delivery, ReceivesWebhooks
from channelsync.errors import BadDelivery
from channelsync.registry import Registry
from channelsync.shell.http import shop_http
from channelsync.shell.receiver import Inlet, Receiver
from channelsync.testing.virtual_clock import START, VirtualClock

NEW, OLD, STRANGE = "the-new-secret-of-ours", "the-old-secret-of-ours", "a-secret-of-a-stranger"
BODY = json.dumps({"id": 1, "producer": "stores/abc", "scope": "store/order/updated", "hash": "h", "created_at": 1}).encode()
STAMP = str(int(START.timestamp()))


def _hmac(secret: str, message: bytes) -> str:
    return base64.b64encode(hmac.new(secret.encode(), message, hashlib.sha256).digest()).decode()


@dataclass(frozen=True, slots=True)
class Case:
    """table: the connector's settings for some secrets. headers: of a delivery that was sent with a secret."""

    connector: str
    table: Callable[[list[str]], dict[str, Any]]
    headers: Callable[[str, bytes], Mapping[str, str]]


CASES = {
    "memory": Case(
        "memory",
        lambda secrets: {"url": "https://shop.test", "token": "t", "webhook_secrets": secrets},
        lambda secret, body: {"x-memory-signature": _hmac(secret, body)},
    ),
    "shopify": Case(
        "shopify",
        lambda secrets: {"shop": "a.myshopify.com", "access_token": "t", "webhook_secrets": secrets},
        lambda secret, body: {
            "x-shopify-hmac-sha256": _hmac(secret, body),
            "x-shopify-topic": "orders/updated",
            "x-shopify-webhook-id": "w1",
        },
    ),
    "woocommerce": Case(
        "woocommerce",
        lambda secrets: {"url": "https://a.test", "consumer_key": "ck_1", "consumer_secret": "cs_1", "webhook_secrets": secrets},
        lambda secret, body: {"x-wc-webhook-signature": _hmac(secret, body), "x-wc-webhook-topic": "order.updated"},
    ),
    "bigcommerce": Case(
        "bigcommerce",
        lambda secrets: {"store_hash": "abc", "access_token": "t", "webhook_secrets": secrets},
        lambda secret, body: {"x-channelsync-secret": secret},
    ),
    "bigcommerce, signed": Case(
        "bigcommerce",
        lambda secrets: {
            "store_hash": "abc",
            "access_token": "t",
            "webhook_secrets": ["ours-in-the-header"],
            "client_secret": secrets[0],
            "old_client_secrets": secrets[1:],
        },
        lambda secret, body: {
            "x-channelsync-secret": "ours-in-the-header",
            "webhook-id": "w1",
            "webhook-timestamp": STAMP,
            "webhook-signature": "v1," + _hmac(secret, f"w1.{STAMP}.".encode() + body),
        },
    ),
    "moysklad": Case(
        "moysklad",
        lambda secrets: {"token": "t", "webhook_secrets": secrets},
        lambda secret, body: {"x-channelsync-path-secret": secret, "x-channelsync-query": "requestId=1"},
    ),
}
EVERY = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def _receiving(case: Case, *secrets: str) -> ReceivesWebhooks:
    """Verifying needs no shop, so the door may be closed by then."""
    kind, clock = Registry.installed().connector(case.connector), VirtualClock()

    async def made() -> Any:
        transport = httpx.MockTransport(lambda request: httpx.Response(500))
        async with shop_http("shop", clock=clock, source=random.Random(1), transport=transport) as http:
            return kind.connect(kind.settings.model_validate(case.table(list(secrets))), Context("shop", http, clock))

    connector = clock.run(made())
    assert isinstance(connector, ReceivesWebhooks)
    return connector


def _delivery(case: Case, secret: str, body: bytes = BODY) -> Delivery:
    return Delivery("shop", case.headers(secret, body), body, START)


@EVERY
def test_nothing_is_read_before_the_signature_fits(case: Case) -> None:
    connector = _receiving(case, NEW, OLD)
    for body in (BODY, b"not JSON", b"[" * 100_000, b"\xff\xfe"):
        with patch.object(json.JSONDecoder, "decode", side_effect=AssertionError("read before it was verified")):
            with pytest.raises(BadDelivery) as refused:
                connector.verify(_delivery(case, STRANGE, body))
            assert not refused.value.genuine, "401: nobody knows who sent it"


@EVERY
def test_while_a_secret_is_replaced_both_verify_and_a_third_does_not(case: Case) -> None:
    both = _receiving(case, NEW, OLD)
    assert both.verify(_delivery(case, NEW)) == both.verify(_delivery(case, OLD)) != ""
    with pytest.raises(BadDelivery):
        both.verify(_delivery(case, STRANGE))
    with pytest.raises(BadDelivery):
        _receiving(case, NEW).verify(_delivery(case, OLD))


@EVERY
def test_the_time_does_not_tell_which_secret_fits(case: Case) -> None:
    """Each secret is compared, by `hmac.compare_digest`, whichever of them fits."""
    connector = _receiving(case, NEW, OLD)
    counts = []
    for secret in (NEW, OLD, STRANGE):
        with patch.object(hmac, "compare_digest", wraps=hmac.compare_digest) as compare:
            try:
                connector.verify(_delivery(case, secret))
            except BadDelivery:
                assert secret == STRANGE
        counts.append(compare.call_count)
    assert len(set(counts)) == 1
    assert counts[0] >= 2


@EVERY
def test_a_wrong_signature_and_an_unknown_channel_look_the_same(case: Case) -> None:
    async def nowhere(channel: str, key: str, delivery: Delivery) -> None:
        raise AssertionError("stored")

    clock = VirtualClock()
    secrets = (NEW, OLD) if case.connector == "moysklad" else ()
    receiver = Receiver({"shop": Inlet(_receiving(case, NEW, OLD), secrets)}, clock, nowhere, lambda channel, why: None)

    async def main() -> list[tuple[int, bytes, dict[str, str]]]:
        sent = dict(case.headers(STRANGE, BODY))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(receiver), base_url="http://us") as client:
            answers = [await client.post(f"/webhooks/{name}", content=BODY, headers=sent) for name in ("shop", f"shop/{STRANGE}", "none")]
        return [(answer.status_code, answer.content, dict(answer.headers)) for answer in answers]

    first, *others = clock.run(main())
    assert first[0] == 401
    assert all(other == first for other in others)
