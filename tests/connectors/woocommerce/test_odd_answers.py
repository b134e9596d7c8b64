"""Answers that were once taken at their word: numbers nobody can reckon with, and an address that is none."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from channelsync.contract import Cursor, HttpRequest, ShelfRef
from channelsync.errors import Misunderstood, Unavailable
from channelsync.testing.standins.woocommerce import WooCommerceStandIn
from channelsync.testing.virtual_clock import VirtualClock
from channelsync_woocommerce.answers import ShopRefused
from channelsync_woocommerce.shapes import shown, units
from support.clock import ManualClock
from support.spoiling import Spoiling
from support.woocommerce import ScriptedHttp, answer, connected, connection

HUGE = 10**400


@pytest.mark.parametrize("odd", [HUGE, -HUGE, 2**63, 1e300, float("nan"), float("inf"), "1e300", "nan"])
def test_more_units_than_there_can_be_are_no_number(odd: object) -> None:
    with pytest.raises(Misunderstood):
        units(odd, "quantity")
    with pytest.raises(Misunderstood):
        shown(odd)


def test_a_shelf_of_more_than_there_can_be_is_not_understood() -> None:
    woo = connected(ScriptedHttp(answer([{"id": 12, "manage_stock": True, "stock_quantity": HUGE}])), ManualClock())
    with pytest.raises(Misunderstood):
        asyncio.run(woo.stock([ShelfRef("12")]))


@pytest.mark.parametrize("home", ["http://[", "http://x:99999", "http://x:y", "//", "x", ""])
def test_an_address_that_is_none_is_no_identity(home: str) -> None:
    http = ScriptedHttp(answer({"home": home}), *[answer({"environment": {"version": "10"}})] * 3)
    with pytest.raises(Misunderstood):
        asyncio.run(connected(http, ManualClock()).check())


@pytest.mark.parametrize("date", ["Fri, 31 Dec 9999 23:59:59 -2359", "Thu, 15 Jan 99999999999999999999 12:00:00 GMT"])
def test_a_date_that_no_clock_shows_is_none(date: str) -> None:
    async def marks() -> list[str | None]:
        woo = connected(ScriptedHttp(answer([], date=date)), ManualClock())
        return [page.high_water async for page in woo.listings(Cursor())]

    assert asyncio.run(marks()) == ["2026-01-15T12:00:00"]


def test_an_answer_that_is_nested_too_deep_is_none() -> None:
    deep = answer(b"[" * 930 + b"]" * 930)
    with pytest.raises(Unavailable, match="another page"):
        asyncio.run(connected(ScriptedHttp(deep), ManualClock()).stock([ShelfRef("12")]))


def test_refunds_that_the_shop_refuses_to_tell_set_their_order_aside_and_no_other(clock: VirtualClock, standin: WooCommerceStandIn) -> None:
    good, odd = standin.buy({"MUG": 1}), standin.buy({"MUG": 2})
    standin.refund(odd, "MUG", 1)

    def spoil(request: HttpRequest, _: Any) -> None:
        if request.url.endswith("/refunds"):
            raise ShopRefused(400, "rest_invalid_param", "no")

    async def told() -> None:
        async with connection(standin, clock) as woo:
            woo._api._http = Spoiling(woo._api._http, spoil)
            pages = [page async for page in woo.orders(Cursor())]
            assert {order.ref for page in pages for order in page.items} == {good}
            assert {ref for page in pages for ref, _, _ in page.refused} == {odd}

    clock.run(told())
