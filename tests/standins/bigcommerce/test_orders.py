"""Orders: when units are taken and given back, what the lists show, and how empty ones look."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from channelsync.testing.standins.base import SoldOut
from channelsync.testing.standins.bigcommerce import BigCommerceStandIn
from support.bigcommerce import ask, sample
from support.clock import ManualClock


def get(standin: BigCommerceStandIn, path: str, **params: str) -> Any:
    answer = asyncio.run(ask(standin, "GET", path, **params))
    return answer.json() if answer.status_code == 200 else answer.status_code


def test_units_are_taken_when_an_order_is_placed_or_when_it_is_shipped(standin: BigCommerceStandIn) -> None:
    order = standin.buy({"MUG": 3})
    assert standin.shows("MUG") == 7
    standin.dials.update_stock_behavior = "order_completed_or_shipped"
    later = standin.buy({"MUG": 2})
    assert standin.shows("MUG") == 7
    standin.ship(later)
    standin.ship(order)
    assert standin.shows("MUG") == 5


def test_nothing_is_held_for_a_cart_and_a_sold_out_shopper_leaves_no_trace(standin: BigCommerceStandIn) -> None:
    standin.dials.placed_statuses = (11,)
    standin.buy({"CUP": 5}, paid=False)
    assert standin.sellable("CUP") == 5
    standin.buy({"CUP": 5})
    with pytest.raises(SoldOut):
        standin.buy({"MUG": 1, "CUP": 1})
    assert (standin.shows("MUG"), len(standin.orders)) == (10, 2)


@pytest.mark.parametrize(("status", "setting", "back"), [(5, True, 10), (5, False, 7), (4, True, 10), (4, False, 7), (6, True, 7)])
def test_only_cancelled_and_refunded_by_hand_give_back_and_only_if_set(
    standin: BigCommerceStandIn, status: int, setting: bool, back: int
) -> None:
    standin.dials.refund_order_stock_adjustment = setting
    order = standin.buy({"MUG": 3})
    standin.set_status(order, status)
    assert standin.shows("MUG") == back


def test_a_refund_never_gives_back_and_need_not_change_the_date(standin: BigCommerceStandIn, clock: ManualClock) -> None:
    order = standin.buy({"MUG": 3})
    before = get(standin, f"/v2/orders/{order}")["date_modified"]
    clock.advance(60)
    standin.refund(order, "MUG", 3)
    shown = get(standin, f"/v2/orders/{order}")
    assert (standin.shows("MUG"), shown["status_id"], shown["date_modified"]) == (7, 4, before)
    (refund,) = get(standin, "/v3/orders/payment_actions/refunds", created__min=(clock.now() - timedelta(seconds=5)).isoformat())["data"]
    assert set(refund) <= set(sample("v3_order_refund_get.json")["data"])
    assert get(standin, f"/v3/orders/{order}/payment_actions/refunds")["data"] == [refund]


def test_an_edited_order_moves_stock_only_if_so_set(standin: BigCommerceStandIn) -> None:
    order = standin.buy({"MUG": 3})
    standin.edit_order(order, "MUG", 5)
    assert standin.shows("MUG") == 5
    standin.dials.edit_order_stock_adjustment = False
    standin.edit_order(order, "MUG", 1)
    assert standin.shows("MUG") == 5


def test_empty_lists_and_pages_past_the_end_have_no_content(standin: BigCommerceStandIn) -> None:
    assert get(standin, "/v2/orders") == 204
    standin.buy({"MUG": 1})
    assert len(get(standin, "/v2/orders")) == 1
    assert get(standin, "/v2/orders", page="2") == 204
    assert get(standin, "/v2/orders", limit="251") == 413
    assert get(standin, "/v2/orders/999") == 404


@pytest.mark.parametrize(("inclusive", "found"), [(True, 1), (False, 0)])
def test_whether_a_bound_includes_its_second_is_a_dial(standin: BigCommerceStandIn, inclusive: bool, found: int) -> None:
    standin.dials.inclusive = inclusive
    order = standin.buy({"MUG": 1})
    told = get(standin, "/v2/orders", min_date_modified=get(standin, f"/v2/orders/{order}")["date_modified"])
    assert (0 if told == 204 else len(told)) == found


def test_lists_are_late_and_hide_archived_orders_as_the_dials_say(standin: BigCommerceStandIn, clock: ManualClock) -> None:
    standin.dials.visibility_lag = 30.0
    order = standin.buy({"MUG": 1})
    assert get(standin, f"/v2/orders/{order}")["status_id"] == 11
    assert get(standin, "/v2/orders") == 204
    clock.advance(31)
    assert len(get(standin, "/v2/orders")) == 1
    standin.archive(order)
    clock.advance(31)
    assert get(standin, "/v2/orders") == 204
    assert get(standin, f"/v2/orders/{order}")["is_deleted"] is True
    standin.dials.lists_archived = True
    assert len(get(standin, "/v2/orders")) == 1


def test_lines_look_as_the_vendor_shows_them(standin: BigCommerceStandIn) -> None:
    order = standin.buy({"MUG": 2, "CUP": 1})
    lines = get(standin, f"/v2/orders/{order}/products")
    assert set(lines[0]) - {"order_pickup_method_id", "variant_id"} <= set(sample("v2_order_products.json")[0])
    include = {"include": "consignments.line_items", "consignment_structure": "object"}
    (listed,) = get(standin, "/v2/orders", **include)
    assert listed["consignments"]["shipping"][0]["line_items"] == lines
    assert "consignments" not in get(standin, "/v2/orders")[0]
