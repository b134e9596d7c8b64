"""The short stock reports: what is in them, what is left out, and what they refuse."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from channelsync.testing.standins.moysklad import MoyskladStandIn
from channelsync.testing.standins.moysklad.state import msk
from channelsync.testing.virtual_clock import VirtualClock
from support.moysklad import Api

BYSTORE = "/report/stock/bystore/current"


def by_sku(shop: MoyskladStandIn, rows: list[dict[str, Any]], kind: str) -> dict[tuple[str, str | None], Any]:
    names = {store.id: store.name for store in shop.state.stores.values()}
    return {(shop.state.goods[row["assortmentId"]].code, names.get(row["storeId"])): row[kind] for row in rows}


MAIN = "Основной склад"


def test_zeros_come_only_when_asked_for_and_what_never_moved_never(virtual: VirtualClock, shop: MoyskladStandIn, api: Api) -> None:
    shop.add_good("NEW")

    async def story() -> None:
        assert by_sku(shop, await api.ask("GET", BYSTORE), "stock") == {("MUG", MAIN): 10, ("CUP", MAIN): 5}
        zeros = by_sku(shop, await api.ask("GET", BYSTORE, include="zeroLines"), "stock")
        assert zeros == {("MUG", MAIN): 10, ("CUP", MAIN): 5, ("EMPTY", MAIN): 0}

    virtual.run(story())


def test_reserve_is_told_beside_stock_and_without_a_store_in_a_row_of_its_own(
    virtual: VirtualClock, shop: MoyskladStandIn, api: Api
) -> None:
    shop.foreign_reserve("MUG", 12)
    shop.foreign_reserve("CUP", 2, store=None)

    async def story() -> None:
        assert by_sku(shop, await api.ask("GET", BYSTORE), "stock")["MUG", MAIN] == 10
        assert by_sku(shop, await api.ask("GET", BYSTORE, stockType="reserve"), "reserve") == {("MUG", MAIN): 12, ("CUP", None): 2}
        assert by_sku(shop, await api.ask("GET", BYSTORE, stockType="freeStock"), "freeStock")["CUP", None] == -2

    virtual.run(story())


def test_stores_are_not_summed_into_their_parents(virtual: VirtualClock, shop: MoyskladStandIn, api: Api) -> None:
    room = shop.add_store("Комната", parent=shop.state.main_store)
    shop.receive("MUG", 4, store=room)

    async def story() -> None:
        rows = by_sku(shop, await api.ask("GET", BYSTORE), "stock")
        assert (rows["MUG", MAIN], rows["MUG", "Комната"]) == (10, 4)
        (total,) = await api.ask("GET", "/report/stock/all/current", filter=f"assortmentId={shop.good('MUG').id}")
        assert total == {"assortmentId": shop.good("MUG").id, "stock": 14}

    virtual.run(story())


def test_what_is_being_recalculated_vanishes_or_is_null(virtual: VirtualClock, shop: MoyskladStandIn, api: Api) -> None:
    shop.recalculate("MUG", 30)

    async def story() -> None:
        assert ("MUG", MAIN) not in by_sku(shop, await api.ask("GET", BYSTORE, include="zeroLines"), "stock")
        assert by_sku(shop, await api.ask("GET", BYSTORE, withRecalculate="true"), "stock")["MUG", MAIN] is None
        await virtual.sleep(30)
        assert by_sku(shop, await api.ask("GET", BYSTORE), "stock")["MUG", MAIN] == 10

    virtual.run(story())


@pytest.mark.parametrize("tells", [False, True])
def test_changes_since_a_moment_with_zeros_and_reserves_by_the_dial(
    virtual: VirtualClock, shop: MoyskladStandIn, api: Api, tells: bool
) -> None:
    shop.dials.reserve_in_changed = tells

    async def story() -> None:
        await virtual.sleep(100)
        since = msk(virtual.now())[:19]
        shop.edit("CUP", 0)
        shop.foreign_reserve("MUG", 1)
        assert by_sku(shop, await api.ask("GET", BYSTORE, changedSince=since), "stock") == {("CUP", MAIN): 0}
        reserves = by_sku(shop, await api.ask("GET", BYSTORE, changedSince=since, stockType="reserve"), "reserve")
        assert (("MUG", MAIN) in reserves) is tells

    virtual.run(story())


def test_changed_since_is_moscow_time_within_a_day_and_not_in_the_future(virtual: VirtualClock, api: Api) -> None:
    async def story() -> None:
        now = virtual.now()
        for moment in (now - timedelta(hours=25), now + timedelta(minutes=5)):
            answer = await api.ask("GET", BYSTORE, changedSince=msk(moment)[:19], expect=400)
            assert answer["errors"][0]["code"] == 1014
        for text in ("2026-01-01T03:00:00Z", "soon"):
            await api.ask("GET", BYSTORE, changedSince=text, expect=400)

    virtual.run(story())


def test_filters_take_plain_ids_only(virtual: VirtualClock, shop: MoyskladStandIn, api: Api) -> None:
    async def story() -> None:
        mug, cup = shop.good("MUG").id, shop.good("CUP").id
        rows = await api.ask("GET", BYSTORE, filter=f"assortmentId={mug},{cup};storeId={shop.state.main_store}")
        assert len(rows) == 2
        await api.ask("GET", BYSTORE, filter=f"assortmentId=https://api.moysklad.ru/entity/product/{mug}", expect=400)

    virtual.run(story())


def test_without_the_permission_and_beyond_the_cap(virtual: VirtualClock, shop: MoyskladStandIn, api: Api) -> None:
    async def story() -> None:
        shop.dials.report_rows = 1
        assert (await api.ask("GET", BYSTORE, expect=400))["errors"][0]["code"] == 13005
        shop.dials.stock_permission = False
        assert (await api.ask("GET", BYSTORE, expect=403))["errors"][0]["code"] == 13004

    virtual.run(story())


def test_after_a_movement_a_good_may_be_worked_out_for_a_while(virtual: VirtualClock, shop: MoyskladStandIn, api: Api) -> None:
    shop.dials.recalculated_seconds = 30.0
    shop.receive("MUG", 1)

    async def story() -> None:
        assert by_sku(shop, await api.ask("GET", BYSTORE), "stock") == {("CUP", MAIN): 5}
        assert by_sku(shop, await api.ask("GET", BYSTORE, withRecalculate="true"), "stock")["MUG", MAIN] is None
        await virtual.sleep(30)
        assert by_sku(shop, await api.ask("GET", BYSTORE), "stock")["MUG", MAIN] == 11

    virtual.run(story())
