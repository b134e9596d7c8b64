"""Documents: what they do to stock and reserve, and how the API makes, changes and deletes them."""

from __future__ import annotations

import uuid

import pytest

from channelsync.testing.standins.moysklad import MoyskladStandIn, books
from channelsync.testing.standins.moysklad.state import msk
from channelsync.testing.virtual_clock import VirtualClock
from support.moysklad import Api, order_body, position

ORDERS = "/entity/customerorder"


def numbers(shop: MoyskladStandIn, sku: str) -> tuple[float, float]:
    """(stock, reserve) at the main store."""
    good, store = shop.good(sku).id, shop.state.main_store
    return books.number(shop.state, "stock", good, store), books.number(shop.state, "reserve", good, store)


def test_an_order_reserves_a_linked_shipment_takes_and_releases_an_unlinked_one_only_takes(shop: MoyskladStandIn) -> None:
    order = shop.buy({"MUG": 3})
    assert numbers(shop, "MUG") == (10, 3)
    shop.demand(order, {"MUG": 2})
    assert numbers(shop, "MUG") == (8, 1)
    shop.unlinked_demand({"MUG": 1})
    assert numbers(shop, "MUG") == (7, 1)
    shop.salesreturn(order, {"MUG": 1})
    assert numbers(shop, "MUG") == (8, 1)


def test_trash_and_deletion_give_everything_back(shop: MoyskladStandIn) -> None:
    first, second = shop.buy({"MUG": 3}), shop.buy({"MUG": 2})
    shop.trash(first)
    shop.hard_delete(second)
    assert numbers(shop, "MUG") == (10, 0)


@pytest.mark.parametrize(("dial", "reserve"), [(False, 0), (True, 2)])
def test_whether_an_unposted_order_reserves_is_a_dial(
    virtual: VirtualClock, shop: MoyskladStandIn, api: Api, dial: bool, reserve: int
) -> None:
    shop.dials.unposted_reserves = dial
    virtual.run(api.ask("POST", ORDERS, order_body(shop, position(shop, "MUG", 2, 2), applicable=False)))
    assert numbers(shop, "MUG") == (10, reserve)


def test_the_same_sync_id_brings_back_the_first_document(virtual: VirtualClock, shop: MoyskladStandIn, api: Api) -> None:
    sync = str(uuid.uuid4())

    async def story() -> None:
        first = await api.ask("POST", ORDERS, order_body(shop, position(shop, "MUG", 2, 2), syncId=sync))
        again = await api.ask("POST", ORDERS, order_body(shop, position(shop, "MUG", 5, 5), syncId=sync))
        assert (again["id"], numbers(shop, "MUG")) == (first["id"], (10, 2))
        await api.ask("PUT", f"{ORDERS}/{first['id']}", {"syncId": str(uuid.uuid4())}, expect=400)

    virtual.run(story())


@pytest.mark.parametrize(("dial", "status"), [("conflict", 412), ("returns", 200), ("creates", 200)])
def test_what_a_trashed_sync_id_answers_is_a_dial(virtual: VirtualClock, shop: MoyskladStandIn, api: Api, dial: str, status: int) -> None:
    shop.dials.trashed_sync = dial
    body = order_body(shop, position(shop, "MUG", 2, 2), syncId=str(uuid.uuid4()))

    async def story() -> None:
        first = await api.ask("POST", ORDERS, body)
        await api.ask("POST", f"{ORDERS}/{first['id']}/trash")
        again = await api.ask("POST", ORDERS, body, expect=status)
        assert (again.get("id") == first["id"]) is (dial == "returns")
        assert numbers(shop, "MUG")[1] == (2 if dial == "creates" else 0)

    virtual.run(story())


def test_a_bulk_call_succeeds_and_fails_per_element(virtual: VirtualClock, shop: MoyskladStandIn, api: Api) -> None:
    good, bad = order_body(shop, position(shop, "MUG", 1, 1)), order_body(shop, position(shop, "MUG", 1, 2))
    made, refused = virtual.run(api.ask("POST", ORDERS, [good, bad], expect=400))
    assert made["id"] in shop.state.documents
    assert refused["errors"][0]["code"] == 17003
    assert numbers(shop, "MUG") == (10, 1)


