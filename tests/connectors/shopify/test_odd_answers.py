"""Answers that were once taken at their word: numbers nobody can reckon with, times that no clock shows, ids of nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from channelsync.contract import Cursor, HttpResponse, Outcome
from channelsync.errors import Misunderstood, RateLimited
from support.shopify import a_call, answer, health, page, replayed, run
from support.shopify_orders import line, order, refund, refund_line

HUGE = 10**400


def cost(**status: Any) -> dict[str, Any]:
    bucket = {"maximumAvailable": 2000, "currentlyAvailable": 1997, "restoreRate": 100} | status
    return {"requestedQueryCost": 3, "throttleStatus": bucket}


@pytest.mark.parametrize("odd", [HUGE, float("inf"), float("nan"), "NaN", "1e999"])
@pytest.mark.parametrize("name", ["currentlyAvailable", "maximumAvailable", "restoreRate"])
def test_a_bucket_that_cannot_be_reckoned_with_teaches_nothing(name: str, odd: object) -> None:
    shop, http = replayed(answer({"order": None}, cost=cost(**{name: odd})), health())
    run(shop.order("gid://shopify/Order/1"))
    assert http.told.learned == []


@pytest.mark.parametrize("requested", [HUGE, -HUGE, float("inf"), float("nan")])
def test_a_throttled_call_waits_a_time_that_ends(requested: float) -> None:
    throttled = [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}]
    shop, _ = replayed(answer(errors=throttled, cost=cost() | {"requestedQueryCost": requested}))
    with pytest.raises(RateLimited) as caught:
        run(shop.order("gid://shopify/Order/1"))
    assert caught.value.retry_after == 1.0


@pytest.mark.parametrize("told", ["inf", "nan", "1e999"])
def test_a_retry_after_without_end_says_nothing(told: str) -> None:
    shop, _ = replayed(answer(status=429, retry_after=told))
    with pytest.raises(RateLimited) as caught:
        run(shop.order("gid://shopify/Order/1"))
    assert caught.value.retry_after == 1.0


@pytest.mark.parametrize("odd", ["9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "0001-01-01T00:00:00Z", 0])
@pytest.mark.parametrize("name", ["updatedAt", "createdAt", "cancelledAt"])
def test_a_time_that_no_shop_can_mean_refuses_its_order_alone(name: str, odd: object) -> None:
    rows = [order(number=1), order(number=2) | {name: odd}]
    shop, _ = replayed(answer({"orders": page(rows)}))
    found = run(_first_page(shop))
    assert [each.ref for each in found.items] == ["gid://shopify/Order/1"]
    assert [ref for ref, _, _ in found.refused] == ["gid://shopify/Order/2"]


def test_an_id_of_nothing_refuses_its_order_alone() -> None:
    nameless = line(2)
    nameless["variant"]["inventoryItem"]["id"] = ""
    shop, _ = replayed(answer({"orders": page([order(number=1), order(nameless, number=2), order(line(sku=""), number=3)])}))
    found = run(_first_page(shop))
    assert [(each.ref[-1], each.lines[0].sku) for each in found.items] == [("1", "SKU-1"), ("3", None)]
    assert len(found.refused) == 1


def test_an_order_that_is_read_whole_and_is_another_one_is_refused() -> None:
    """Its list row was cut; what came for its id was the order of another."""
    rows = [order(number=1), order(number=2, refunds=(refund(refund_line(1, "CANCEL"), more="x"),))]
    shop, _ = replayed(answer({"orders": page(rows)}), answer({"order": order(line(quantity=-1), number=3)}))
    found = run(_first_page(shop))
    assert [each.ref for each in found.items] == ["gid://shopify/Order/1"]
    assert [ref for ref, _, _ in found.refused] == ["gid://shopify/Order/2"]


def test_an_error_whose_index_has_thousands_of_digits_names_no_write() -> None:
    error = {"message": "no", "code": "INVALID_INVENTORY_ITEM", "field": ["input", "quantities", "9" * 5000]}
    shop, _ = replayed(answer({"inventorySetQuantities": {"inventoryAdjustmentGroup": None, "userErrors": [error]}}))
    (result,) = run(shop.push(a_call(1)))
    assert result.outcome is Outcome.REFUSED


def test_numbers_too_long_to_be_written_down_refuse_their_order_alone() -> None:
    """Two numbers of 4300 digits are read, and their sum cannot be printed."""
    rows = json.dumps([order(number=1), order(line(quantity=7, unfulfilled=7, gone=7), number=2)]).replace(": 7", ": -" + "9" * 4300)
    body = json.dumps({"data": {"orders": page([])}}).replace('"nodes": []', f'"nodes": {rows}').encode()
    shop, _ = replayed(HttpResponse(200, {}, body))
    found = run(_first_page(shop))
    assert [each.ref for each in found.items] == ["gid://shopify/Order/1"]
    assert len(found.refused) == 1


def test_what_is_nested_too_deep_is_no_answer() -> None:
    deep = b'{"data":{"order":' + b"[" * 930 + b"]" * 930 + b"}}"
    shop, _ = replayed(HttpResponse(200, {}, deep))
    with pytest.raises(Misunderstood):
        run(shop.order("gid://shopify/Order/1"))


def test_an_order_dated_in_the_future_does_not_hide_what_changes_until_then() -> None:
    shop, _ = replayed(answer({"orders": page([order(updatedAt="2999-01-01T00:00:00Z")])}))
    found = run(_first_page(shop))
    assert len(found.items) == 1
    assert found.high_water == "2026-01-15T12:00:00+00:00"


def test_two_orders_under_one_id_are_both_looked_at() -> None:
    shop, _ = replayed(answer({"orders": page([order(number=1), order(line(quantity=-1), number=1)])}))
    found = run(_first_page(shop))
    assert (len(found.items), len(found.refused)) == (1, 1)


async def _first_page(shop: Any) -> Any:
    return await anext(shop.orders(Cursor(high_water="2026-01-15T10:00:00+00:00")))
