from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from channelsync.contract.values import Delivery, Parsed
from channelsync.errors import BadDelivery
from channelsync.shell.receiver import Inlet, Limits, Receiver
from channelsync.testing.virtual_clock import START, VirtualClock

KEY = b"shared"


class Signed:
    def verify(self, delivery: Delivery) -> str:
        given = delivery.headers.get("x-signature", "")
        if not hmac.compare_digest(hmac.new(KEY, delivery.body, hashlib.sha256).hexdigest(), given):
            raise BadDelivery("signature does not match")
        if delivery.body == b"not a delivery":
            raise BadDelivery("no topic", genuine=True)
        if delivery.body == b"bug":
            raise KeyError("bug")
        return delivery.headers["x-id"]

    def parse(self, delivery: Delivery) -> Sequence[Parsed]:
        raise AssertionError("the receiver never parses")


@dataclass
class Inbox:
    stored: list[tuple[str, str, Delivery]] = field(default_factory=list)
    rejected: list[tuple[str, str]] = field(default_factory=list)
    fails: bool = False
    gate: asyncio.Event | None = None

    async def store(self, channel: str, key: str, delivery: Delivery) -> None:
        if self.gate:
            await self.gate.wait()
        if self.fails:
            raise OSError("disk full")
        self.stored.append((channel, key, delivery))

    def reject(self, channel: str, why: str) -> None:
        self.rejected.append((channel, why))


def _receiver(inbox: Inbox, limits: Limits | None = None) -> Receiver:
    inlets = {"shop": Inlet(Signed()), "unsigned": Inlet(Signed(), ("in-the-address", "the-old-one"))}
    return Receiver(inlets, VirtualClock(), inbox.store, inbox.reject, limits)


def _signed(body: bytes, **more: str) -> dict[str, str]:
    return {"X-Signature": hmac.new(KEY, body, hashlib.sha256).hexdigest(), "X-Id": "d1", **more}


async def _send(
    app: Receiver, path: str, body: bytes | AsyncIterator[bytes] = b"", headers: Mapping[str, str] | None = None, method: str = "POST"
) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://us") as client:
        return await client.request(method, path, content=body, headers=dict(headers or {}))


def _post(inbox: Inbox, path: str, body: bytes, headers: Mapping[str, str] | None = None, limits: Limits | None = None) -> httpx.Response:
    return asyncio.run(_send(_receiver(inbox, limits), path, body, headers))


def test_a_genuine_delivery_is_stored_as_it_came_and_then_answered() -> None:
    inbox = Inbox()
    response = _post(inbox, "/webhooks/shop", b'{"id": 1}', _signed(b'{"id": 1}', **{"X-Topic": "orders/create"}))
    assert (response.status_code, response.content) == (200, b"")
    ((channel, key, delivery),) = inbox.stored
    assert (channel, key, delivery.channel, delivery.body, delivery.received_at) == ("shop", "d1", "shop", b'{"id": 1}', START)
    assert delivery.headers["x-topic"] == "orders/create"
    assert inbox.rejected == []


def test_it_answers_only_after_the_commit() -> None:
    async def main() -> None:
        inbox = Inbox(gate=asyncio.Event())
        assert inbox.gate
        call = asyncio.create_task(_send(_receiver(inbox), "/webhooks/shop", b"x", _signed(b"x")))
        await asyncio.sleep(0.05)
        assert not call.done()
        inbox.gate.set()
        assert (await call).status_code == 200

    asyncio.run(main())


def test_of_repeated_headers_the_last_one_counts() -> None:
    inbox = Inbox()

    async def main() -> None:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(_receiver(inbox)), base_url="http://us") as client:
            headers = [("X-Id", "first"), *_signed(b"x").items(), ("X-Id", "last")]
            await client.post("/webhooks/shop", content=b"x", headers=headers)

    asyncio.run(main())
    assert inbox.stored[0][1] == "last"


def test_unknown_channel_and_bad_signature_look_the_same() -> None:
    inbox = Inbox()
    bad = _post(inbox, "/webhooks/shop", b"x", {"X-Signature": "0"})
    unknown = _post(inbox, "/webhooks/nowhere", b"x", _signed(b"x"))
    assert (bad.status_code, bad.headers, bad.content) == (unknown.status_code, unknown.headers, unknown.content) == (401, bad.headers, b"")
    assert inbox.stored == []
    assert inbox.rejected == [("shop", "signature does not match"), ("", "unknown channel")]


def test_an_unknown_channel_costs_a_signature_over_the_body_too(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bytes] = []
    real = hmac.digest

    def digest(key: bytes, message: bytes, kind: object) -> bytes:
        seen.append(message)
        return real(key, message, "sha256")

    monkeypatch.setattr("channelsync.shell.receiver.hmac.digest", digest)
    _post(Inbox(), "/webhooks/nowhere", b"some body")
    assert seen == [b"some body"]


def test_signed_but_unacceptable_is_400() -> None:
    inbox = Inbox()
    assert _post(inbox, "/webhooks/shop", b"not a delivery", _signed(b"not a delivery")).status_code == 400
    assert (inbox.stored, inbox.rejected) == ([], [("shop", "no topic")])


