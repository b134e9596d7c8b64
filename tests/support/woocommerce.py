"""A WooCommerce stand-in behind a real door in process, its captures, and a server for scripts that need a socket."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
import uvicorn

from channelsync.clock import Clock
from channelsync.contract import Budget, Context, Http, HttpRequest, HttpResponse
from channelsync.shell.http import shop_http
from channelsync.testing.standins.woocommerce import WooCommerceStandIn
from channelsync_woocommerce import WooCommerceConnector, connector

T = TypeVar("T")

SHARED = Path(__file__).resolve().parents[3] / "shared"


def shared(path: str) -> Path:
    """A file or folder of the reference material beside the project; skips the test when it is not there."""
    found = SHARED / path
    if not found.exists():
        pytest.skip(f"no reference material at {path}")
    return found


def shop(clock: Clock, seed: int = 1, **dials: Any) -> WooCommerceStandIn:
    return WooCommerceStandIn(clock, random.Random(seed), **dials)


@contextmanager
def served(app: Any) -> Iterator[str]:
    """The app on a free port of this machine, in a thread. The shop's own Date header stands, so uvicorn's is off."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", date_header=False, lifespan="off", ws="none"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 10
    while not server.started:
        assert time.monotonic() < deadline, "the server did not start"
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)


class NoBudget:
    def learn(self, *, remaining: float, maximum: float, per_second: float, resets_in: float | None = None, sliding: bool = False) -> None:
        """WooCommerce tells no budget."""


class ScriptedHttp:
    """A door that gives the prepared answers, in order, and keeps the requests. An exception among them is raised instead."""

    def __init__(self, *answers: HttpResponse | Exception) -> None:
        self.budget: Budget = NoBudget()
        self.answers = list(answers)
        self.requests: list[HttpRequest] = []

    async def read(self, request: HttpRequest, understand: Callable[[HttpResponse], T]) -> T:
        self.requests.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return understand(answer)

    write = read


def answer(body: Any, status: int = 200, **headers: str) -> HttpResponse:
    """A JSON answer; bytes are sent as they are, as HTML. Header names: `retry_after` for retry-after."""
    kind = "text/html" if isinstance(body, bytes) else "application/json; charset=UTF-8"
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return HttpResponse(status, {"content-type": kind, "date": "Sat, 21 Nov 2026 01:00:00 GMT", **named}, content)


def connected(http: Http, clock: Clock, **settings: Any) -> WooCommerceConnector:
    keys = {"url": "https://shop.test", "consumer_key": "ck_1", "consumer_secret": "cs_1", "webhook_secrets": ["s3cret"]}
    return connector.connect(connector.settings.model_validate(keys | settings), Context("woo", http, clock))


@asynccontextmanager
async def connection(standin: WooCommerceStandIn, clock: Clock, **settings: Any) -> AsyncIterator[WooCommerceConnector]:
    """A connector that talks to the stand-in in process, through the real door."""
    transport = httpx.ASGITransport(standin.app)
    async with shop_http("woo", clock=clock, source=random.Random(1), transport=transport) as http:
        table = {key: value for key, value in standin.settings("https://shop.test").items() if key != "connector"}
        yield connector.connect(connector.settings.model_validate(table | settings), Context("woo", http, clock))
