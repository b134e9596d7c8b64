"""A storefront on the API: the last unit, a cart that changes, flash sales, and what may be sold beyond what is there."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from datetime import timedelta

import httpx
from sqlalchemy import Engine

from api.conftest import PREFIX, Api
from channelsync.clock import SystemClock
from channelsync.engine.store import Store
from channelsync.ledger.audit import audit
from channelsync.ledger.door import Ledger
from channelsync.shell.api.app import build
from channelsync.shell.api.bounded import bounded
from channelsync.shell.api.call import Backend
from channelsync.shell.serve import serving
from support.stock import assert_adds_up

CLIENTS = 16


def put(api: Api, sku: str, units: int) -> None:
    api.post("/inventory", {"sku": sku, "location": "main", "quantity": units})


def line(quantity: int, sku: str = "MUG") -> list[dict[str, object]]:
    return [{"sku": sku, "location": "main", "quantity": quantity}]


def test_of_sixteen_clients_one_gets_the_last_unit(api: Api, engine: Engine) -> None:
    """Real HTTP, one connection each, two daemons on one database where that is PostgreSQL; five units, one after the other."""
    skus = [f"SKU-{number}" for number in range(5)]
    for sku in skus:
        put(api, sku, 1)
    nodes = 2 if engine.dialect.name == "postgresql" else 1

    async def race() -> dict[str, Counter[int]]:
        ledgers = [Ledger(engine, SystemClock()) for _ in range(nodes)]
        statuses: dict[str, Counter[int]] = {}
        for ledger in ledgers:
            await ledger.start()
        stores = [Store(ledger, SystemClock(), random.Random(1), "test") for ledger in ledgers]
        apps = [bounded(build(Backend(store, None, timedelta(minutes=30)))) for store in stores]  # type: ignore[arg-type]
        try:
            async with (
                serving(apps[0], "127.0.0.1", 0, stop_seconds=1) as first,
                serving(apps[-1], "127.0.0.1", 0, stop_seconds=1) as second,
            ):
                clients = [httpx.AsyncClient(base_url=(first, second)[number % 2].url, timeout=30) for number in range(CLIENTS)]
                for sku in skus:
                    asked = [
                        client.post(
                            f"{PREFIX}/inventory/reserve",
                            json={"reference": f"cart-{number}", "lines": line(1, sku)},
                            headers={"authorization": f"Bearer {api.token}"},
                        )
                        for number, client in enumerate(clients)
                    ]
                    statuses[sku] = Counter(answer.status_code for answer in await asyncio.gather(*asked))
                for client in clients:
                    await client.aclose()
        finally:
            for ledger in ledgers:
                await ledger.close()
        return statuses

    assert asyncio.run(race()) == {sku: Counter({200: 1, 409: CLIENTS - 1}) for sku in skus}
    with engine.connect() as conn:
        assert_adds_up(conn)
        assert audit(conn) == []


def test_a_cart_that_changes(api: Api) -> None:
    put(api, "MUG", 3)
    body = {"reference": "cart-1", "sku": "MUG", "location": "main", "quantity": 2}
    made = api.post("/inventory/change", body, key="c1")
    assert (made["quantity"], made["change"], made["repeat"]) == (2, 2, False)
    assert api.post("/inventory/change", body, key="c1")["repeat"]
    refused = api.post("/inventory/change", {**body, "quantity": 4}, status=409)
    assert (refused["code"], refused["wanted"], refused["available"]) == ("insufficient_stock", 2, 1)
    assert api.post("/inventory/change", {**body, "quantity": 1})["change"] == -1
    assert api.get("/inventory/skus/MUG")["available"] == 2
    assert api.post("/inventory/change", {**body, "quantity": 0})["expires_at"] is None
    assert api.get("/inventory/skus/MUG")["available"] == 3
    assert api.post("/inventory/change", {**body, "quantity": -1}, status=422)["code"] == "malformed"


def test_everybody_gets_two(api: Api) -> None:
    put(api, "MUG", 9)
    policy = api.ask("PUT", "/inventory/skus/MUG/policy", json={"per_reference": 2})
    assert (policy.status_code, policy.json()["per_reference"], policy.json()["backorder"]) == (200, 2, "deny")
    assert api.ask("PUT", "/inventory/skus/MUG/policy", json={"release_delay": 60}).status_code == 422
    assert (
        api.ask("PUT", "/inventory/skus/MUG/policy", json={"backorder": "allow", "per_reference": 2, "release_delay": 60}).status_code
        == 200
    )
    assert api.ask("GET", "/inventory/skus/MUG").json()["release_delay"] == 60
    api.post("/inventory/reserve", {"reference": "cart-1", "lines": line(1)})
    told = api.post("/inventory/reserve", {"reference": "cart-1", "lines": line(2)}, status=409)
    assert (told["code"], told["sku"], told["wanted"], told["limit"], told["held"]) == ("over_purchase_limit", "MUG", 2, 2, 1)
    api.post("/inventory/reserve", {"reference": "cart-2", "lines": line(2)})
    change = {"reference": "cart-1", "sku": "MUG", "location": "main", "quantity": 3}
    assert api.post("/inventory/change", change, status=409)["code"] == "over_purchase_limit"


def test_a_policy_is_whole_and_is_read_back_with_the_sku(api: Api) -> None:
    put(api, "MUG", 0)
    before = api.ask("GET", "/inventory/skus/MUG")
    asked = {"backorder": "preorder", "limit": 2, "date": "2026-12-24", "text": "before Christmas"}
    assert api.ask("PUT", "/inventory/skus/MUG/policy", json=asked, headers={"idempotency-key": "p1"}).json()["date"] == "2026-12-24"
    changed = api.ask("GET", "/inventory/skus/MUG", headers={"if-none-match": before.headers["etag"]})
    assert changed.status_code == 200, "a policy makes no movement, and changes the answer all the same"
    sku = changed.json()
    assert (sku["backorder"], sku["backorder_limit"], sku["expected_on"], sku["expected_text"]) == (
        "preorder",
        2,
        "2026-12-24",
        asked["text"],
    )
    api.post("/inventory/reserve", {"reference": "cart-1", "lines": line(2)})
    assert api.post("/inventory/reserve", {"reference": "cart-2", "lines": line(1)}, status=409)["code"] == "insufficient_stock"
    api.ask("PUT", "/inventory/skus/MUG/policy", json={})
    sku = api.get("/inventory/skus/MUG")
    assert (sku["backorder"], sku["backorder_limit"], sku["expected_on"], sku["expected_text"]) == ("deny", None, None, "")
    assert api.ask("PUT", "/inventory/skus/NONE/policy", json={}).json()["code"] == "unknown_sku"
    assert api.ask("PUT", "/inventory/skus/MUG/policy", json={"text": "soon"}).json()["code"] == "not_allowed"
    assert api.ask("PUT", "/inventory/skus/MUG/policy", json={"backorder": "maybe"}).json()["code"] == "malformed"
