"""A Shopify stand-in asked directly, a connector behind the real door in process, a door that replays answers, and the reference samples."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest

from channelsync.clock import Clock
from channelsync.contract import Budget, Call, Context, Cursor, Delivery, HttpRequest, HttpResponse, OrderSnapshot, ShelfRef, Write
from channelsync.shell.http import shop_http
from channelsync.testing.standins.base import Item
from channelsync.testing.standins.shopify import ShopifyStandIn
from channelsync.testing.virtual_clock import VirtualClock
from channelsync_shopify import connector
from channelsync_shopify.connector import Shopify
from channelsync_shopify.settings import ShopifySettings
from support.clock import ManualClock

T = TypeVar("T")
SHARED = Path(__file__).resolve().parents[3] / "shared"
URL = "https://shop.test"
GRAPHQL = "/admin/api/2026-07/graphql.json"


def shared(path: str) -> Path:
    """A file or folder of the reference material beside the project; skips the test when it is not there."""
    found = SHARED / path
    if not found.exists():
        pytest.skip(f"no reference material at {path}")
    return found


def run(main: Coroutine[Any, Any, T], clock: VirtualClock | None = None) -> T:
    return (clock or VirtualClock()).run(main)


# The stand-in, asked directly


@dataclass
class Api:
    """The shop's Admin API as any client sees it."""

    shop: ShopifyStandIn
    token: str | None = None
    path: str = GRAPHQL

    async def post(self, query: str, variables: Mapping[str, Any] | None = None) -> httpx.Response:
        body = json.dumps({"query": query, "variables": variables or {}}).encode()
        return await self.raw(self.path, body, {"X-Shopify-Access-Token": self.shop.tokens.lasting if self.token is None else self.token})

    async def raw(self, path: str, body: bytes, headers: Mapping[str, str]) -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(self.shop.app), base_url=URL) as client:
            return await client.post(path, content=body, headers=headers)

    async def ask(self, query: str, /, **variables: Any) -> Any:
        """The whole answer."""
        answer = await self.post(query, variables)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def data(self, query: str, /, **variables: Any) -> Any:
        """The data of an answer without errors."""
        answer = await self.ask(query, **variables)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    async def code(self, query: str, /, **variables: Any) -> str:
        """The code of the first top-level error."""
        answer = await self.ask(query, **variables)
        return str(answer["errors"][0]["extensions"]["code"])


def stand_in(clock: Clock, *items: Item, seed: int = 1, **dials: Any) -> ShopifyStandIn:
    """A shop that sells MUG (10) and CUP (5) unless told otherwise, whose search has no lag unless told otherwise."""
    shop = ShopifyStandIn(clock, random.Random(seed), **{"visibility_lag": 0.0, "webhook_delay": 0.0, **dials})
    shop.stock(items or (Item("MUG", 10), Item("CUP", 5)))
    return shop


SCOPES = ("read_products", "read_inventory", "write_inventory", "read_locations", "read_orders")


def health(
    *,
    scopes: tuple[str, ...] = SCOPES,
    served: str = "2026-07",
    domain: str = "example.myshopify.com",
    versions: tuple[str, ...] = ("2026-04", "2026-07"),
) -> HttpResponse:
    """What the shop says of itself and of the app."""
    shop = {"id": "gid://shopify/Shop/7", "name": "Example", "myshopifyDomain": domain, "ianaTimezone": "Europe/Berlin"}
    data: dict[str, Any] = {
        "publicApiVersions": [{"handle": handle, "supported": True} for handle in versions] + [{"handle": "2027-01", "supported": False}],
        "currentAppInstallation": {"accessScopes": [{"handle": scope} for scope in scopes]},
        "shop": {**shop, "plan": {"publicDisplayName": "Basic"}},
    }
    return answer(data, x_shopify_api_version=served)


# The connector


@asynccontextmanager
async def connected(shop: ShopifyStandIn, clock: Clock, /, **settings: Any) -> Any:
    """The connector on the shop, through the shell's own door."""
    table = {name: value for name, value in shop.settings(URL).items() if name != "connector"} | settings
    table = {name: value for name, value in table.items() if value is not None}
    async with shop_http("shop", clock=clock, source=random.Random(2), transport=httpx.ASGITransport(shop.app)) as http:
        yield connector.connect(ShopifySettings.model_validate(table), Context("shop", http, clock))


