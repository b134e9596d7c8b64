"""What the shop does to its own numbers, and what its order list shows, and when."""

from __future__ import annotations

from typing import Any

import pytest

from channelsync.testing.standins.base import Item, SoldOut
from channelsync.testing.standins.shopify import ShopifyStandIn
from support.clock import ManualClock
from support.shopify import Api, run, stand_in

LIST = (
    "query($first: Int!, $after: String, $query: String) { orders(first: $first, after: $after, query: $query, sortKey: UPDATED_AT) "
    "{ pageInfo { hasNextPage endCursor } nodes { id updatedAt } } }"
)
ONE = (
    "query($id: ID!) { order(id: $id) { id confirmed cancelledAt closedAt edited displayFinancialStatus displayFulfillmentStatus "
    "customAttributes { key value } "
    "lineItems(first: 10) { nodes { id sku quantity currentQuantity unfulfilledQuantity nonFulfillableQuantity } } "
    "refunds(first: 10) { createdAt refundLineItems(first: 10) { nodes { quantity restockType restocked lineItem { sku } } } } } }"
)
EVER = "updated_at:>='2020-01-01T00:00:00Z'"


@pytest.fixture
def shop(clock: ManualClock) -> ShopifyStandIn:
    return stand_in(clock)


def level(shop: ShopifyStandIn, sku: str) -> tuple[int, int]:
    record = shop.level(sku)
    return record.available, record.committed


def listed(shop: ShopifyStandIn, query: str = EVER, first: int = 50) -> list[str]:
    return [node["id"] for node in run(Api(shop).data(LIST, first=first, query=query))["orders"]["nodes"]]


def read(shop: ShopifyStandIn, ref: str) -> Any:
    return run(Api(shop).data(ONE, id=ref))["order"]


def line(shop: ShopifyStandIn, ref: str) -> dict[str, int]:
    found: dict[str, int] = read(shop, ref)["lineItems"]["nodes"][0]
    return {name: found[name] for name in ("quantity", "currentQuantity", "unfulfilledQuantity", "nonFulfillableQuantity")}


def test_placing_moves_available_to_committed_paid_or_not(shop: ShopifyStandIn) -> None:
    shop.buy({"MUG": 3})
    shop.buy({"MUG": 1}, paid=False)
    assert level(shop, "MUG") == (6, 4)
    assert [change.cause for change in shop.changes] == ["sale", "sale"]


def test_shipping_leaves_available_alone(shop: ShopifyStandIn) -> None:
    ref = shop.buy({"MUG": 3})
    shop.ship(ref)
    shop.ship(ref)
    assert level(shop, "MUG") == (7, 0)
    assert line(shop, ref) == {"quantity": 3, "currentQuantity": 3, "unfulfilledQuantity": 0, "nonFulfillableQuantity": 0}
    assert read(shop, ref)["displayFulfillmentStatus"] == "FULFILLED"
    assert shop.orders[ref].lines[0].open == 0


def test_a_cancel_gives_back_only_with_restock(shop: ShopifyStandIn) -> None:
    shop.cancel(shop.buy({"MUG": 3}))
    assert level(shop, "MUG") == (10, 0)
    ref = shop.buy({"MUG": 3})
    shop.cancel(ref, restock=False)
    assert level(shop, "MUG") == (7, 0)
    order = read(shop, ref)
    assert order["cancelledAt"] is not None
    assert order["refunds"][0]["refundLineItems"]["nodes"] == [
        {"quantity": 3, "restockType": "NO_RESTOCK", "restocked": False, "lineItem": {"sku": "MUG"}}
    ]


def test_an_order_with_a_shipment_is_refunded_not_cancelled(shop: ShopifyStandIn) -> None:
    ref = shop.buy({"MUG": 3})
    shop.ship(ref)
    shop.edit_order(ref, "MUG", 2)
    shop.cancel(ref)
    assert read(shop, ref)["cancelledAt"] is None
    assert level(shop, "MUG") == (7, 0)


def test_a_refund_takes_unshipped_units_first_then_returns(shop: ShopifyStandIn) -> None:
    ref = shop.buy({"MUG": 3})
    shop.refund(ref, "MUG", 1)
    assert level(shop, "MUG") == (8, 2)
    assert line(shop, ref) == {"quantity": 3, "currentQuantity": 2, "unfulfilledQuantity": 2, "nonFulfillableQuantity": 1}
    shop.ship(ref)
    shop.refund(ref, "MUG", 1)
    assert level(shop, "MUG") == (9, 0)
    assert line(shop, ref) == {"quantity": 3, "currentQuantity": 1, "unfulfilledQuantity": 0, "nonFulfillableQuantity": 1}
    types = [entry["refundLineItems"]["nodes"][0]["restockType"] for entry in read(shop, ref)["refunds"]]
    assert types == ["CANCEL", "RETURN"]
    true = shop.orders[ref].lines[0]
    assert (true.shipped, true.cancelled, true.returned) == (2, 1, 1)
    with pytest.raises(ValueError):
        shop.refund(ref, "MUG", 2)


def test_a_refund_without_restock_gives_nothing_back(shop: ShopifyStandIn) -> None:
    ref = shop.buy({"MUG": 3})
    shop.refund(ref, "MUG", 1, restock=False)
    assert level(shop, "MUG") == (7, 2)
    shop.ship(ref)
    shop.refund(ref, "MUG", 2, restock=False)
    assert level(shop, "MUG") == (7, 0)


