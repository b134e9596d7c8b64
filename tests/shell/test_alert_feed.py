"""The event feed against a real receiver: signed as Standard Webhooks says, failures told apart, in order and once after an outage."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine

from channelsync.clock import Clock, SystemClock
from channelsync.engine.alerts import Alerts, Sent
from channelsync.engine.store import Store
from channelsync.ledger import alert_pages, aside
from channelsync.ledger.alert_pages import TargetView
from channelsync.ledger.alert_queue import Message, Said
from channelsync.ledger.alert_rules import Feed as FeedRule
from channelsync.ledger.alert_rules import Rules
from channelsync.ledger.door import InlineLedger
from channelsync.shell.alert_feed import Feed
from channelsync.shell.http_client import HttpClient
from channelsync.shell.redact import Redactor
from channelsync.shell.standard_webhooks import signed
from support.receivers import OTHER, SECRET, LateClock, NotVerified, Receiver, verify
from support.stock import open_channel, open_locations

AT = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
MESSAGE = Message(7, 3, "opened", "low-stock", "info", "MUG is low: 4 left", {"sku": "MUG", "available": 4, "location": None}, AT)


@asynccontextmanager
async def feed(url: str, *secrets: str, clock: Clock | None = None, private: bool = True) -> AsyncIterator[Feed]:
    clock = clock or SystemClock()
    client = HttpClient(clock, timeout=5, private_hosts=private)
    try:
        yield Feed("acme", url, secrets or (SECRET,), client, clock, Redactor())
    finally:
        await client.aclose()


def sent(receiver: Receiver, *secrets: str, times: int = 1, clock: Clock | None = None) -> list[Sent]:
    async def story() -> list[Sent]:
        async with receiver.open(), feed(f"{receiver.url}/hook", *secrets, clock=clock) as target:
            return [await target.send(MESSAGE) for _ in range(times)]

    return asyncio.run(story())


def test_the_signature_is_the_one_of_the_specifications_example() -> None:
    headers = signed([SECRET], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_receiver_can_verify_what_comes_and_read_it() -> None:
    receiver = Receiver()
    assert sent(receiver) == [Sent(Said.SENT)]
    (came,) = receiver.got
    assert verify(SECRET, came.headers, came.body, datetime.now(UTC)) == {
        "type": "inventory.low-stock",
        "timestamp": "2026-11-28T12:00:00+00:00",
        "data": {"severity": "info", "title": "MUG is low: 4 left", "alert": 3, "sku": "MUG", "available": 4, "location": None},
    }
    assert (came.method, came.path, came.headers["content-type"]) == ("POST", "/hook", "application/json")


def test_what_was_changed_on_the_way_does_not_verify() -> None:
    """The specification's cases: another secret, body, id or time; too old; headers that are missing."""
    receiver, now = Receiver(), datetime.now(UTC)
    sent(receiver)
    (came,) = receiver.got
    verify(SECRET, came.headers, came.body, now)
    time = str(int(came.headers["webhook-timestamp"]) - 1)
    changed: list[tuple[str, dict[str, str], bytes, datetime]] = [
        (OTHER, {}, came.body, now),
        (SECRET, {}, came.body.replace(b"4", b"5", 1), now),
        (SECRET, {"webhook-id": "acme-8"}, came.body, now),
        (SECRET, {"webhook-timestamp": time}, came.body, now),
        (SECRET, {}, came.body, now + timedelta(minutes=6)),
        (SECRET, {}, came.body, now - timedelta(minutes=6)),
    ]
    for secret, headers, body, at in changed:
        with pytest.raises(NotVerified):
            verify(secret, {**came.headers, **headers}, body, at)
    for name in ("webhook-id", "webhook-timestamp", "webhook-signature"):
        with pytest.raises(NotVerified):
            verify(SECRET, {key: value for key, value in came.headers.items() if key != name}, came.body, now)


def test_while_a_secret_is_replaced_both_verify() -> None:
    receiver = Receiver()
    sent(receiver, OTHER, SECRET)
    for secret in (OTHER, SECRET):
        assert verify(secret, receiver.got[0].headers, receiver.got[0].body, datetime.now(UTC))


