"""A call that the shop refuses as a whole, and a shop that ignores differences: no good write suffers, and no bad one passes for done."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any, TypeVar

import pytest

from channelsync.contract import Budget, Call, HttpRequest, HttpResponse, Outcome, ShelfRef, Write, WriteResult
from channelsync.testing.standins.woocommerce import WooCommerceStandIn
from channelsync.testing.virtual_clock import VirtualClock
from channelsync_woocommerce import WooCommerceConnector
from support.clock import ManualClock
from support.woocommerce import NoBudget, answer, connected
from support.woocommerce_live import ref, tell, write

T = TypeVar("T")


class Touchy:
    """A shop that refuses every batch with one of `bad` in it, as a firewall or a plug-in does."""

    def __init__(self, *bad: int, status: int = 400) -> None:
        self.budget: Budget = NoBudget()
        self.bad, self.status, self.sizes, self.written = set(bad), status, list[int](), set[int]()

    async def write(self, request: HttpRequest, understand: Callable[[HttpResponse], T]) -> T:
        rows = json.loads(request.body or b"")["update"]
        self.sizes.append(len(rows))
        if self.bad & {row["id"] for row in rows}:
            return understand(answer({"code": "odd", "message": "no", "data": {"status": self.status}}, self.status))
        self.written |= {row["id"] for row in rows}
        return understand(answer({"update": [{"id": row["id"], "manage_stock": True, "stock_quantity": 9} for row in rows]}))

    read = write


def push(http: Any, *listings: str) -> dict[str, WriteResult]:
    writes = tuple(Write(name, ShelfRef(name), 9, 10, -1) for name in listings)
    results = asyncio.run(connected(http, ManualClock()).push(Call("k", writes)))
    assert sorted(result.id for result in results) == sorted(listings)
    return {result.id: result for result in results}


@pytest.mark.parametrize("bad", [1, 37, 100])
def test_one_bad_write_among_a_hundred_is_found_and_the_others_are_written(bad: int) -> None:
    http = Touchy(bad)
    results = push(http, *(str(number) for number in range(1, 101)))
    assert {name for name, result in results.items() if result.outcome is not Outcome.OK} == {str(bad)}
    assert results[str(bad)].outcome is Outcome.REFUSED
    assert http.written == set(range(1, 101)) - {bad}
    assert len(http.sizes) <= 16


def test_nothing_is_written_twice() -> None:
    http = Touchy(7, 8)
    push(http, *(str(number) for number in range(1, 21)))
    assert len(http.written) == 18
    assert sum(size for size in http.sizes if size) >= 18


def test_a_body_that_is_too_large_is_sent_in_halves() -> None:
    class Small(Touchy):
        async def write(self, request: HttpRequest, understand: Callable[[HttpResponse], T]) -> T:
            self.bad = {0} if len(json.loads(request.body or b"")["update"]) <= 3 else set(range(1, 100))
            return await super().write(request, understand)

        read = write

    results = push(Small(status=413), *(str(number) for number in range(1, 11)))
    assert {result.outcome for result in results.values()} == {Outcome.OK}


def test_a_shop_that_refuses_everything_is_not_asked_for_ever() -> None:
    http = Touchy(*range(1, 101))
    results = push(http, *(str(number) for number in range(1, 101)))
    assert len(http.sizes) <= 24
    assert {result.outcome for result in results.values()} == {Outcome.REFUSED, Outcome.NOT_SENT}


def test_a_shop_that_ignores_differences_is_told_from_one_that_applied_them(clock: VirtualClock, standin: WooCommerceStandIn) -> None:
    standin.state.dials.knows_delta = False
    mug, cup = ref(standin, "MUG"), ref(standin, "CUP")

    async def story(woo: WooCommerceConnector) -> None:
        results = await woo.push(Call("k", (write(mug, 7, -3), write(cup, 4, -1))))
        assert {result.outcome for result in results} == {Outcome.REFUSED}
        assert all('stock_write = "absolute"' in result.reason for result in results)
        (alone,) = await woo.push(Call("k2", (write(mug, 7, -3),)))
        assert alone.outcome is Outcome.UNKNOWN, "one number alone may have been undone by a change of the same size"

    tell(clock, standin, story)
    assert (standin.shows("MUG"), standin.shows("CUP")) == (10, 5)


def test_absolute_writes_of_the_same_numbers_prove_themselves(clock: VirtualClock, standin: WooCommerceStandIn) -> None:
    standin.state.dials.knows_delta = False
    mug, cup = ref(standin, "MUG"), ref(standin, "CUP")

    async def story(woo: WooCommerceConnector) -> None:
        results = await woo.push(Call("k", (write(mug, 7, -3), write(cup, 4, -1))))
        assert {result.outcome for result in results} == {Outcome.OK}

    tell(clock, standin, story, stock_write="absolute")
    assert (standin.shows("MUG"), standin.shows("CUP")) == (7, 4)
