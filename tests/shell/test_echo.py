"""What a shop says back of our own credentials goes no further than the door."""

from __future__ import annotations

import base64
import random
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from channelsync.contract.http import HttpRequest, HttpResponse
from channelsync.shell.http import shop_http
from channelsync.shell.redact import MASK, Redactor
from channelsync.testing.virtual_clock import VirtualClock

TOKEN, OTHER = "canary-token-1/+=", "canary-webhook-secret"
PAIR = base64.b64encode(b"ck_canary_key:cs_canary_secret").decode()


def _answered(
    request: HttpRequest, answer: Callable[[httpx.Request], httpx.Response], understand: Callable[[HttpResponse], Any], redactor: Redactor
) -> Any:
    clock = VirtualClock()

    async def main() -> Any:
        transport = httpx.MockTransport(answer)
        async with shop_http("shop", clock=clock, source=random.Random(1), transport=transport, redactor=redactor) as http:
            return await http.write(request, understand)

    return clock.run(main())


def _echo(request: httpx.Request) -> httpx.Response:
    """As a debug page does, and as a redirect that keeps the query."""
    told = f"{request.url} {request.content.decode()} {dict(request.headers)} {base64.b64decode(PAIR).decode()}"
    return httpx.Response(302, headers={"location": str(request.url), "content-type": "text/html"}, content=told.encode())


REQUESTS = {
    "a bearer token": HttpRequest("GET", "https://shop.example/", {"authorization": f"Bearer {TOKEN}"}),
    "a token in a header of its own": HttpRequest("GET", "https://shop.example/", {"x-shopify-access-token": TOKEN}),
    "a pair": HttpRequest("GET", "https://shop.example/", {"authorization": f"Basic {PAIR}"}),
    "a form": HttpRequest(
        "POST",
        "https://shop.example/",
        {"content-type": "application/x-www-form-urlencoded"},
        body=urlencode({"client_secret": TOKEN}).encode(),
    ),
    "the query": HttpRequest("GET", "https://shop.example/", params={"consumer_key": "ck_canary_key", "consumer_secret": TOKEN}),
}


@pytest.mark.parametrize("way", REQUESTS)
def test_an_answer_is_cleaned_of_the_calls_own_credentials(way: str) -> None:
    request = REQUESTS[way]
    response: HttpResponse = _answered(request, _echo, lambda response: response, Redactor(["ck_canary_key"]))
    told = f"{response.headers} {response.body.decode()}"
    assert MASK in told
    assert "shop.example" in told
    secrets = [TOKEN, "canary-token-1%2F%2B%3D"] if way != "a pair" else [PAIR, "cs_canary_secret", "ck_canary_key"]
    assert not [secret for secret in secrets if secret in told]


@pytest.mark.parametrize("said", ["canary-token-1\\/+=", "canary-token-1%2F%2B%3D", "canary-token-1/+="])
def test_each_way_of_writing_it_is_found(said: str) -> None:
    """PHP puts a backslash before each slash in JSON."""
    request = REQUESTS["a bearer token"]
    assert _answered(request, lambda _: httpx.Response(200, content=said.encode()), lambda response: response, Redactor()).body == b"***"


def test_an_answer_that_repeats_nothing_is_handed_on_as_it_came() -> None:
    body = b'{"webhook": "' + OTHER.encode() + b'"}'
    kept = Redactor([OTHER])
    response = _answered(REQUESTS["a bearer token"], lambda _: httpx.Response(200, content=body), lambda response: response, kept)
    assert response.body == body, "shops show our webhook secret where it is set, and the connector compares it"


def test_a_login_name_that_is_no_secret_stays() -> None:
    """A shop says who we are by it."""
    pair = base64.b64encode(b"robot@account:canary-password").decode()
    request = HttpRequest("GET", "https://shop.example/", {"authorization": f"Basic {pair}"})
    said = b"robot@account canary-password"
    assert (
        _answered(request, lambda _: httpx.Response(200, content=said), lambda response: response, Redactor()).body == b"robot@account ***"
    )


def test_a_page_mark_is_no_secret() -> None:
    request = HttpRequest("GET", "https://shop.example/", params={"page_token": "canary-page-2"})
    answer = _answered(request, lambda _: httpx.Response(200, content=b"canary-page-2"), lambda response: response, Redactor())
    assert answer.body == b"canary-page-2"


def test_a_granted_token_is_a_secret_from_its_first_use() -> None:
    redactor = Redactor()
    _answered(REQUESTS["a token in a header of its own"], lambda _: httpx.Response(200), lambda response: response, redactor)
    assert TOKEN not in redactor.text(f"crashed with {TOKEN}")
