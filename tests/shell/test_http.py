"""The door against small ASGI shops in virtual time."""

from __future__ import annotations

import gzip
import os
import random
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest

from channelsync.contract.http import Http, HttpRequest, HttpResponse
from channelsync.engine.leasing import may_leave
from channelsync.errors import Misunderstood, NotReached, RateLimited, Unavailable
from channelsync.shell.circuit import CircuitOpen
from channelsync.shell.http import ShopHttp, shop_http
from channelsync.shell.http_client import BODY_MAX, USER_AGENT
from channelsync.shell.limiter import OverBudget
from channelsync.testing.virtual_clock import VirtualClock

Handler = Callable[[httpx.Request], httpx.Response | Awaitable[httpx.Response]]
REQUEST = HttpRequest("GET", "https://shop.example/orders?consumer_secret=canary")


def _through(handler: Any, use: Callable[[ShopHttp, VirtualClock], Awaitable[Any]]) -> Any:
    clock = VirtualClock()

    async def main() -> Any:
        async with shop_http("shop", clock=clock, source=random.Random(1), transport=httpx.MockTransport(handler)) as http:
            return await use(http, clock)

    return clock.run(main())


def _text(response: HttpResponse) -> str:
    return response.body.decode()


class Script:
    """Answers with the given responses (or raises the given errors) one after the other; the last one stays."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.seen: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_a_request_goes_out_as_it_was_given_and_the_answer_comes_back() -> None:
    shop = Script(httpx.Response(201, headers={"X-Seen": "Yes"}, content=b"hello"))

    async def use(http: ShopHttp, clock: VirtualClock) -> HttpResponse:
        door: Http = http
        request = HttpRequest("POST", "https://shop.example/x", {"X-Key": "k"}, {"a": "1 2"}, b"{}")
        return await door.write(request, lambda response: response)

    response = _through(shop, use)
    assert (response.status, response.headers["x-seen"], response.body) == (201, "Yes", b"hello")
    sent = shop.seen[0]
    assert (sent.method, str(sent.url), sent.content, sent.headers["x-key"]) == ("POST", "https://shop.example/x?a=1+2", b"{}", "k")
    assert (sent.headers["user-agent"], sent.headers["accept-encoding"]) == (USER_AGENT, "gzip")


def test_a_query_in_the_url_survives() -> None:
    shop = Script(httpx.Response(200))
    _through(shop, lambda http, clock: http.read(REQUEST, _text))
    assert str(shop.seen[0].url).endswith("?consumer_secret=canary")


def test_redirects_are_answers_and_cookies_are_forgotten() -> None:
    shop = Script(httpx.Response(302, headers={"location": "https://elsewhere.example/", "set-cookie": "a=b; Domain=shop.example"}))

    async def use(http: ShopHttp, clock: VirtualClock) -> list[int]:
        return [await http.read(REQUEST, lambda response: response.status) for _ in range(2)]

    assert _through(shop, use) == [302, 302]
    assert len(shop.seen) == 2
    assert "cookie" not in shop.seen[1].headers


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (httpx.ConnectError("refused"), NotReached),
        (httpx.ConnectTimeout("slow"), NotReached),
        (httpx.ReadTimeout("slow"), Unavailable),
        (httpx.ReadError("reset"), Unavailable),
        (httpx.WriteError("reset"), Unavailable),
        (httpx.RemoteProtocolError("closed"), Unavailable),
    ],
)
def test_transport_errors_say_whether_the_request_can_have_had_an_effect(raised: Exception, expected: type[Exception]) -> None:
    shop = Script(raised)

    async def use(http: ShopHttp, clock: VirtualClock) -> None:
        with pytest.raises(Unavailable) as error:
            await http.write(REQUEST, _text)
        assert type(error.value) is expected
        assert "canary" not in str(error.value)
        assert "shop.example/orders" in str(error.value)

    _through(shop, use)
    assert len(shop.seen) == 1, "a write has exactly one try"


def test_an_impossible_address_is_not_reached() -> None:
    async def use(http: ShopHttp, clock: VirtualClock) -> None:
        with pytest.raises(NotReached, match="address"):
            await http.write(HttpRequest("GET", "https://shop.example:port/"), _text)

    _through(Script(httpx.Response(200)), use)


def test_a_shop_that_drips_is_cut_off_by_the_whole_calls_deadline() -> None:
    clock = VirtualClock()

    class Drip(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            while True:
                await clock.sleep(5)
                yield b"."

    async def main() -> None:
        transport = httpx.MockTransport(lambda request: httpx.Response(200, stream=Drip()))
        async with shop_http("shop", clock=clock, source=random.Random(1), transport=transport, timeout=30) as http:
            with pytest.raises(Unavailable, match="within 30 s") as error:
                await http.write(REQUEST, _text)
            assert not isinstance(error.value, NotReached)
            assert clock.monotonic() == 30

    clock.run(main())


def test_reads_are_repeated_and_writes_are_not() -> None:
    def down(response: HttpResponse) -> str:
        if response.status == 502:
            raise Unavailable("502")
        return _text(response)

    reading = Script(httpx.Response(502), httpx.Response(502), httpx.Response(200, content=b"ok"))
    assert _through(reading, lambda http, clock: http.read(REQUEST, down)) == "ok"
    assert len(reading.seen) == 3

    async def write(http: ShopHttp, clock: VirtualClock) -> None:
        with pytest.raises(Unavailable):
            await http.write(REQUEST, down)

    writing = Script(httpx.Response(502))
    _through(writing, write)
    assert len(writing.seen) == 1


@pytest.mark.parametrize(("header", "seconds"), [("7", 7.0), ("2.0", 2.0), ("Thu, 01 Jan 2026 00:00:09 GMT", 9.0)])
def test_429_waits_as_long_as_the_shop_says(header: str, seconds: float) -> None:
    shop = Script(httpx.Response(429, headers={"Retry-After": header}), httpx.Response(200, content=b"ok"))

    async def use(http: ShopHttp, clock: VirtualClock) -> float:
        assert await http.read(REQUEST, _text) == "ok"
        return clock.monotonic()

    assert _through(shop, use) == pytest.approx(seconds, abs=1e-3)


def test_429_on_a_write_is_told_and_closes_the_door_for_the_next() -> None:
    shop = Script(httpx.Response(429, headers={"Retry-After": "100"}))

    async def use(http: ShopHttp, clock: VirtualClock) -> None:
        with pytest.raises(RateLimited) as error:
            await http.write(REQUEST, _text)
        assert error.value.retry_after == 100
        with pytest.raises(OverBudget):
            await http.write(REQUEST, _text)

    _through(shop, use)
    assert len(shop.seen) == 1


def test_a_refusal_found_in_the_body_closes_the_door_too() -> None:
    shop = Script(httpx.Response(200, content=b"THROTTLED"))

    def understand(response: HttpResponse) -> str:
        raise RateLimited("throttled", retry_after=50)

    async def use(http: ShopHttp, clock: VirtualClock) -> None:
        with pytest.raises(RateLimited):
            await http.write(REQUEST, understand)
        with pytest.raises(OverBudget):
            await http.write(REQUEST, understand)

    _through(shop, use)


def test_what_understand_learns_steers_the_next_call() -> None:
    shop = Script(httpx.Response(200))

    async def use(http: ShopHttp, clock: VirtualClock) -> float:
        await http.write(REQUEST, lambda response: http.budget.learn(remaining=0, maximum=100, per_second=50))
        await http.write(HttpRequest("GET", "https://shop.example/", cost=100), _text)
        return clock.monotonic()

    assert _through(shop, use) == pytest.approx(2.0, abs=1e-3)


def test_an_outage_stops_the_calls_before_they_leave() -> None:
    shop = Script(httpx.ReadTimeout("slow"))

    async def use(http: ShopHttp, clock: VirtualClock) -> None:
        for _ in range(5):
            with pytest.raises(Unavailable):
                await http.write(REQUEST, _text)
        with pytest.raises(CircuitOpen):
            await http.write(REQUEST, _text)
        with pytest.raises(CircuitOpen):
            await http.read(REQUEST, _text)

    _through(shop, use)
    assert len(shop.seen) == 5


class Chunks(httpx.AsyncByteStream):
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.given = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self.data), 65536):
            self.given += 1
            yield self.data[start : start + 65536]


def _body(data: bytes, encoding: str | None = None) -> tuple[bytes | Exception, Chunks]:
    stream = Chunks(data)
    headers = {"content-encoding": encoding} if encoding else {}

    async def use(http: ShopHttp, clock: VirtualClock) -> bytes | Exception:
        try:
            return await http.write(REQUEST, lambda response: response.body)
        except Misunderstood as error:
            return error

    return _through(Script(httpx.Response(200, headers=headers, stream=stream)), use), stream


def test_bodies_up_to_the_limit_are_taken_plain_and_gzipped() -> None:
    data = os.urandom(1024) * (BODY_MAX // 1024)
    assert _body(data)[0] == data
    assert _body(gzip.compress(data, 1, mtime=0), "gzip")[0] == data
    assert _body(b"", "gzip")[0] == b""


def test_a_larger_body_is_not_even_read_to_its_end() -> None:
    result, stream = _body(b"x" * (5 * BODY_MAX))
    assert isinstance(result, Misunderstood)
    assert "larger than" in str(result)
    assert stream.given * 65536 <= BODY_MAX + 2 * 65536


def test_a_gzip_bomb_costs_no_more_than_the_limit() -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    bomb = b"".join([*(packer.compress(bytes(1024 * 1024)) for _ in range(64)), packer.flush()])
    assert len(bomb) < 100_000
    assert "larger than" in str(_body(bomb, "gzip")[0])


@pytest.mark.parametrize(
    ("data", "encoding", "why"),
    [
        (gzip.compress(b"x" * 1000, mtime=0)[:-12], "gzip", "ends in the middle"),
        (gzip.compress(b"x", mtime=0)[:8], "gzip", "ends in the middle"),
        (b"plain", "gzip", "decompressed"),
        (b"plain", "br", "Content-Encoding"),
    ],
)
def test_a_body_that_is_not_what_it_says_is_misunderstood(data: bytes, encoding: str, why: str) -> None:
    result = _body(data, encoding)[0]
    assert isinstance(result, Misunderstood)
    assert why in str(result)


def test_a_write_whose_right_ends_before_it_leaves_is_not_sent() -> None:
    shop = Script(httpx.Response(200))

    async def use(http: ShopHttp, clock: VirtualClock) -> None:
        before = may_leave.set(lambda: clock.monotonic() < 10)
        try:
            await http.write(REQUEST, _text)
            await clock.sleep(10)
            with pytest.raises(NotReached, match="about to end"):
                await http.write(REQUEST, _text)
            await http.read(REQUEST, _text)
        finally:
            may_leave.reset(before)

    _through(shop, use)
    assert len(shop.seen) == 2, "one write, and the reading, which needs no right"