def test_a_put_with_positions_replaces_them_and_one_on_a_position_does_not(virtual: VirtualClock, shop: MoyskladStandIn, api: Api) -> None:
    order = shop.buy({"MUG": 3, "CUP": 1})

    async def story() -> None:
        rows = (await api.ask("GET", f"{ORDERS}/{order}/positions"))["rows"]
        await api.ask("PUT", f"{ORDERS}/{order}/positions/{rows[0]['id']}", {"reserve": 0})
        assert (numbers(shop, "MUG"), numbers(shop, "CUP")) == ((10, 0), (5, 1))
        await api.ask("PUT", f"{ORDERS}/{order}", {"positions": [position(shop, "MUG", 1, 1)]})
        assert (numbers(shop, "MUG"), numbers(shop, "CUP")) == ((10, 1), (5, 0))

    virtual.run(story())


def test_expand_is_ignored_without_a_word_above_a_limit_of_100(virtual: VirtualClock, shop: MoyskladStandIn, api: Api) -> None:
    shop.buy({"MUG": 1})

    async def story() -> None:
        for limit, expanded in (("100", True), ("101", False)):
            (row,) = (await api.ask("GET", ORDERS, expand="positions", limit=limit))["rows"]
            assert ("rows" in row["positions"]) is expanded

    virtual.run(story())


def test_lists_leave_out_the_bin_unless_asked_and_the_audit_remembers_what_is_gone(
    virtual: VirtualClock, shop: MoyskladStandIn, api: Api
) -> None:
    binned, gone = shop.buy({"MUG": 1}), shop.buy({"MUG": 1})
    shop.trash(binned)
    shop.hard_delete(gone)

    async def story() -> None:
        assert (await api.ask("GET", ORDERS))["rows"] == []
        (row,) = (await api.ask("GET", ORDERS, filter="isDeleted=true;isDeleted=false"))["rows"]
        assert (row["id"], "deleted" in row) == (binned, True)
        (context,) = (await api.ask("GET", "/audit", filter="entityType=customerorder;eventType=delete;moment>=2025-12-31 00:00:00"))[
            "rows"
        ]
        (event,) = (await api.ask("GET", f"/audit/{context['id']}/events"))["rows"]
        assert event["entity"]["meta"]["href"].endswith(gone)
        await api.ask("GET", f"{ORDERS}/{gone}", expect=404)

    virtual.run(story())


def test_shipping_what_is_not_there_is_refused_where_the_account_says_so(virtual: VirtualClock, shop: MoyskladStandIn, api: Api) -> None:
    body = order_body(shop, position(shop, "MUG", 11))
    shop.dials.check_shipping_stock = True
    virtual.run(api.ask("POST", "/entity/demand", body, expect=412))
    shop.dials.check_shipping_stock = False
    virtual.run(api.ask("POST", "/entity/demand", body))
    assert numbers(shop, "MUG") == (-1, 0)


def test_a_change_may_stay_out_of_lists_of_changes_for_a_while(virtual: VirtualClock, shop: MoyskladStandIn, api: Api) -> None:
    shop.dials.list_lag_seconds = 20.0
    began = msk(shop.state.now())
    shop.trash(shop.buy({"CUP": 1}))
    shop.buy({"MUG": 1})

    async def story() -> None:
        assert len((await api.ask("GET", ORDERS))["rows"]) == 1
        assert (await api.ask("GET", ORDERS, filter=f"updated>={began}"))["rows"] == []
        assert (await api.ask("GET", ORDERS, filter=f"isDeleted=true;deleted>={began}"))["rows"] == []
        await virtual.sleep(20)
        assert len((await api.ask("GET", ORDERS, filter=f"updated>={began}"))["rows"]) == 1
        assert len((await api.ask("GET", ORDERS, filter=f"isDeleted=true;deleted>={began}"))["rows"]) == 1

    virtual.run(story())


def test_of_a_write_whose_answer_is_lost_nobody_hears_until_it_is_too_late(virtual: VirtualClock, shop: MoyskladStandIn, api: Api) -> None:
    shop.lose_answers(1)

    async def story() -> None:
        began = virtual.monotonic()
        await api.ask("GET", ORDERS)
        assert virtual.monotonic() - began < shop.dials.hang_seconds
        await api.ask("POST", ORDERS, order_body(shop, position(shop, "MUG", 2, 2)))
        assert virtual.monotonic() - began >= shop.dials.hang_seconds
        assert numbers(shop, "MUG") == (10, 2)
        await api.ask("POST", ORDERS, order_body(shop, position(shop, "MUG", 1)))
        assert virtual.monotonic() - began < 2 * shop.dials.hang_seconds

    virtual.run(story())
