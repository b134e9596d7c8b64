"""Answers that were once taken at their word: numbers nobody can reckon with, times that no clock shows, a zone that was read as our own."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from channelsync.contract import Cursor, HttpRequest, HttpResponse, Page, ShelfRef
from channelsync.errors import Misunderstood
from channelsync.testing.standins.bigcommerce import BigCommerceStandIn
from channelsync.testing.virtual_clock import VirtualClock
from channelsync_bigcommerce import BigCommerceConnector
from channelsync_bigcommerce.answers import StoreRefused, understand
from channelsync_bigcommerce.shapes import shown, time_field, units, unix_time
from support.bigcommerce import connection
from support.spoiling import Spoiling

HUGE = 10**400


@pytest.mark.parametrize("odd", [HUGE, 2**63, 1e300, float("nan"), float("inf")])
def test_more_units_than_there_can_be_are_no_number(odd: object) -> None:
    for read in (units, shown, unix_time):
        with pytest.raises(Misunderstood):
            read({"number": odd}, "number")


@pytest.mark.parametrize("odd", [None, 0, 10**12, 1e12, "1"])
def test_a_time_that_no_clock_shows_is_none(odd: object) -> None:
    with pytest.raises(Misunderstood):
        unix_time({"time": odd}, "time")


def test_an_answer_dated_past_all_time_is_an_answer() -> None:
    told = understand(HttpResponse(200, {"date": "Fri, 31 Dec 9999 23:59:59 -2359"}, b"{}"))
    assert (told.data, told.at) == ({}, None)


@pytest.fixture
def far_east(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("far_east")
def test_the_zone_minus_zero_is_utc_and_not_this_machines() -> None:
    assert time_field({"at": "Tue, 05 Mar 2019 21:40:11 -0000"}, "at") == datetime(2019, 3, 5, 21, 40, 11, tzinfo=UTC)


def test_one_stock_row_that_is_not_understood_sets_its_product_aside_and_no_other(clock: VirtualClock, standin: BigCommerceStandIn) -> None:
    async def told() -> None:
        async with connection(standin, clock) as bc:
            mug = next(product.id for product in standin.state.products.values() if product.sku == "MUG")

            def spoil(request: HttpRequest, body: Any) -> None:
                for row in body["data"] if "/inventory/items" in request.url else ():
                    if row["identity"]["product_id"] == mug:
                        row["locations"][0]["available_to_sell"] = None

            bc._api._http = Spoiling(bc._api._http, spoil)
            (page,) = [page async for page in _listings(bc)]
            assert [listing.sku for listing in page.items] == ["CUP"]
            assert [ref for ref, _, _ in page.refused] == [str(mug)]
            with pytest.raises(Misunderstood):  # and its number is not taken for a 0
                await bc.stock([ShelfRef(f"p:{mug}", "1")])

    clock.run(told())


def _listings(bc: BigCommerceConnector) -> AsyncIterator[Page[Any]]:
    return bc.listings(Cursor())


def test_a_channel_whose_rules_the_store_refuses_sets_its_order_aside_and_no_other(
    clock: VirtualClock, standin: BigCommerceStandIn
) -> None:
    good, odd = standin.buy({"MUG": 1}), standin.buy({"MUG": 1})

    def spoil(request: HttpRequest, body: Any) -> None:
        for row in body if body and request.url.endswith("/v2/orders") else ():
            row["channel_id"] = 9 if str(row["id"]) == odd else row["channel_id"]
        if request.params.get("channel_id") == "9":
            raise StoreRefused(404, "no such channel")

    async def told() -> None:
        async with connection(standin, clock) as bc:
            bc._api._http = Spoiling(bc._api._http, spoil)
            pages = [page async for page in bc.orders(Cursor())]
            assert [order.ref for page in pages for order in page.items] == [good]
            assert [ref for page in pages for ref, _, _ in page.refused] == [odd]

    clock.run(told())
