"""A stand-in's REST API, asked directly."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import httpx

from channelsync.testing.standins.woocommerce import WooCommerceStandIn

API = "/wp-json/wc/v3"


@dataclass
class Api:
    """answers: everything the shop has answered, as it came."""

    standin: WooCommerceStandIn
    answers: list[httpx.Response] = field(default_factory=list)

    async def ask(self, method: str, path: str, body: Any = None, *, expect: int = 200, **params: str) -> Any:
        state = self.standin.state
        transport = httpx.ASGITransport(self.standin.app)
        async with httpx.AsyncClient(transport=transport, base_url="https://shop.test", auth=(state.key, state.secret)) as client:
            answer = await client.request(method, f"{API}{path}?{urlencode(params)}", json=body)
        self.answers.append(answer)
        assert answer.status_code == expect, answer.text
        return answer.json()


def run(coroutine: Any) -> Any:
    return asyncio.run(coroutine)


def number(standin: WooCommerceStandIn, sku: str) -> int:
    return next(product.id for product in standin.state.products.values() if product.sku == sku)


def stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S")


def reduced(order: Mapping[str, Any]) -> str | None:
    """What the first line takes out of stock, as the order says it."""
    return next((row["value"] for row in order["line_items"][0]["meta_data"] if row["key"] == "_reduced_stock"), None)
