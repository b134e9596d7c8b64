"""A BigCommerce stand-in behind a real door in virtual time, asked by its connector or directly, and the reference samples."""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from channelsync.clock import Clock
from channelsync.contract import Call, Context, Cursor, Delivery, OrderSnapshot, Outcome, Page, ShelfRef, Write
from channelsync.shell.http import shop_http
from channelsync.testing.standins.bigcommerce import BigCommerceStandIn
from channelsync.testing.virtual_clock import VirtualClock
from channelsync_bigcommerce import BigCommerceConnector, connector

SAMPLES = Path(__file__).resolve().parents[3] / "shared" / "channels" / "samples" / "bigcommerce"
Story = Callable[[BigCommerceConnector], Awaitable[None]]


def sample(name: str) -> Any:
    """One of the vendor's examples; skips the test when the reference material is not there."""
    if not SAMPLES.exists():
        pytest.skip("no reference material")
    return json.loads((SAMPLES / name).read_text())


def store(clock: Clock, seed: int = 1, **dials: Any) -> BigCommerceStandIn:
    return BigCommerceStandIn(clock, random.Random(seed), **dials)


@asynccontextmanager
async def connection(standin: BigCommerceStandIn, clock: Clock, **settings: Any) -> AsyncIterator[BigCommerceConnector]:
    transport = httpx.ASGITransport(standin.app)
    async with shop_http("bc", clock=clock, source=random.Random(1), transport=transport) as http:
        table = {key: value for key, value in standin.settings("https://store.test").items() if key != "connector"}
        yield connector.connect(connector.settings.model_validate(table | settings), Context("bc", http, clock))


def tell(clock: VirtualClock, standin: BigCommerceStandIn, story: Story, **settings: Any) -> None:
    async def told() -> None:
        async with connection(standin, clock, **settings) as bigcommerce:
            await story(bigcommerce)

    clock.run(told())


async def ask(standin: BigCommerceStandIn, method: str, path: str, body: Any = None, **params: str) -> httpx.Response:
    """The API itself, with the right token. Colons in names: `created__min` for created:min."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(standin.app), base_url="https://store.test") as client:
        address = f"/stores/{standin.state.store_hash}{path}"
        named = {name.replace("__", ":"): value for name, value in params.items()}
        return await client.request(method, address, params=named, json=body, headers={"x-auth-token": standin.state.token})


async def orders(bigcommerce: BigCommerceConnector, cursor: Cursor = Cursor()) -> tuple[dict[str, OrderSnapshot], Cursor]:  # noqa: B008
    """A complete run: the last version of each order, and the cursor of the next run."""
    found: dict[str, OrderSnapshot] = {}
    page: Page[OrderSnapshot] | None = None
    async for page in bigcommerce.orders(cursor):
        assert page.refused == ()
        found |= {order.ref: order for order in page.items}
    assert page is not None
    return found, Cursor(high_water=page.high_water)


def write(listing: str, value: int, delta: int, location: str = "1") -> Write:
    return Write(f"{listing}@{location}", ShelfRef(listing, location), value, value - delta, delta)


async def push(bigcommerce: BigCommerceConnector, *writes: Write, key: str = "k") -> dict[str, Outcome]:
    return {result.id: result.outcome for result in await bigcommerce.push(Call(key, writes))}


def ref(standin: BigCommerceStandIn, sku: str) -> str:
    return next(f"p:{product.id}" for product in standin.state.products.values() if product.sku == sku)


def delivery(body: Any, at: Any, **headers: str) -> Delivery:
    """header names with _ for -."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Delivery("bc", {name.replace("_", "-"): value for name, value in headers.items()}, raw, at)