def test_every_try_has_the_same_id_and_body_and_its_own_time() -> None:
    receiver, clock = Receiver(), LateClock()

    async def story() -> None:
        async with receiver.open(), feed(receiver.url, clock=clock) as target:
            await target.send(MESSAGE)
            clock.ahead = timedelta(minutes=5)
            await target.send(MESSAGE)

    asyncio.run(story())
    first, second = receiver.got
    assert (first.headers["webhook-id"], first.body) == (second.headers["webhook-id"], second.body) == ("acme-7", first.body)
    assert int(second.headers["webhook-timestamp"]) - int(first.headers["webhook-timestamp"]) in (300, 301)


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (200, Said.SENT),
        (204, Said.SENT),
        (301, Said.LATER),
        (307, Said.LATER),
        (400, Said.REFUSED),
        (404, Said.REFUSED),
        (408, Said.LATER),
        (410, Said.GONE),
        (429, Said.LATER),
        (500, Said.LATER),
        (503, Said.LATER),
    ],
)
def test_answers_are_told_apart(status: int, said: Said) -> None:
    receiver = Receiver(status, {"location": "/elsewhere", "retry-after": "120"})
    (answer,) = sent(receiver)
    assert answer.said is said
    assert [came.path for came in receiver.all] == ["/hook"], "a redirect is not followed"
    assert answer.wait == (timedelta(minutes=2) if status in (408, 429, 500, 503) else None)


def test_nobody_there_is_a_failure_too() -> None:
    receiver = Receiver()

    async def story() -> Sent:
        async with receiver.open():
            pass
        async with feed(receiver.url) as target:
            return await target.send(MESSAGE)

    answer = asyncio.run(story())
    assert (answer.said, "not reached" in answer.reason) == (Said.LATER, True)


def test_a_receiver_in_our_own_network_hears_nothing_unless_the_config_says_so() -> None:
    receiver = Receiver()

    async def story() -> Sent:
        async with receiver.open(), feed(receiver.url.replace("http:", "https:"), private=False) as target:
            return await target.send(MESSAGE)

    answer = asyncio.run(story())
    assert (answer.said, "allow_private_hosts = true for this webhook" in answer.reason, receiver.all) == (Said.LATER, True, [])


def test_a_receiver_that_was_down_gets_everything_in_order_and_once(engine: Engine) -> None:
    """Refusing connections, then in trouble, then there: on both databases."""
    clock, receiver = LateClock(), Receiver()
    with engine.connect() as conn, conn.begin():
        open_locations(conn, "main")
        shop = open_channel(conn)

    def mishap(conn: Connection, items: Sequence[str], now: datetime) -> list[None]:
        for item in items:
            aside.put(conn, shop, "order", item, "odd", "", now)
        return [None for _ in items]

    async def story() -> Any:
        async with receiver.open():
            pass  # it has a port, and is down
        async with feed(receiver.url, clock=clock) as target:
            store = Store(InlineLedger(engine, clock), clock, random.Random(1), "test")
            alerts = Alerts(store, Rules(feeds=(FeedRule("erp"),)), {"erp": target})
            for number in range(30):
                await store.ledger.run(mishap, str(number))
                await alerts.watch()
                await alerts.deliver()
            (state,) = await store.ledger.read(alert_pages.every_target)
            assert state.tries == 1, "it is not asked for every message"
            clock.ahead += timedelta(seconds=10)
            async with receiver.open():
                receiver.status = 503
                assert await alerts.deliver() == 0
                receiver.status = 204
                assert await alerts.deliver() == 0, "not its time yet"
                clock.ahead += timedelta(minutes=10)
                while await alerts.deliver():
                    pass
            return await store.ledger.read(alert_pages.every_target)

    (state,) = asyncio.run(story())
    assert state == TargetView("erp", 0, 0, 0, None, None, "")
    assert [came.json()["data"]["reference"] for came in receiver.got] == [str(number) for number in range(30)]
    assert len({came.headers["webhook-id"] for came in receiver.got}) == 30
    for came in receiver.got:
        verify(SECRET, came.headers, came.body, clock.now())