def test_an_edit_adds_units_or_takes_them_out_as_a_refund(shop: ShopifyStandIn) -> None:
    ref = shop.buy({"MUG": 1})
    shop.edit_order(ref, "MUG", 2)
    shop.edit_order(ref, "CUP", 1)
    assert (level(shop, "MUG"), level(shop, "CUP")) == ((7, 3), (4, 1))
    shop.edit_order(ref, "MUG", -1)
    assert level(shop, "MUG") == (8, 2)
    order = read(shop, ref)
    assert order["edited"] is True
    assert order["lineItems"]["nodes"][0]["quantity"] == 3, "a removed unit stays in quantity"
    assert order["refunds"][0]["refundLineItems"]["nodes"][0]["restockType"] == "CANCEL"
    with pytest.raises(ValueError):
        shop.edit_order(ref, "MUG", -3)


def test_the_last_unit_is_sold_once_unless_the_policy_continues(clock: ManualClock) -> None:
    shop = stand_in(clock, Item("LAST", 1), Item("MORE", 1))
    shop.buy({"LAST": 1})
    with pytest.raises(SoldOut):
        shop.buy({"MORE": 1, "LAST": 1})
    assert level(shop, "MORE") == (1, 0), "nothing happens when one line is not sellable"
    shop.variant("LAST").inventory_policy = "CONTINUE"
    shop.buy({"LAST": 2})
    assert shop.shows("LAST") == -2


def test_an_untracked_item_sells_without_moving(shop: ShopifyStandIn) -> None:
    shop.untrack("MUG")
    shop.buy({"MUG": 20})
    assert level(shop, "MUG") == (10, 0)


def test_a_reservation_travels_as_a_note_attribute(shop: ShopifyStandIn) -> None:
    ref = shop.buy({"MUG": 1}, reservation_ref="r-17")
    assert read(shop, ref)["customAttributes"] == [{"key": "reservation_ref", "value": "r-17"}]


def test_the_list_lags_and_the_order_itself_does_not(clock: ManualClock) -> None:
    shop = stand_in(clock, visibility_lag=30.0)
    refs = [shop.buy({"MUG": 1}) for _ in range(8)]
    assert listed(shop) == []
    assert all(read(shop, ref)["id"] == ref for ref in refs)
    clock.advance(15)
    some = listed(shop)
    assert 0 < len(some) < 8
    clock.advance(15)
    assert set(listed(shop)) == set(refs)


def test_a_change_is_found_late_under_its_new_time(clock: ManualClock) -> None:
    shop = stand_in(clock, visibility_lag=30.0)
    ref = shop.buy({"MUG": 1})
    clock.advance(60)
    shop.ship(ref)
    assert listed(shop, "updated_at:>='2026-01-15T12:01:00Z'") == []
    clock.advance(30)
    assert listed(shop, "updated_at:>='2026-01-15T12:01:00Z'") == [ref]


def test_two_changes_that_become_visible_in_the_wrong_order_end_at_the_later_one(clock: ManualClock) -> None:
    shop = stand_in(clock, Item("MUG", 100), visibility_lag=60.0)
    refs = [shop.buy({"MUG": 1}) for _ in range(30)]
    clock.advance(5)
    for ref in refs:
        shop.ship(ref)
    clock.advance(60)
    assert set(listed(shop, "updated_at:>='2026-01-15T12:00:05Z'")) == set(refs)
    assert listed(shop, "status:open") == []


def test_the_lower_bound_is_closed_and_status_is_searched(clock: ManualClock) -> None:
    shop = stand_in(clock)
    ref = shop.buy({"MUG": 1})
    assert listed(shop, "updated_at:>='2026-01-15T12:00:00Z'") == [ref]
    assert listed(shop, "updated_at:>'2026-01-15T12:00:00Z'") == []
    assert listed(shop, "status:open") == [ref]
    shop.ship(ref)
    assert listed(shop, "status:open") == [], "paid and fulfilled: archived"
    assert listed(shop, "status:closed") == [ref]
    shop.cancel(shop.buy({"MUG": 1}))
    assert len(listed(shop, "status:cancelled")) == 1


def test_an_order_that_changes_while_the_list_is_paged_moves_to_the_tail(clock: ManualClock) -> None:
    shop = stand_in(clock)
    refs = []
    for _ in range(4):
        refs.append(shop.buy({"MUG": 1}))
        clock.advance(1)
    api = Api(shop)
    first = run(api.data(LIST, first=2, query=EVER))["orders"]
    shop.ship(refs[0])
    second = run(api.data(LIST, first=50, query=EVER, after=first["pageInfo"]["endCursor"]))["orders"]
    assert [node["id"] for node in second["nodes"]] == [refs[2], refs[3], refs[0]]
    assert second["pageInfo"]["hasNextPage"] is False


def test_a_deleted_order_is_gone_from_everywhere(shop: ShopifyStandIn) -> None:
    ref = shop.buy({"MUG": 1})
    shop.delete(ref)
    assert read(shop, ref) is None
    assert listed(shop) == []
    assert (shop.shows("MUG"), shop.orders[ref].lines[0].open) == (9, 0)


def test_a_search_it_does_not_know_is_refused(shop: ShopifyStandIn) -> None:
    for query in ("colour:blue", "updated_at:>=yesterday", "updated_at:>='2026-01-15T12:00:00'"):
        assert run(Api(shop).code(LIST, first=1, query=query)) == "BAD_REQUEST"


def test_ids_lie_beyond_what_a_float_can_hold(shop: ShopifyStandIn) -> None:
    number = shop.variant("MUG").inventory_item.number
    assert int(float(number)) != number
