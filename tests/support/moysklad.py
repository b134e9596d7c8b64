"""A Moysklad stand-in behind the real door in process, asked directly or through the connector, and the published sample payloads."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from channelsync.clock import Clock
from channelsync.contract import Context, Role
from channelsync.shell.http import shop_http
from channelsync.testing.standins.moysklad import MoyskladStandIn
from channelsync.testing.virtual_clock import VirtualClock
from channelsync_moysklad import MoyskladConnector, connector

URL = "https://account.test"
API = "/api/remap/1.2"
SAMPLES = Path(__file__).resolve().parents[3] / "shared" / "channels" / "samples" / "moysklad"
Story = Callable[[MoyskladConnector], Awaitable[None]]


def samples() -> Path:
    if not SAMPLES.exists():
        pytest.skip("no sample payloads beside the project")
    return SAMPLES


def sample(name: str) -> Any:
    return json.loads((samples() / f"{name}.json").read_text(encoding="utf-8"))


def account(clock: Clock, seed: int = 1, **dials: Any) -> MoyskladStandIn:
    return MoyskladStandIn(clock, random.Random(seed), **dials)


@asynccontextmanager
async def connection(shop: MoyskladStandIn, clock: Clock, role: Role = Role.CHANNEL, **settings: Any) -> AsyncIterator[MoyskladConnector]:
    async with shop_http("ms", clock=clock, source=random.Random(1), transport=httpx.ASGITransport(shop.app)) as http:
        table = {key: value for key, value in shop.settings(URL).items() if key != "connector"}
        yield connector.connect(connector.settings.model_validate(table | settings), Context("ms", http, clock, role))


def tell(clock: VirtualClock, shop: MoyskladStandIn, story: Story, role: Role = Role.CHANNEL, **settings: Any) -> None:
    async def told() -> None:
        async with connection(shop, clock, role, **settings) as ms:
            await story(ms)

    clock.run(told())


class Api:
    """The account's API, asked as a client of its own would. pause: virtual seconds before each call, so that no limit is met."""

    def __init__(self, shop: MoyskladStandIn, *, pause: float = 1.0) -> None:
        self.shop, self.pause = shop, pause

    async def raw(
        self, method: str, path: str, body: Any = None, *, headers: dict[str, str] | None = None, params: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        sent = {"authorization": f"Bearer {self.shop.state.token}", "accept-encoding": "gzip"} | (headers or {})
        content = b"" if body is None else json.dumps(body).encode()
        status, told, answer = await self.shop.rest.handle(method, API + path, urlencode(params or {}), sent, content)
        lower = {name.lower(): value for name, value in told.items()}
        return status, lower, gzip.decompress(answer) if lower.get("content-encoding") == "gzip" else answer

    async def ask(self, method: str, path: str, body: Any = None, *, expect: int = 200, **params: str) -> Any:
        await self.shop.clock.sleep(self.pause)
        status, _, answer = await self.raw(method, path, body, params=params)
        assert status == expect, answer.decode()
        return json.loads(answer) if answer else None


def link(kind: str, ref: str) -> dict[str, Any]:
    return {"meta": {"href": f"https://api.moysklad.ru{API}/entity/{kind}/{ref}", "type": kind, "mediaType": "application/json"}}


def order_body(shop: MoyskladStandIn, *positions: dict[str, Any], **more: Any) -> dict[str, Any]:
    state = shop.state
    parties = {"organization": link("organization", state.organization), "agent": link("counterparty", state.agent)}
    return {**parties, "store": link("store", state.main_store), "positions": list(positions), **more}


def position(shop: MoyskladStandIn, sku: str, quantity: float, reserve: float = 0) -> dict[str, Any]:
    good = shop.good(sku)
    return {"assortment": link(good.kind, good.id), "quantity": quantity, "reserve": reserve}
