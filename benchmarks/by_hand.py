"""A sale carried from one shop to the others with no ledger, no engine and no second sale: only what the platforms themselves need, one call after
the other. What counts is the time on the wire, not what the caller does between its calls.
"""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

import httpx

from benchmarks.town import Sale, Town
from channelsync.clock import SystemClock
from channelsync.contract import (
    Call,
    Connector,
    Context,
    Cursor,
    Delivery,
    OrderHint,
    OrderSnapshot,
    Outcome,
    ReceivesWebhooks,
    RegistersWebhooks,
    ShelfRef,
    Write,
)
from channelsync.errors import ChannelError
from channelsync.registry import Registry
from channelsync.shell.http import shop_http
from channelsync.testing.standins.base import Receive, Scope, Send
from channelsync.testing.standins.serving import served

ENGINE_KEYS: Final = ("connector", "allow_private_hosts")
ARRIVES_SECONDS: Final = 30.0


class OnTheWire(httpx.AsyncBaseTransport):
    """seconds: what every request so far took from its first byte to the head of its answer, in all; the bodies here are short."""

    def __init__(self) -> None:
        self._network = httpx.AsyncHTTPTransport()
        self.seconds, self.requests = 0.0, 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        began = time.perf_counter()
        response = await self._network.handle_async_request(request)
        self.seconds += time.perf_counter() - began
        self.requests += 1
        return response

    async def aclose(self) -> None:
        await self._network.aclose()


class Mailbox:
    """An address for webhooks: answers at once and keeps what came, with its time."""

    def __init__(self) -> None:
        self.post: asyncio.Queue[tuple[float, Delivery]] = asyncio.Queue()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        at = time.time()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})
        headers = {name.decode().lower(): value.decode() for name, value in scope["headers"]}
        name = scope["path"].split("/")[2]
        self.post.put_nowait((at, Delivery(name, headers, body, SystemClock().now())))


class ByHand:
    """Everything needed to carry sales between the shops of a town that nobody else synchronises."""

    def __init__(self, town: Town, wire: OnTheWire, mailbox: Mailbox, connectors: Mapping[str, Connector]) -> None:
        self._town, self._wire, self._mailbox, self._connectors = town, wire, mailbox, connectors
        self._shelves: dict[tuple[str, str], ShelfRef] = {}

    async def prepare(self, base: str) -> None:
        for name, connector in self._connectors.items():
            assert isinstance(connector, RegistersWebhooks)
            await connector.subscribe(f"{base}/webhooks/{name}")
            async for page in connector.listings(Cursor()):
                for listing in page.items:
                    if listing.sku is not None:
                        self._shelves[name, listing.sku] = ShelfRef(listing.ref, listing.locations[0])

    async def carry(self, shop: str, number: int) -> tuple[float, int]:
        """One sale in this shop. (Seconds: from the sale until its webhook was here, and each call after that; how many calls.)"""
        before, requests = self._wire.seconds, self._wire.requests
        sale = await self._town.sell(shop, number)
        heard = await self._hear(sale)
        for name in self._connectors:
            if name != shop:
                await self._lower(name, sale.sku)
        return heard - sale.at + self._wire.seconds - before, self._wire.requests - requests

    async def _hear(self, sale: Sale) -> float:
        """When the first webhook about the order arrived. What it only hints at is read."""
        async with asyncio.timeout(ARRIVES_SECONDS):
            while True:
                at, delivery = await self._mailbox.post.get()
                connector = self._connectors[delivery.channel]
                assert isinstance(connector, ReceivesWebhooks)
                try:
                    parsed = connector.parse(delivery)
                except ChannelError:
                    continue  # a ping
                if any(isinstance(fact, OrderSnapshot) and fact.ref == sale.ref for fact in parsed):
                    return at
                if any(isinstance(fact, OrderHint) and fact.ref == sale.ref for fact in parsed):
                    await connector.order(sale.ref)
                    return at

    async def _lower(self, name: str, sku: str) -> None:
        """Read, write, and where an answer only says that the write was accepted, read again."""
        connector, shelf = self._connectors[name], self._shelves[name, sku]
        [seen] = await connector.stock([shelf])
        assert seen.shows is not None
        wanted = seen.shows - 1
        [result] = await connector.push(Call(str(uuid.uuid4()), (Write(str(uuid.uuid4()), shelf, wanted, seen.shows, -1),)))
        assert result.outcome is Outcome.OK, result
        if connector.traits.write_visible_after:
            [seen] = await connector.stock([shelf])
            assert seen.shows == wanted, (name, seen)


@asynccontextmanager
async def by_hand(town: Town) -> AsyncIterator[ByHand]:
    registry, clock, wire, mailbox = Registry.installed(), SystemClock(), OnTheWire(), Mailbox()
    async with AsyncExitStack() as stack:
        base = await stack.enter_async_context(served(mailbox, "mailbox"))
        connectors = {}
        for name, table in town.tables.items():
            kind = registry.connector(table["connector"])
            door = await stack.enter_async_context(shop_http(name, clock=clock, source=random.Random(1), transport=wire))
            settings = kind.settings.model_validate({key: value for key, value in table.items() if key not in ENGINE_KEYS})
            connectors[name] = kind.connect(settings, Context(name, door, clock))
        hand = ByHand(town, wire, mailbox, connectors)
        await hand.prepare(base)
        yield hand
