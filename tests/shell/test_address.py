"""What a delivery's address says reaches the connector, and nobody can pretend to have said it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import httpx
import pytest

from channelsync.contract import Delivery, Parsed
from channelsync.shell.receiver import PATH_SECRET, QUERY, Inlet, Receiver
from channelsync.testing.virtual_clock import VirtualClock


class Unsigned:
    """Remembers what it was asked to verify."""

    def __init__(self) -> None:
        self.asked: list[Delivery] = []

    def verify(self, delivery: Delivery) -> str:
        self.asked.append(delivery)
        return "key"

    def parse(self, delivery: Delivery) -> Sequence[Parsed]:
        raise AssertionError("the receiver never parses")


@pytest.fixture
def stored() -> list[Delivery]:
    return []


def send(connector: Unsigned, stored: list[Delivery], path: str, headers: dict[str, str] | None = None) -> int:
    async def keep(channel: str, key: str, delivery: Delivery) -> None:
        stored.append(delivery)

    async def main() -> int:
        receiver = Receiver({"ms": Inlet(connector, ("new", "s3cret"))}, VirtualClock(), keep, lambda channel, why: None)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(receiver), base_url="http://us") as client:
            return (await client.post(path, content=b"{}", headers=headers)).status_code

    return asyncio.run(main())


def test_verify_sees_the_secret_and_the_query_and_the_inbox_keeps_no_secret(stored: list[Delivery]) -> None:
    connector = Unsigned()
    assert send(connector, stored, "/webhooks/ms/s3cret?requestId=1&x=%41") == 200
    (asked,), (kept,) = connector.asked, stored
    assert (asked.headers[PATH_SECRET], asked.headers[QUERY]) == ("s3cret", "requestId=1&x=%41")
    assert PATH_SECRET not in kept.headers
    assert kept.headers[QUERY] == "requestId=1&x=%41"


def test_a_caller_cannot_set_them(stored: list[Delivery]) -> None:
    connector = Unsigned()
    forged = {PATH_SECRET: "s3cret", QUERY: "requestId=forged", "X-Channelsync-Anything": "x"}
    assert send(connector, stored, "/webhooks/ms", forged) == 401
    assert send(connector, stored, "/webhooks/ms/s3cret", forged) == 200
    (kept,) = stored
    assert not [name for name in kept.headers if name.startswith("x-channelsync-")]
