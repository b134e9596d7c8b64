"""The public availability over a ledger on each database: a room for its tests."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx
from sqlalchemy import Engine

from channelsync.clock import Clock, SystemClock
from channelsync.config import AvailabilityConfig
from channelsync.ledger import policies, stock
from channelsync.ledger.door import InlineLedger, Ledger
from channelsync.ledger.policies import SetPolicy
from channelsync.ledger.skus import Backorder
from channelsync.ledger.stock import Change
from channelsync.shell.serve import Address, serving
from channelsync.shell.storefront.feed import Hinted
from channelsync.shell.storefront.storefront import Shopfront
from support.clock import ManualClock
from support.stock import NOW, open_locations, put

PAGE = "https://shop.example"


async def nothing_else(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 418, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def fill(engine: Engine, **units: int) -> None:
    with engine.connect() as conn, conn.begin():
        open_locations(conn, "main", "annex")
        for sku, quantity in units.items():
            put(conn, sku, quantity)


def allow(engine: Engine, sku: str, policy: Backorder, **more: Any) -> None:
    with engine.connect() as conn, conn.begin():
        policies.set_policy(conn, [SetPolicy(sku, policy, **more)], NOW)


class Asking:
    """Requests straight into the application."""

    def __init__(self, engine: Engine, clock: Clock | None = None, **config: Any) -> None:
        self.clock = clock or ManualClock()
        told = AvailabilityConfig(enabled=True, origins=(PAGE,), **config)
        self.shop = Shopfront(told, InlineLedger(engine, self.clock), self.clock, nothing_else, asyncio.Event())

    def ask(self, path: str, method: str = "GET", **headers: str) -> httpx.Response:
        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self.shop, raise_app_exceptions=True)
            async with httpx.AsyncClient(transport=transport, base_url="http://public.test") as client:
                return await client.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})

        return asyncio.run(send())


@asynccontextmanager
async def listening(engine: Engine, **config: Any) -> AsyncIterator[tuple[Address, Ledger | Hinted, Shopfront]]:
    """A real listener with live availability; the door is the daemon's own."""
    clock, hinted = SystemClock(), asyncio.Event()
    ledger = Hinted(Ledger(engine, clock), hinted.set)
    await ledger.start()
    shop = Shopfront(AvailabilityConfig(enabled=True, origins=(PAGE,), **config), ledger, clock, nothing_else, hinted)
    try:
        async with serving(shop, "127.0.0.1", 0, stop_seconds=2) as address, shop.live():
            yield address, ledger, shop
    finally:
        await ledger.close()


class Watcher:
    """One client of the stream. seen: every state it was told, in order."""

    def __init__(self, client: httpx.AsyncClient, url: str, skus: Sequence[str]) -> None:
        self._client, self._url, self._skus = client, url, skus
        self.seen: list[dict[str, Any]] = []
        self.at: list[float] = []
        self.ended = asyncio.Event()
        self._news = asyncio.Event()
        self.status = 0

    async def run(self) -> None:
        try:
            async with self._client.stream("GET", f"{self._url}/availability/stream", params={"sku": ",".join(self._skus)}) as answer:
                self.status = answer.status_code
                self.headers = answer.headers
                async for line in answer.aiter_lines():
                    if line.startswith("data: "):
                        self.seen.append(json.loads(line[6:]))
                        self.at.append(asyncio.get_running_loop().time())
                        self._news.set()
        finally:
            self.ended.set()

    async def until(self, **state: Any) -> float:
        """When it was told a state with these values."""
        async with asyncio.timeout(20):
            while True:
                for told, at in zip(self.seen, self.at, strict=True):
                    if state.items() <= told.items():
                        return at
                self._news.clear()
                await self._news.wait()


def receive(sku: str, units: int) -> tuple[Any, Change]:
    return stock.receive, Change(sku, "main", units)
