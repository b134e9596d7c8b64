"""The API over a ledger on each database, without a daemon around it: requests go straight into the application."""

from __future__ import annotations

import asyncio
import copy
import functools
import random
from collections.abc import Iterator
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx
import pytest
from fastapi import FastAPI
from starlette.datastructures import State

from channelsync.config import load
from channelsync.ledger import tokens
from channelsync.ledger.database import open_database
from channelsync.ledger.tokens import NewToken, Scope
from channelsync.registry import Registry
from channelsync.shell.api import importing
from channelsync.shell.api.app import build, serve
from channelsync.shell.api.call import Backend
from channelsync.shell.assemble import Assembly, assembled
from channelsync.shell.desk import Desk
from channelsync.shell.token_text import mint
from channelsync.testing import config_file
from channelsync.testing.standins.base import Item
from channelsync.testing.standins.memory import MemoryStandIn
from support.clock import ManualClock

PREFIX = "/api/v1"


@functools.cache
def _first() -> FastAPI:
    return build()


def _built(backend: Backend) -> FastAPI:
    """With the routes of the first one: the framework works out each route when it is first asked, a tenth of a second for all of them."""
    app = copy.copy(_first())
    app.state = State({"backend": backend, "imports": importing.Imports()})
    return app


class Api:
    """What a program sees of the API. Paths are those below /api/v1. One shop, `shop`, sells what a test puts into it.

    sections: of the config. Without [api] a token may ask as often as it likes: the clock stands still.
    """

    def __init__(self, folder: Path, url: str, clock: ManualClock, **sections: Any) -> None:
        self.clock, self.engine = clock, open_database(url, durable=False)
        self.shop = MemoryStandIn(clock, random.Random(1), name="shop")
        self._runner, self._stack = asyncio.Runner(), AsyncExitStack()
        self.assembly = self._run(self._assemble(folder, url, {"api": {"per_second": 0}} | sections))
        self.store = self.assembly.store
        self.desk = Desk(self.assembly, running=False)
        with patch("channelsync.shell.api.app.build", _built):
            self.app = serve(self.assembly, self.desk)
        self._client = httpx.AsyncClient(transport=httpx.ASGITransport(self.app, raise_app_exceptions=False), base_url="http://desk.test")
        self.token = self.make_token(*Scope)

    async def _assemble(self, folder: Path, url: str, sections: dict[str, Any]) -> Assembly:
        shop = {**self.shop.settings("https://shop.test"), "location": "main", "visibility_lag_seconds": 0.0}
        tables = {
            "store": {"id": "test", "database": url},
            "locations": {"main": {"name": "Main"}, "annex": {"name": "Annex", "priority": 1}},
            "channels": {"shop": shop},
            **sections,
        }
        registry = Registry.installed()
        config = load(config_file.write(folder / "test.toml", tables), registry)
        transports = {"shop": httpx.ASGITransport(self.shop.app)}
        opened = assembled(config, registry, clock=self.clock, source=random.Random(1), inline=True, transports=transports)
        return await self._stack.enter_async_context(opened)

    def _run(self, work: Any) -> Any:
        return self._runner.run(work)

    def close(self) -> None:
        self._run(self._client.aclose())
        self._run(self._stack.aclose())
        self._runner.close()
        self.engine.dispose()

    def make_token(self, *scopes: Scope, name: str = "", **more: Any) -> str:
        text, public_id, digest = mint()
        new = NewToken(public_id, name or f"{'-'.join(scopes)} {public_id}", digest, scopes, **more)
        with self.engine.connect() as conn, conn.begin():
            tokens.create(conn, [new], self.clock.now())
        return text

    def send(self, method: str, url: str, **more: Any) -> httpx.Response:
        """A request as it stands, from the root of the listener."""
        answer: httpx.Response = self._run(self._client.request(method, url, **more))
        return answer

    def ask(self, method: str, path: str, *, token: str | None = None, **more: Any) -> httpx.Response:
        bearer = self.token if token is None else token
        headers = {**({"authorization": f"Bearer {bearer}"} if bearer else {}), **more.pop("headers", {})}
        return self.send(method, f"{PREFIX}{path}", headers=headers, **more)

    def get(self, path: str, **params: Any) -> Any:
        answer = self.ask("GET", path, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: Any, *, key: str | None = None, status: int = 200) -> Any:
        answer = self.ask("POST", path, json=body, headers={"idempotency-key": key} if key else {})
        assert answer.status_code == status, answer.text
        return answer.json()

    def open_shop(self, **units: int) -> None:
        """The shop sells these, the ledger has as many of each at main, and the first plan is applied."""
        self.shop.stock([Item(sku, number) for sku, number in units.items()])
        for sku, number in units.items():
            self.post("/inventory", {"sku": sku, "location": "main", "quantity": number})
        self.post("/plan/apply", {})


@pytest.fixture
def api(database_url: str, clock: ManualClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    monkeypatch.setattr("channelsync.shell.assemble.open_database", partial(open_database, durable=False))
    made = Api(tmp_path, database_url, clock)
    yield made
    made.close()
