"""The door and the webhooks: token, scopes, the rate window, what is delivered with which headers, retries, and hooks switched off."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Mapping

import httpx

from channelsync.testing.standins.base import Item
from channelsync.testing.standins.bigcommerce import BigCommerceStandIn
from channelsync.testing.standins.bigcommerce.courier import RETRIES, signature
from support.bigcommerce import ask, sample
from support.clock import ManualClock

URL = "https://hub.test/webhooks/bc"


class Mail:
    """Answers with `status` and keeps what came."""

    def __init__(self, status: int = 200) -> None:
        self.status = status
        self.came: list[tuple[Mapping[str, str], bytes]] = []

    async def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        self.came.append((headers, body))
        return self.status


def hooked(clock: ManualClock, mail: Mail, *scopes: str) -> BigCommerceStandIn:
    standin = BigCommerceStandIn(clock, random.Random(1), deliver=mail)
    standin.stock([Item("MUG", 10)])
    asyncio.run(standin.work())
    for scope in scopes:
        body = {"scope": scope, "destination": URL, "is_active": True, "headers": {"x-mine": "secret"}}
        assert asyncio.run(ask(standin, "POST", "/v3/hooks", body)).status_code == 200
    return standin


def work(standin: BigCommerceStandIn, clock: ManualClock) -> None:
    while (due := standin.next_due()) is not None and due <= clock.monotonic() + 1:
        clock.advance(max(0.0, due - clock.monotonic()))
        asyncio.run(standin.work())


def test_a_wrong_token_is_401_and_a_missing_scope_403(standin: BigCommerceStandIn) -> None:
    async def bare() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(standin.app), base_url="https://store.test") as client:
            return await client.get(f"/stores/{standin.state.store_hash}/v2/orders")

    assert asyncio.run(bare()).status_code == 401
    standin.dials.scopes = ("store_inventory",)
    assert asyncio.run(ask(standin, "GET", "/v2/orders")).status_code == 403
    assert asyncio.run(ask(standin, "GET", "/v3/inventory/items")).status_code == 200
    assert asyncio.run(ask(standin, "GET", "/v3/hooks")).status_code == 200, "hooks need no scope"


def test_the_quota_is_told_and_kept_per_window(standin: BigCommerceStandIn, clock: ManualClock) -> None:
    standin.dials.quota = 2
    answers = [asyncio.run(ask(standin, "GET", "/v2/time")) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert [answer.headers["x-rate-limit-requests-left"] for answer in answers] == ["1", "0", "0"]
    assert answers[2].headers["x-rate-limit-time-reset-ms"] == "30000"
    standin.dials.quota_headers = False
    assert "x-rate-limit-time-reset-ms" not in asyncio.run(ask(standin, "GET", "/v2/time")).headers
    clock.advance(30)
    assert asyncio.run(ask(standin, "GET", "/v2/time")).status_code == 200


def test_deliveries_are_light_carry_our_headers_and_are_signed(clock: ManualClock) -> None:
    mail = Mail()
    standin = hooked(clock, mail, "store/order/*", "store/channel/*/inventory/product/stock_changed")
    order = standin.buy({"MUG": 1})
    work(standin, clock)
    bodies = [json.loads(body) for _, body in mail.came]
    assert {body["scope"] for body in bodies} == {
        "store/order/created",
        "store/order/updated",
        "store/order/statusUpdated",
        "store/channel/*/inventory/product/stock_changed",
    }
    assert {body["data"]["id"] for body in bodies if body["scope"].startswith("store/order/")} == {int(order)}
    assert all(body.keys() == sample("webhook_store_order_created.json").keys() for body in bodies)
    assert len({body["hash"] for body in bodies}) == len(bodies)
    headers, raw = mail.came[0]
    assert headers["x-mine"] == "secret"
    sent = {name: headers[name] for name in ("webhook-id", "webhook-timestamp", "webhook-signature")}
    assert sent == signature(standin.state.client_secret, sent["webhook-id"], int(sent["webhook-timestamp"]), raw)


def test_a_store_that_does_not_sign(clock: ManualClock) -> None:
    mail = Mail()
    standin = hooked(clock, mail, "store/order/created")
    standin.dials.signs = False
    standin.buy({"MUG": 1})
    work(standin, clock)
    assert not [name for name in mail.came[0][0] if name.startswith("webhook-")]


def test_the_signature_is_the_one_the_vendors_library_makes() -> None:
    vector = sample("selfmade_standard_webhooks_vector.json")
    headers = vector["headers"]
    made = signature(vector["client_secret"], headers["webhook-id"], int(headers["webhook-timestamp"]), vector["body"].encode())
    assert made == headers


def test_a_delivery_is_tried_for_two_days_and_then_the_hook_is_switched_off(clock: ManualClock) -> None:
    mail = Mail(500)
    standin = hooked(clock, mail, "store/order/created")
    (hook,) = standin.state.hooks.values()
    standin.buy({"MUG": 1})
    began = clock.monotonic()
    times = []
    while (due := standin.next_due()) is not None:
        assert hook.is_active
        clock.advance(max(0.0, due - clock.monotonic()))
        asyncio.run(standin.work())
        times.append(clock.monotonic() - began)
    assert len(mail.came) == len(times) == len(RETRIES) + 1
    assert 48.0 < times[-1] / 3600 < 48.1
    assert not hook.is_active
    standin.buy({"MUG": 1})
    work(standin, clock)
    assert len(mail.came) == len(times), "nothing more is delivered"


def test_hooks_go_to_https_on_port_443_once_per_scope_and_destination(clock: ManualClock) -> None:
    standin = hooked(clock, Mail(), "store/order/created")
    for destination in ("http://hub.test/x", "https://hub.test:8443/x", URL):
        body = {"scope": "store/order/created", "destination": destination, "is_active": True}
        assert asyncio.run(ask(standin, "POST", "/v3/hooks", body)).status_code == 422
    missing = asyncio.run(ask(standin, "POST", "/v3/hooks", {"scope": "store/order/created"})).json()
    assert missing["errors"] == sample("v3_hook_create_422.json")["errors"]
    shown = asyncio.run(ask(standin, "GET", "/v3/hooks")).json()["data"][0]
    assert shown.keys() == sample("v3_hook_create_response.json")["data"].keys()
