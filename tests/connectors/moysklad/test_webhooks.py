"""Deliveries: an address with a secret, hints alone, nothing fetched, and an answer in time through the real receiver."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Mapping, Sequence

import httpx
import pytest

from channelsync.clock import SystemClock
from channelsync.contract import Cursor, Delivery, Ignored, ListingHint, OrderHint, Parsed, Role, StockHint
from channelsync.errors import BadDelivery, Misunderstood
from channelsync.shell.receiver import Inlet, Receiver
from channelsync.testing.standins.moysklad import MoyskladStandIn
from channelsync.testing.standins.moysklad.courier import PATIENCE_SECONDS
from channelsync.testing.virtual_clock import START, VirtualClock
from channelsync_moysklad import MoyskladConnector, webhooks
from support.moysklad import connection, sample, tell

TOKEN = "0123456789abcdef"
ID = "75c896d0-db16-11eb-c0a8-800d00000002"


def delivery(body: object, secret: str | None = TOKEN, query: str = "requestId=1") -> Delivery:
    headers = {webhooks.QUERY: query} | ({} if secret is None else {webhooks.SECRET: secret})
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Delivery("ms", headers, content, START)


def event(kind: str, action: str = "UPDATE", host: str = "api.moysklad.ru") -> dict[str, object]:
    return {"meta": {"type": kind, "href": f"https://{host}/api/remap/1.2/entity/{kind}/{ID}"}, "action": action, "accountId": "a"}


@pytest.mark.parametrize("secret", [None, "", "x", TOKEN[:-1], TOKEN + "x", "ä", "\udcff"])
def test_only_the_secret_in_the_address_verifies(secret: str | None) -> None:
    with pytest.raises(BadDelivery):
        webhooks.verify(delivery({}, secret), [TOKEN])
    with pytest.raises(BadDelivery):
        webhooks.verify(delivery({}, secret), [])
    assert webhooks.verify(delivery({}), [TOKEN])


def test_the_key_is_the_request_and_its_body() -> None:
    first = webhooks.verify(delivery({"a": 1}), [TOKEN])
    assert webhooks.verify(delivery({"a": 1}), [TOKEN]) == first
    assert webhooks.verify(delivery({"a": 2}), [TOKEN]) != first
    assert webhooks.verify(delivery({"a": 1}, query="requestId=2"), [TOKEN]) != first


@pytest.mark.parametrize(
    ("kind", "channel", "authority"),
    [
        ("customerorder", OrderHint(ID), StockHint()),
        ("demand", StockHint(), StockHint()),
        ("retaildemand", StockHint(), StockHint()),
        ("product", ListingHint(ID), ListingHint(ID)),
        ("supply", Ignored("an event of supply says nothing about stock"), Ignored("an event of supply says nothing about stock")),
    ],
)
def test_what_an_event_says_depends_on_the_role(kind: str, channel: Parsed, authority: Parsed) -> None:
    told = delivery({"events": [event(kind), event(kind, host="online.moysklad.ru")]})
    assert webhooks.parse(told, Role.CHANNEL) == (channel,), "an id is an id, whatever host its link names"
    assert webhooks.parse(told, Role.AUTHORITY) == (authority,)


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b"{}", b'{"events": []}', b'{"events": [1]}', b'{"events": [{"meta": {"href": "x"}}]}']
)
def test_what_names_nothing_is_set_aside(body: bytes) -> None:
    with pytest.raises(Misunderstood):
        webhooks.parse(delivery(body), Role.CHANNEL)


def test_a_report_address_is_never_fetched(virtual: VirtualClock, shop: MoyskladStandIn) -> None:
    """A forged one would carry our token to a stranger: a delivery causes no request at all, and later ones go to our own address."""
    forged = {"accountId": "a", "stockType": "stock", "reportType": "bystore", "reportUrl": "https://evil.test/steal"}
    hosts: list[str] = []

    async def story(ms: MoyskladConnector) -> None:
        seen = len(shop.rest.limits.errors.events), shop.rest.limits.used
        assert ms.parse(delivery(forged)) == (StockHint(),)
        assert (len(shop.rest.limits.errors.events), shop.rest.limits.used) == seen
        async for _ in ms.physical(Cursor()):
            pass

    original = httpx.ASGITransport.handle_async_request

    async def spy(self: httpx.ASGITransport, request: httpx.Request) -> httpx.Response:
        hosts.append(request.url.host)
        return await original(self, request)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(httpx.ASGITransport, "handle_async_request", spy)
        tell(virtual, shop, story, Role.AUTHORITY)
    assert set(hosts) == {"account.test"}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("webhookstock_notification.body", (StockHint(),)),
        ("webhook_notification.body", (ListingHint(ID),)),
        ("webhook_async_processed.body", (Ignored("an event of async says nothing about stock"),)),
    ],
)
def test_published_deliveries(name: str, expected: Sequence[Parsed]) -> None:
    assert webhooks.parse(delivery(sample(name)), Role.CHANNEL) == expected


def test_the_real_receiver_answers_long_before_the_platform_gives_up() -> None:
    clock = SystemClock()
    stored: list[tuple[str, Delivery]] = []
    answers: list[tuple[int, float]] = []

    async def keep(channel: str, key: str, arrived: Delivery) -> None:
        stored.append((key, arrived))

    async def story() -> None:
        async def deliver(url: str, headers: Mapping[str, str], body: bytes) -> int:
            began = time.monotonic()
            async with httpx.AsyncClient(transport=httpx.ASGITransport(receiver)) as client:
                answer = await client.post(url, headers=dict(headers), content=body)
            answers.append((answer.status_code, time.monotonic() - began))
            return answer.status_code

        shop = MoyskladStandIn(clock, random.Random(1), deliver=deliver, credential="solution", stock_hook_seconds=0.0)
        async with connection(shop, clock) as ms:
            receiver = Receiver({"ms": Inlet(ms, tuple(ms.address_secrets))}, clock, keep, lambda channel, why: None)
            await ms.subscribe("https://us.test/webhooks/ms")
            shop.add_good("MUG")
            shop.receive("MUG", 5)
            order = shop.buy({"MUG": 1})
            shop.ship(order)
            await shop.work()
            await shop.work()
            hints = {hint for _, arrived in stored for hint in ms.parse(arrived)}
            assert hints == {OrderHint(order), StockHint()}
            assert len({key for key, _ in stored}) == len(stored) > 3

    asyncio.run(story())
    assert {status for status, _ in answers} == {200}
    assert max(seconds for _, seconds in answers) < PATIENCE_SECONDS / 5


def test_hooks_move_to_the_new_secret_and_the_old_one_verifies_until_then(virtual: VirtualClock, shop: MoyskladStandIn) -> None:
    url, new = "https://us.test/webhooks/ms", "fedcba9876543210"
    secrets = [new, shop.webhook_token]

    async def before(ms: MoyskladConnector) -> None:
        await ms.subscribe(url)
        assert {hook.url for hook in shop.state.hooks.values()} == {f"{url}/{shop.webhook_token}"}

    async def after(ms: MoyskladConnector) -> None:
        assert ms.address_secrets == tuple(secrets)
        assert ms.verify(delivery({}, shop.webhook_token)) == ms.verify(delivery({}, new))
        known = {hook.ref for hook in await ms.subscriptions()}
        assert {hook.ref for hook in await ms.subscribe(url)} == known
        assert {hook.url for hook in shop.state.hooks.values()} == {f"{url}/{new}"}

    tell(virtual, shop, before)
    tell(virtual, shop, after, webhook_secrets=secrets)
