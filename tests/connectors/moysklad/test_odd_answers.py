"""Answers that were once taken at their word, or that one row of stopped everything."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from channelsync.contract import Claim, ClaimLine, Cursor, HttpRequest, HttpResponse, Physical, Role, ShelfRef
from channelsync.errors import ChannelError, Misunderstood
from channelsync.testing.standins.moysklad import MoyskladStandIn
from channelsync.testing.virtual_clock import VirtualClock
from channelsync_moysklad import MoyskladConnector
from channelsync_moysklad.answers import ShopRefused, understand
from channelsync_moysklad.shapes import number
from support.moysklad import tell
from support.spoiling import Spoiling

Change = Callable[[list[dict[str, Any]]], None]


async def physical(ms: MoyskladConnector, kind: str, change: Change) -> tuple[dict[str, Physical], list[str]]:
    def spoil(request: HttpRequest, rows: Any) -> None:
        if request.params.get("stockType") == kind:
            change(rows)

    ms._api._http = Spoiling(ms._api._http, spoil)
    (page,) = [page async for page in ms.physical(Cursor(), full=True)]
    return {row.listing: row for row in page.items}, [ref for ref, _, _ in page.refused]


@pytest.mark.parametrize("odd", [10**400, float("nan"), "x", True, [], 1e13])
@pytest.mark.parametrize("kind", ["stock", "reserve"])
def test_a_number_that_is_none_sets_its_good_aside_and_no_other(
    virtual: VirtualClock, shop: MoyskladStandIn, kind: str, odd: object
) -> None:
    mug, cup = shop.good("MUG").id, shop.good("CUP").id
    shop.foreign_reserve("MUG", 1)

    def change(rows: list[dict[str, Any]]) -> None:
        next(row for row in rows if row["assortmentId"] == mug)[kind] = odd

    async def story(ms: MoyskladConnector) -> None:
        rows, refused = await physical(ms, kind, change)
        assert (set(rows), refused) == ({cup}, [mug])
        named = await ms.physical_of([ShelfRef(good, shop.state.main_store) for good in (mug, cup)])
        assert [row.listing for row in named] == [cup]

    tell(virtual, shop, story, Role.AUTHORITY)


def test_a_reserve_in_a_place_that_is_none_sets_its_good_aside(virtual: VirtualClock, shop: MoyskladStandIn) -> None:
    """It is held somewhere: a number without it would be too high."""
    mug, cup = shop.good("MUG").id, shop.good("CUP").id
    shop.foreign_reserve("MUG", 1)

    def change(rows: list[dict[str, Any]]) -> None:
        next(row for row in rows if row["assortmentId"] == mug)["storeId"] = "somewhere"

    async def story(ms: MoyskladConnector) -> None:
        rows, refused = await physical(ms, "reserve", change)
        assert (set(rows), refused) == ({cup}, [mug])

    tell(virtual, shop, story, Role.AUTHORITY)


@pytest.mark.parametrize("odd", ["\udc80", "x", None, 1])
def test_a_reserve_of_nobody_knows_what_is_not_passed_over(virtual: VirtualClock, shop: MoyskladStandIn, odd: object) -> None:
    shop.foreign_reserve("MUG", 1)

    def change(rows: list[dict[str, Any]]) -> None:
        rows[0]["assortmentId"] = odd

    async def story(ms: MoyskladConnector) -> None:
        with pytest.raises(Misunderstood):
            await physical(ms, "reserve", change)

    tell(virtual, shop, story, Role.AUTHORITY)


def test_a_document_without_an_id_is_set_aside_and_the_others_are_read(virtual: VirtualClock, shop: MoyskladStandIn) -> None:
    good, odd = shop.buy({"MUG": 1}), shop.buy({"CUP": 1})

    def spoil(request: HttpRequest, content: Any) -> None:
        for row in content.get("rows", ()):
            if row.get("id") == odd:
                del row["id"], row["positions"]["rows"]

    async def story(ms: MoyskladConnector) -> None:
        ms._api._http = Spoiling(ms._api._http, spoil)
        pages = [page async for page in ms.orders(Cursor())]
        assert [order.ref for page in pages for order in page.items] == [good]
        assert len([ref for page in pages for ref, _, _ in page.refused]) == 1

    tell(virtual, shop, story)


@pytest.mark.parametrize("odd", [10**400, 2**63, float("inf"), float("nan")])
def test_more_units_than_there_can_be_are_no_number(odd: float) -> None:
    with pytest.raises(ChannelError):
        number(odd, "stock")


def test_an_answer_dated_past_all_time_is_an_answer() -> None:
    assert understand(HttpResponse(200, {"date": "Fri, 31 Dec 9999 23:59:59 -2359"}, b"{}")).at is None


def test_a_return_that_is_refused_sets_its_order_aside_and_no_other(virtual: VirtualClock, shop: MoyskladStandIn) -> None:
    good, odd = shop.buy({"MUG": 1}), shop.buy({"CUP": 1})
    shop.ship(odd)
    shop.refund(odd, "CUP", 1)

    def spoil(request: HttpRequest, _: Any) -> None:
        if "/entity/salesreturn/" in request.url and "/positions" not in request.url:
            raise ShopRefused(400, 1, "no")

    async def story(ms: MoyskladConnector) -> None:
        ms._api._http = Spoiling(ms._api._http, spoil)
        pages = [page async for page in ms.orders(Cursor())]
        assert {order.ref for page in pages for order in page.items} == {good}
        assert {ref for page in pages for ref, _, _ in page.refused} == {odd}

    tell(virtual, shop, story)


def test_half_a_character_in_a_comment_does_not_stop_an_export(virtual: VirtualClock, shop: MoyskladStandIn) -> None:
    def claim(held: int, document: str | None = None) -> Claim:
        return Claim("o1", "#1", (ClaimLine("1", shop.good("MUG").id, shop.state.main_store, 2, held),), document)

    def spoil(request: HttpRequest, content: Any) -> None:
        for row in content.get("rows", ()) if request.method == "GET" and request.url.endswith("/customerorder") else ():
            row["description"] = "\udc80"

    async def story(ms: MoyskladConnector) -> None:
        told = await ms.export(claim(2))
        ms._api._http = Spoiling(ms._api._http, spoil)
        assert (await ms.export(claim(1, told.document))).lines[0].held == 1

    tell(virtual, shop, story, Role.AUTHORITY)
