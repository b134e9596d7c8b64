"""What a shop bans for is not sent, whatever the connector asks for."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from channelsync.contract import Guardrail, HttpRequest, HttpResponse
from channelsync.errors import NotReached, RateLimited
from channelsync.shell.guard import HeldBack
from channelsync.shell.http import ShopHttp, shop_http
from channelsync.testing.virtual_clock import VirtualClock


class Shop:
    """Answers every request with `status`, after `seconds`."""

    def __init__(self, clock: VirtualClock, status: int = 200, seconds: float = 0.0) -> None:
        self.clock, self.status, self.seconds = clock, status, seconds
        self.seen: list[str] = []
        self.running = self.most = 0

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(f"{request.method} {request.url.path}")
        self.running += 1
        self.most = max(self.most, self.running)
        await self.clock.sleep(self.seconds)
        self.running -= 1
        return httpx.Response(self.status, content=b"{}", headers={"retry-after": "0"})


def understand(response: HttpResponse) -> int:
    return response.status


@asynccontextmanager
async def door(clock: VirtualClock, shop: Shop, rail: Guardrail) -> AsyncIterator[ShopHttp]:
    async with shop_http("shop", clock=clock, source=random.Random(1), transport=httpx.MockTransport(shop)) as http:
        http.bucket.learn(remaining=1000, maximum=1000, per_second=1000)
        http.bucket.guard(rail)
        yield http


def request(path: str = "/a", method: str = "GET", body: bytes | None = None, entity: str = "") -> HttpRequest:
    return HttpRequest(method, f"https://shop.test{path}", body=body, entity=entity)


def test_equal_failing_requests_stop_and_others_go_on() -> None:
    clock = VirtualClock()
    shop = Shop(clock, status=404)

    async def story() -> None:
        async with door(clock, shop, Guardrail(identical_errors=5)) as http:
            for _ in range(5):
                assert await http.read(request(), understand) == 404
            with pytest.raises(HeldBack) as held:
                await http.read(request(), understand)
            assert 0 < (held.value.retry_after or 0) <= 60
            assert await http.read(request("/b"), understand) == 404
            assert await http.write(request(method="POST", body=b"1"), understand) == 404
            await clock.sleep(61)
            assert await http.read(request(), understand) == 404

    clock.run(story())
    assert shop.seen.count("GET /a") == 6, "the one that was held back was neither sent nor repeated"


def test_refusals_stop_everything_for_a_while() -> None:
    clock = VirtualClock()
    shop = Shop(clock, status=429)

    async def story() -> None:
        async with door(clock, shop, Guardrail(refusals=3)) as http:
            for place in range(3):
                with pytest.raises(RateLimited):
                    await http.write(request(f"/{place}", "POST"), understand)
            with pytest.raises(HeldBack):
                await http.write(request("/other", "POST"), understand)

    clock.run(story())
    assert len(shop.seen) == 3


def test_writes_to_one_thing_are_counted_together() -> None:
    clock = VirtualClock()
    shop = Shop(clock)

    async def story() -> None:
        async with door(clock, shop, Guardrail(writes_per_entity=3)) as http:
            for place in range(3):
                await http.write(request(f"/order/1/positions/{place}", "PUT", entity="order/1"), understand)
            with pytest.raises(HeldBack):
                await http.write(request("/order/1/positions/9", "PUT", entity="order/1"), understand)
            await http.write(request("/order/2", "PUT", entity="order/2"), understand)
            await http.write(request("/order/1/positions", "POST", entity="order/1"), understand)

    clock.run(story())
    assert "PUT /order/1/positions/9" not in shop.seen


def test_only_so_many_calls_are_under_way() -> None:
    clock = VirtualClock()
    shop = Shop(clock, seconds=1.0)

    async def story() -> None:
        async with door(clock, shop, Guardrail(in_flight=4)) as http:
            await asyncio.gather(*(http.read(request(f"/{place}"), understand) for place in range(12)))

    clock.run(story())
    assert (len(shop.seen), shop.most) == (12, 4)


def test_without_a_rail_nothing_is_held_back() -> None:
    clock = VirtualClock()
    shop = Shop(clock, status=404)

    async def story() -> None:
        async with door(clock, shop, Guardrail()) as http:
            for _ in range(300):
                await http.read(request(), understand)

    clock.run(story())
    assert len(shop.seen) == 300


def test_a_shop_that_says_its_pause_in_its_own_way_is_understood() -> None:
    clock = VirtualClock()
    shop = Shop(clock, status=429)

    async def story() -> None:
        async with door(clock, shop, Guardrail()) as http:
            asked = HttpRequest("POST", "https://shop.test/", refusal=lambda response: 7.5)
            with pytest.raises(RateLimited) as refused:
                await http.write(asked, understand)
            assert refused.value.retry_after == 7.5
            silent = HttpRequest("POST", "https://shop.test/", refusal=lambda response: None)
            await clock.sleep(10)
            with pytest.raises(RateLimited) as refused:
                await http.write(silent, understand)
            assert refused.value.retry_after == 0.0, "the usual header tells where its own one does not"

    clock.run(story())


def test_a_call_that_never_left_is_no_error_of_the_shop() -> None:
    clock = VirtualClock()

    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no route")

    async def story() -> None:
        async with shop_http("shop", clock=clock, source=random.Random(1), transport=httpx.MockTransport(refuse)) as http:
            http.bucket.guard(Guardrail(identical_errors=1))
            for _ in range(3):
                with pytest.raises(NotReached):
                    await http.write(request(), understand)

    clock.run(story())