def test_a_connector_that_breaks_while_verifying_rejects() -> None:
    inbox = Inbox()
    with capture_logs() as lines:
        assert _post(inbox, "/webhooks/shop", b"bug", _signed(b"bug")).status_code == 401
    assert inbox.rejected == [("shop", "verification failed: KeyError")]
    assert [line["log_level"] for line in lines] == ["error"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/webhooks/unsigned/in-the-address", 200),
        ("/webhooks/unsigned/guess", 401),
        ("/webhooks/unsigned/%C3%A4%FF", 401),
        ("/webhooks/unsigned", 401),
        ("/webhooks/shop/in-the-address", 401),
        ("/webhooks/shop/", 401),
    ],
)
def test_a_secret_in_the_address_is_needed_exactly_where_it_is_set(path: str, status: int) -> None:
    assert _post(Inbox(), path, b"x", _signed(b"x")).status_code == status


def test_what_cannot_be_stored_is_not_acknowledged() -> None:
    inbox = Inbox(fails=True)
    with capture_logs() as lines:
        response = _post(inbox, "/webhooks/shop", b"x", _signed(b"x"))
    assert (response.status_code, response.headers["retry-after"]) == (503, "30")
    assert "channel" in lines[0]


def test_a_body_over_the_limit_is_refused_by_its_announcement_and_by_its_bytes() -> None:
    inbox, limits = Inbox(), Limits(body=1000)
    assert _post(inbox, "/webhooks/shop", b"x" * 1000, _signed(b"x" * 1000), limits).status_code == 200
    response = _post(inbox, "/webhooks/shop", b"x" * 1001, _signed(b"x" * 1001), limits)
    assert (response.status_code, response.headers["connection"]) == (413, "close")
    given = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal given
        while True:
            given += 1
            yield b"x" * 100

    assert asyncio.run(_send(_receiver(inbox, limits), "/webhooks/shop", endless())).status_code == 413
    assert given == 11
    assert len(inbox.stored) == 1


def test_an_absurd_content_length_is_refused_not_parsed() -> None:
    for length in ("9" * 5000, "2000000"):
        assert _post(Inbox(), "/webhooks/shop", b"", {"Content-Length": length}).status_code == 413


def test_too_many_at_once_are_asked_to_come_again() -> None:
    async def main() -> None:
        inbox = Inbox(gate=asyncio.Event())
        assert inbox.gate
        app = _receiver(inbox, Limits(pending=2))
        calls = [asyncio.create_task(_send(app, "/webhooks/shop", b"x", _signed(b"x"))) for _ in range(2)]
        await asyncio.sleep(0.05)
        assert (await _send(app, "/webhooks/shop", b"x", _signed(b"x"))).status_code == 503
        inbox.gate.set()
        assert [response.status_code for response in await asyncio.gather(*calls)] == [200, 200]
        assert (await _send(app, "/webhooks/shop", b"x", _signed(b"x"))).status_code == 200

    asyncio.run(main())


def test_too_many_bytes_at_once_are_asked_to_come_again() -> None:
    async def main() -> None:
        inbox = Inbox(gate=asyncio.Event())
        assert inbox.gate
        app = _receiver(inbox, Limits(pending_bytes=1500))
        body = b"x" * 1000
        first = asyncio.create_task(_send(app, "/webhooks/shop", body, _signed(body)))
        await asyncio.sleep(0.05)
        assert (await _send(app, "/webhooks/shop", body, _signed(body))).status_code == 503
        inbox.gate.set()
        assert (await first).status_code == 200
        assert (await _send(app, "/webhooks/shop", body, _signed(body))).status_code == 200

    asyncio.run(main())


def test_a_sender_that_hangs_up_gets_and_leaves_nothing() -> None:
    inbox, sent = Inbox(), []

    async def main() -> None:
        messages: Iterator[dict[str, Any]] = iter([{"type": "http.request", "body": b"x", "more_body": True}, {"type": "http.disconnect"}])

        async def receive() -> dict[str, Any]:
            return next(messages)

        async def send(message: object) -> None:
            sent.append(message)

        app = _receiver(inbox, Limits(pending=1, pending_bytes=2))
        scope = {"type": "http", "path": "/webhooks/shop", "method": "POST", "headers": []}
        await app(scope, receive, send)
        assert (await _send(app, "/webhooks/shop", b"xx", _signed(b"xx"))).status_code == 200

    asyncio.run(main())
    assert sent == []
    assert len(inbox.stored) == 1


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/healthz", 200),
        ("HEAD", "/healthz", 200),
        ("POST", "/healthz", 405),
        ("GET", "/webhooks/shop", 405),
        ("GET", "/webhooks/nowhere", 405),
        ("POST", "/webhooks", 404),
        ("POST", "/webhooks/shop/a/b", 404),
        ("GET", "/", 404),
        ("GET", "/api/v1/inventory", 404),
    ],
)
def test_everything_else_on_the_public_listener(method: str, path: str, status: int) -> None:
    assert asyncio.run(_send(_receiver(Inbox()), path, method=method)).status_code == status
