"""The API over a ledger on each database, without a daemon around it: requests go straight into the application."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine

from channelsync.engine.store import Store
from channelsync.ledger import tokens
from channelsync.ledger.door import InlineLedger
from channelsync.ledger.tokens import NewToken, Scope
from channelsync.shell.api.app import build
from channelsync.shell.api.bounded import bounded
from channelsync.shell.api.call import Backend
from channelsync.shell.token_text import mint
from support.clock import ManualClock
from support.stock import open_locations

PREFIX = "/api/v1"


@dataclass
class Api:
    """What a program sees of the API. Paths are those below /api/v1."""

    engine: Engine
    clock: ManualClock
    token: str = ""

    def __post_init__(self) -> None:
        ledger = InlineLedger(self.engine, self.clock)
        self.store = Store(ledger, self.clock, random.Random(1), "test")
        self.app = bounded(build(Backend(self.store, None, timedelta(minutes=30))))  # type: ignore[arg-type]
        self.token = self.make_token(*Scope)

    def make_token(self, *scopes: Scope, name: str = "", **more: Any) -> str:
        text, public_id, digest = mint()
        new = NewToken(public_id, name or f"{'-'.join(scopes)} {public_id}", digest, scopes, **more)
        with self.engine.connect() as conn, conn.begin():
            tokens.create(conn, [new], self.clock.now())
        return text

    def ask(self, method: str, path: str, *, token: str | None = None, **more: Any) -> httpx.Response:
        bearer = self.token if token is None else token
        headers = {**({"authorization": f"Bearer {bearer}"} if bearer else {}), **more.pop("headers", {})}

        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://desk.test") as client:
                return await client.request(method, f"{PREFIX}{path}", headers=headers, **more)

        return asyncio.run(send())

    def get(self, path: str, **params: Any) -> Any:
        answer = self.ask("GET", path, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: Any, *, key: str | None = None, status: int = 200) -> Any:
        answer = self.ask("POST", path, json=body, headers={"idempotency-key": key} if key else {})
        assert answer.status_code == status, answer.text
        return answer.json()


@pytest.fixture
def api(engine: Engine, clock: ManualClock) -> Api:
    with engine.connect() as conn, conn.begin():
        open_locations(conn, "main", "annex")
    return Api(engine, clock)