@dataclass
class Told:
    """A `Budget` that remembers."""

    learned: list[dict[str, float]] = field(default_factory=list)

    def learn(self, *, remaining: float, maximum: float, per_second: float, resets_in: float | None = None, sliding: bool = False) -> None:
        self.learned.append({"remaining": remaining, "maximum": maximum, "per_second": per_second})


@dataclass
class Replay:
    """An `Http` that gives prepared answers in turn and remembers what was asked."""

    answers: list[HttpResponse | Exception]
    told: Told = field(default_factory=Told)
    asked: list[HttpRequest] = field(default_factory=list)
    verbs: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.budget: Budget = self.told

    async def read(self, request: HttpRequest, understand: Callable[[HttpResponse], T]) -> T:
        return self._next("read", request, understand)

    async def write(self, request: HttpRequest, understand: Callable[[HttpResponse], T]) -> T:
        return self._next("write", request, understand)

    def _next(self, verb: str, request: HttpRequest, understand: Callable[[HttpResponse], T]) -> T:
        self.verbs.append(verb)
        self.asked.append(request)
        assert self.answers, f"an answer more than expected: {self.body()}"
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return understand(answer)

    def body(self, index: int = -1) -> Any:
        return json.loads(self.asked[index].body or b"null")

    def variables(self, index: int = -1) -> Any:
        return self.body(index)["variables"]


LOCATION = "gid://shopify/Location/82014863546"
TABLE = {
    "shop": "example.myshopify.com",
    "access_token": "shpat_1",
    "webhook_secrets": ["one", "two"],
    "shop_location": LOCATION,
}


def replayed(*answers: HttpResponse | Exception, clock: Clock | None = None, **settings: Any) -> tuple[Shopify, Replay]:
    """A connector and the door it talks to. settings: None takes a key out."""
    table = {name: value for name, value in {**TABLE, **settings}.items() if value is not None}
    http = Replay(list(answers))
    return connector.connect(ShopifySettings.model_validate(table), Context("shop", http, clock or ManualClock())), http


def answer(
    data: Mapping[str, Any] | None = None,
    *,
    status: int = 200,
    errors: Any = None,
    cost: Mapping[str, Any] | None = None,
    date: str | None = "Thu, 15 Jan 2026 12:00:00 GMT",
    **headers: str,
) -> HttpResponse:
    """An answer of the shop."""
    body: dict[str, Any] = {name: value for name, value in {"data": data, "errors": errors}.items() if value is not None}
    if cost:
        body["extensions"] = {"cost": cost}
    names = {"date": date, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return HttpResponse(status, {name: value for name, value in names.items() if value is not None}, json.dumps(body).encode())


def page(nodes: Sequence[Any], end_cursor: str | None = None) -> dict[str, Any]:
    """A connection; `end_cursor` set: there is more."""
    return {"pageInfo": {"hasNextPage": end_cursor is not None, "endCursor": end_cursor}, "nodes": list(nodes)}


def a_write(number: int, value: int = 3, compare: int = 10, location: str = LOCATION) -> Write:
    shelf = ShelfRef(f"gid://shopify/InventoryItem/{number}", location)
    return Write(f"w{number}", shelf, value, compare=compare, delta=value - compare)


def a_call(*numbers: int, key: str = "0b5f3c1e") -> Call:
    return Call(key, tuple(a_write(number) for number in numbers or (1,)))


def delivery(clock: Clock, headers: Mapping[str, str], body: bytes) -> Delivery:
    return Delivery("shop", {name.lower(): value for name, value in headers.items()}, body, clock.now())


# End to end


def shelf_of(shop: ShopifyStandIn, sku: str) -> ShelfRef:
    return ShelfRef(shop.variant(sku).inventory_item.id, shop.location.id)


def call_of(shop: ShopifyStandIn, key: str, **numbers: tuple[int, int]) -> Call:
    """SKU = (compare, value)."""
    return Call(key, tuple(Write(sku, shelf_of(shop, sku), value, compare, value - compare) for sku, (compare, value) in numbers.items()))


async def all_orders(connector: Shopify, cursor: Cursor | None = None, **more: Any) -> tuple[list[OrderSnapshot], Cursor]:
    found: list[OrderSnapshot] = []
    async for page in connector.orders(cursor or Cursor(), **more):
        assert page.refused == ()
        found.extend(page.items)
    assert page.high_water is not None
    return found, Cursor(high_water=page.high_water)
