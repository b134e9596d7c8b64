"""Receiver and listener together, on a real socket, on both event loops."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import httpx
import pytest
import uvloop

from channelsync.clock import SystemClock
from channelsync.contract.http import HttpRequest
from channelsync.contract.values import Delivery, Parsed
from channelsync.errors import BadDelivery
from channelsync.shell.http import shop_http
from channelsync.shell.receiver import Inlet, Receiver
from channelsync.shell.serve import Address, DeadlineProtocol, serving


class Quick(DeadlineProtocol):
    head_seconds = 0.3
    body_seconds = 0.3


class Trusting:
    def verify(self, delivery: Delivery) -> str:
        if delivery.headers.get("x-genuine") != "yes":
            raise BadDelivery("not genuine")
        return "key"

    def parse(self, delivery: Delivery) -> Sequence[Parsed]:
        return ()


Use = Callable[[Address, list[Delivery]], Coroutine[Any, Any, None]]


def _listening(use: Use, loop_factory: Callable[[], asyncio.AbstractEventLoop]) -> None:
    stored: list[Delivery] = []

    async def store(channel: str, key: str, delivery: Delivery) -> None:
        stored.append(delivery)

    async def main() -> None:
        receiver = Receiver({"shop": Inlet(Trusting())}, SystemClock(), store, lambda channel, why: None)
        async with serving(receiver, "127.0.0.1", 0, protocol=Quick, stop_seconds=1) as address:
            await use(address, stored)

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(main())


BOTH = pytest.mark.parametrize("loop_factory", [asyncio.new_event_loop, uvloop.new_event_loop])


@BOTH
def test_deliveries_come_in_through_our_own_door(loop_factory: Callable[[], asyncio.AbstractEventLoop]) -> None:
    async def use(address: Address, stored: list[Delivery]) -> None:
        async with shop_http("us", clock=SystemClock(), source=random.Random(1), private_hosts=True) as http:
            for genuine, status in (("yes", 200), ("no", 401)):
                request = HttpRequest("POST", f"{address.url}/webhooks/shop", {"X-Genuine": genuine}, body=b"x" * 500_000)
                assert await http.write(request, lambda response: response.status) == status
        assert [len(delivery.body) for delivery in stored] == [500_000]

    _listening(use, loop_factory)


@BOTH
def test_a_flood_of_body_is_refused_and_the_listener_lives_on(loop_factory: Callable[[], asyncio.AbstractEventLoop]) -> None:
    async def use(address: Address, stored: list[Delivery]) -> None:
        reader, writer = await asyncio.open_connection(*address)
        writer.write(b"POST /webhooks/shop HTTP/1.1\r\nhost: us\r\nx-genuine: yes\r\ntransfer-encoding: chunked\r\n\r\n")
        chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
        sent = 0
        try:
            while sent < 200:
                writer.write(chunk)
                await writer.drain()
                sent += 1
        except ConnectionError:
            pass
        assert sent < 200
        writer.close()
        async with httpx.AsyncClient() as client:
            assert (await client.post(f"{address.url}/webhooks/shop", headers={"x-genuine": "yes"})).status_code == 200
        assert len(stored) == 1

    _listening(use, loop_factory)


@BOTH
def test_many_slow_strangers_do_not_keep_the_shops_out(loop_factory: Callable[[], asyncio.AbstractEventLoop]) -> None:
    async def use(address: Address, stored: list[Delivery]) -> None:
        slow = [await asyncio.open_connection(*address) for _ in range(300)]
        for _, writer in slow:
            writer.write(b"POST /webhooks/shop HTTP/1.1\r\nhost: us\r\ncontent-length: 10\r\n\r\n1")
        await asyncio.sleep(1.0)
        async with httpx.AsyncClient() as client:
            response = await client.post(f"{address.url}/webhooks/shop", content=b"x", headers={"x-genuine": "yes"})
        assert response.status_code == 200
        for reader, writer in slow:
            with contextlib.suppress(ConnectionError):
                await asyncio.wait_for(reader.read(), 1)  # ends: the connection is closed
            writer.close()

    _listening(use, loop_factory)
