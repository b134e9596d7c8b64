"""How often a token may ask: a burst, then so many a second; each token for itself, and never by the hand of a stranger."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.conftest import Api
from channelsync.config.models import ApiConfig
from channelsync.ledger.database import open_database
from channelsync.ledger.tokens import Scope, Token
from channelsync.shell.api.problems import Problem
from channelsync.shell.api.rates import Rates
from support.clock import ManualClock

Limited = Callable[..., Api]


@pytest.fixture
def limited(database_url: str, clock: ManualClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Limited]:
    """Makes the API with this [api] in its config."""
    monkeypatch.setattr("channelsync.shell.assemble.open_database", partial(open_database, durable=False))
    made: list[Api] = []

    def make(**said: Any) -> Api:
        made.append(Api(tmp_path, database_url, clock, api=said))
        return made[-1]

    yield make
    for api in made:
        api.close()


def ask(api: Api, count: int = 1, token: str | None = None) -> list[int]:
    return [api.ask("GET", "/inventory/low-stock", token=token).status_code for _ in range(count)]


def test_a_token_that_asks_too_often_is_told_when_to_come_again(limited: Limited) -> None:
    api = limited(per_second=0.5, burst=3)
    assert ask(api, 4) == [200, 200, 200, 429]
    body = {"sku": "MUG", "location": "main", "quantity": 5}
    refused = api.ask("POST", "/inventory", json=body, headers={"idempotency-key": "k"})
    told = refused.json()
    assert (refused.status_code, told["code"], told["title"]) == (429, "rate_limited", "Too Many Requests")
    assert refused.headers["content-type"] == "application/problem+json"
    assert "0.5 requests a second, and 3 after a pause" in told["detail"]
    api.clock.advance(float(refused.headers["retry-after"]))
    assert api.post("/inventory", body, key="k")["repeat"] is False, "nothing was done before, and whoever waits as told is let in"
    assert ask(api) == [429]
    api.clock.advance(60.0)
    assert ask(api, 4) == [200, 200, 200, 429], "an idle token has its burst again, and not more"


def test_each_token_has_its_own_turn(limited: Limited) -> None:
    api = limited(per_second=1.0, burst=2)
    other = api.make_token(Scope.READ)
    assert ask(api, 3) == [200, 200, 429]
    assert ask(api, 3, other) == [200, 200, 429]


def test_what_a_token_may_not_do_counts_too(limited: Limited) -> None:
    api = limited(per_second=1.0, burst=2)
    reader = api.make_token(Scope.READ)
    seen = [api.ask("POST", "/freeze", token=reader, json={"sku": "A"}).status_code for _ in range(3)]
    assert seen == [403, 403, 429]


def test_strangers_use_up_nobodys_turn(limited: Limited) -> None:
    """Who knows a token's id and not its secret is no token."""
    api = limited(per_second=1.0, burst=2)
    public_id = api.token.split("_")[1]
    assert ask(api, 20, f"cs_{public_id}_wrong") == [401] * 20
    assert ask(api, 3) == [200, 200, 429]


def test_a_batch_is_one_request(limited: Limited) -> None:
    api = limited(per_second=1.0, burst=2)
    lines = [{"sku": f"S{number}", "location": "main", "quantity": 1} for number in range(50)]
    assert api.post("/inventory/batch", {"lines": lines})["results"][49]["done"]["on_hand"] == 1
    assert ask(api, 2) == [200, 429]


def test_many_at_once_get_no_more_than_the_burst(limited: Limited) -> None:
    api = limited(per_second=1.0, burst=5)

    async def together() -> list[int]:
        transport = httpx.ASGITransport(api.app)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://desk.test", headers={"authorization": f"Bearer {api.token}"}
        ) as c:
            return [answer.status_code for answer in await asyncio.gather(*(c.get("/api/v1/inventory/low-stock") for _ in range(20)))]

    assert sorted(api._run(together())) == [200] * 5 + [429] * 15


def test_nothing_is_counted_where_it_is_switched_off(limited: Limited) -> None:
    assert set(ask(limited(per_second=0), ApiConfig().burst + 5)) == {200}


def test_the_default_is_generous(limited: Limited) -> None:
    api = limited()
    assert ask(api, 201) == [200] * 200 + [429]
    api.clock.advance(1.0)
    assert ask(api, 101) == [200] * 100 + [429]


def token(number: int) -> Token:
    now = datetime(2026, 1, 15, tzinfo=UTC)
    return Token(f"{number:08}", f"t{number}", (Scope.READ,), now, "", None, None, None, "active")


def test_however_many_tokens_there_are_memory_is_bounded(clock: ManualClock) -> None:
    async def story() -> None:
        rates = Rates(clock, 1.0, 1, tokens_max=10)
        for number in range(100):
            await rates.take(token(number))
        assert len(rates) == 10
        for number in range(90, 100):
            with pytest.raises(Problem, match="may make 1 requests a second"):
                await rates.take(token(number))
        await rates.take(token(0))
        assert len(rates) == 10

    asyncio.run(story())
