"""What the memory connector does with answers the kit cannot make: one odd order among good ones, other people's marks, several secrets."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import pytest
from pydantic import ValidationError

from channelsync.contract import (
    Budget,
    Call,
    Context,
    Cursor,
    Delivery,
    HttpRequest,
    HttpResponse,
    Ignored,
    OrderSnapshot,
    Outcome,
    ShelfHint,
    ShelfRef,
    Write,
)
from channelsync.errors import BadDelivery, Misunderstood
from channelsync_memory import MemoryConnector, Settings
from support.clock import ManualClock

T = TypeVar("T")

NOW = "2026-01-15T12:00:00+00:00"
LINE = {
    "ref": "l1", "item": "item-1", "sku": "MUG", "title": "Mug", "location": "", "quantity": 2, "shipped": 0, "cancelled": 0,
    "quarantined": 0, "restocked": 0, "withheld": 0, "effects": [{"units": 2, "at": NOW}],
}  # fmt: skip
ORDER = {
    "ref": "order-1", "state": "open", "created_at": NOW, "modified_at": NOW, "hold_until": None, "reservation_ref": None, "lines": [LINE],
}  # fmt: skip


class Scripted:
    """An `Http` that gives prepared answers and keeps what was asked."""

    budget: Budget

    def __init__(self, *answers: tuple[int, Any]) -> None:
        self.answers = list(answers)
        self.asked: list[HttpRequest] = []

    async def read(self, request: HttpRequest, understand: Callable[[HttpResponse], T]) -> T:
        self.asked.append(request)
        status, content = self.answers.pop(0)
        return understand(HttpResponse(status, {}, json.dumps(content).encode()))

    write = read


def connector(http: Scripted, **settings: Any) -> MemoryConnector:
    table = {"url": "http://shop.test", "token": "t", "webhook_secrets": ["old", "new"]} | settings
    return MemoryConnector(Settings.model_validate(table), Context("shop", http, ManualClock()))


def delivery(content: Any, *, secret: str = "new") -> Delivery:
    body = json.dumps(content).encode()
    signature = base64.b64encode(hmac.digest(secret.encode(), body, hashlib.sha256)).decode()
    return Delivery("shop", {"x-memory-signature": signature}, body, datetime(2026, 1, 15, tzinfo=UTC))


@pytest.mark.parametrize(
    "odd",
    [
        {"lines": "none"},
        {"state": "weird"},
        {"created_at": "2026-01-15T12:00:00"},
        {"lines": [LINE | {"shipped": 3}]},
        {"lines": [LINE | {"quantity": "2"}]},
    ],
)
def test_one_odd_order_is_set_aside_and_hides_no_other(odd: dict[str, Any]) -> None:
    http = Scripted((200, {"orders": [ORDER | {"ref": "order-2"} | odd, ORDER], "next": None, "now": NOW}))

    async def read() -> None:
        (page,) = [page async for page in connector(http).orders(Cursor())]
        assert [order.ref for order in page.items] == ["order-1"]
        ((ref, reason, text),) = page.refused
        assert ref == "order-2"
        assert reason
        assert json.loads(text)["ref"] == "order-2"
        assert page.high_water == NOW

    asyncio.run(read())


def test_an_incremental_run_asks_from_before_the_mark() -> None:
    http = Scripted((200, {"orders": [], "next": None, "now": NOW}))

    async def read() -> None:
        shop = connector(http, overlap_seconds=30.0, visibility_lag_seconds=60.0)
        assert [page async for page in shop.orders(Cursor(high_water=NOW))]

    asyncio.run(read())
    assert http.asked[0].params == {"since": "2026-01-15T11:58:30+00:00"}


@pytest.mark.parametrize("cursor", [Cursor(high_water="yesterday"), Cursor(resume="yesterday"), Cursor(high_water="2026-01-15T12:00:00")])
def test_a_mark_of_somebody_else_is_misunderstood(cursor: Cursor) -> None:
    async def read() -> None:
        assert [page async for page in connector(Scripted()).orders(cursor)]

    with pytest.raises(Misunderstood, match="not a mark of this connector"):
        asyncio.run(read())


@pytest.mark.parametrize(
    ("carrier", "row"),
    [
        ("compare_and_set", {"id": "w", "listing": "item-1", "location": "", "value": 4, "compare": 10}),
        ("adjust", {"id": "w", "listing": "item-1", "location": "", "delta": -6}),
        ("set", {"id": "w", "listing": "item-1", "location": "", "value": 4}),
    ],
)
def test_each_carrier_sends_its_own_fields(carrier: str, row: dict[str, Any]) -> None:
    http = Scripted((200, {"results": [{"id": "w", "outcome": "ok", "shows": 4, "reason": ""}]}))
    write = Write("w", ShelfRef("item-1"), 4, 10, -6)
    (result,) = asyncio.run(connector(http, carrier=carrier, key_memory_seconds=None).push(Call("key", (write,))))
    assert (result.outcome, result.shows) == (Outcome.OK, 4)
    assert json.loads(http.asked[0].body or b"") == {"kind": carrier, "writes": [row]}
    assert http.asked[0].headers["x-request-id"] == "key"
    assert "idempotency-key" not in http.asked[0].headers


@pytest.mark.parametrize(
    ("status", "content", "outcome"),
    [
        (409, {"error": "known"}, Outcome.UNKNOWN),
        (200, {"results": [{"id": "w", "outcome": "a new word", "shows": None, "reason": ""}]}, Outcome.UNKNOWN),
    ],
)
def test_an_answer_that_does_not_say_what_became_of_a_write_is_unknown(status: int, content: Any, outcome: Outcome) -> None:
    call = Call("key", (Write("w", ShelfRef("item-1"), 4, 10, -6),))
    (result,) = asyncio.run(connector(Scripted((status, content))).push(call))
    assert result.outcome is outcome


def test_results_for_writes_that_were_not_sent_are_misunderstood() -> None:
    answer = {"results": [{"id": "somebody's", "outcome": "ok", "shows": 4, "reason": ""}]}
    with pytest.raises(Misunderstood, match="somebody's"):
        asyncio.run(connector(Scripted((200, answer))).push(Call("key", (Write("w", ShelfRef("item-1"), 4, 10, -6),))))


def test_each_configured_secret_verifies_and_no_other() -> None:
    shop = connector(Scripted())
    assert shop.verify(delivery({"topic": "ping"}, secret="old")) == shop.verify(delivery({"topic": "ping"}, secret="new"))
    with pytest.raises(BadDelivery):
        shop.verify(delivery({"topic": "ping"}, secret="other"))
    with pytest.raises(BadDelivery):
        connector(Scripted(), webhook_secrets=[]).verify(delivery({"topic": "ping"}, secret=""))


def test_each_topic_is_parsed_to_its_own_word() -> None:
    shop = connector(Scripted())
    assert shop.parse(delivery({"topic": "stock.changed", "item": "item-1", "location": "", "shows": 3})) == [ShelfHint("item-1", "", 3)]
    assert shop.parse(delivery({"topic": "ping"})) == [Ignored("a ping")]
    (order,) = shop.parse(delivery({"topic": "order.changed", "order": ORDER}))
    assert isinstance(order, OrderSnapshot)
    with pytest.raises(Misunderstood, match="not a delivery of a memory shop"):
        shop.parse(delivery({"topic": "order.exploded", "order": ORDER}))


@pytest.mark.parametrize("wrong", [{"url": "shop.test"}, {"colour": "red"}, {"carrier": "pigeon"}, {"writes_per_call": 0}])
def test_settings_that_cannot_be_right_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        connector(Scripted(), **wrong)
