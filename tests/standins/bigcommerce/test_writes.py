"""Adjustments: accepted now and applied later, in order; and everything the store refuses, in its own words."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from channelsync.testing.standins.base import Item
from channelsync.testing.standins.bigcommerce import BigCommerceStandIn
from support.bigcommerce import ask, ref, sample
from support.clock import ManualClock

RELATIVE, ABSOLUTE = ("POST", "/v3/inventory/adjustments/relative"), ("PUT", "/v3/inventory/adjustments/absolute")


def adjust(standin: BigCommerceStandIn, how: tuple[str, str], *items: dict[str, Any], reason: str = "r") -> httpx.Response:
    return asyncio.run(ask(standin, *how, {"reason": reason, "items": list(items)}))


def item(standin: BigCommerceStandIn, sku: str, quantity: int, location: int = 1) -> dict[str, Any]:
    return {"location_id": location, "product_id": int(ref(standin, sku)[2:]), "quantity": quantity}


def test_a_difference_is_computed_when_it_is_applied(standin: BigCommerceStandIn, clock: ManualClock) -> None:
    answer = adjust(standin, RELATIVE, item(standin, "MUG", -3), reason="call-1")
    assert answer.status_code == 200
    assert set(answer.json()) == set(sample("v3_inventory_adjustment_200.json"))
    standin.buy({"MUG": 2})
    assert standin.shows("MUG") == 8
    clock.advance(2.0)
    assert standin.shows("MUG") == 5
    assert [(change.cause, change.write) for change in standin.changes] == [("sale", None), ("write", "call-1")]


def test_writes_take_effect_in_the_order_in_which_they_came(standin: BigCommerceStandIn, clock: ManualClock) -> None:
    adjust(standin, ABSOLUTE, item(standin, "MUG", 20))
    standin.dials.apply_seconds = 0.0
    adjust(standin, RELATIVE, item(standin, "MUG", -1))
    assert standin.shows("MUG") == 10
    clock.advance(2.0)
    assert standin.shows("MUG") == 19


def test_an_absolute_one_sets_on_hand_and_customers_see_less_the_safety_stock(standin: BigCommerceStandIn, clock: ManualClock) -> None:
    standin.row("MUG").safety = 2
    adjust(standin, ABSOLUTE, item(standin, "MUG", 10))
    clock.advance(2.0)
    row = asyncio.run(ask(standin, "GET", "/v3/inventory/items", sku__in="MUG")).json()["data"][0]["locations"][0]
    assert (row["total_inventory_onhand"], row["available_to_sell"], row["settings"]["safety_stock"]) == (10, 8, 2)


def test_what_is_refused_changes_nothing_and_is_told_as_the_vendor_tells_it(standin: BigCommerceStandIn, clock: ManualClock) -> None:
    new, shirt = standin.add_product("NEW"), standin.add_product("SHIRT", options=("S",))
    prefix = "v3_inventory_adjustment_"
    first = sample(f"{prefix}relative_422_item_requires_absolute_adjustment_before_relative_error.json")
    mode = sample(f"{prefix}relative_422_item_has_another_tracking_mode_error.json")
    place = sample(f"{prefix}absolute_422_location_not_found.json")
    standin.row("CUP").safety = 1
    for how, bad, title in (
        (RELATIVE, item(standin, "NEW", 1), first["title"].replace("113", str(new.id))),
        (
            RELATIVE,
            {"location_id": 1, "variant_id": shirt.variants[0].id, "quantity": 1},
            mode["title"].replace("106", str(shirt.variants[0].id)),
        ),
        (ABSOLUTE, item(standin, "MUG", 1, 3), place["title"].replace("3,2", "3")),
        (
            RELATIVE,
            item(standin, "CUP", -5),
            f"Items with identity: [product_id {ref(standin, 'CUP')[2:]}] would fall below its safety stock",
        ),
    ):
        answer = adjust(standin, how, item(standin, "MUG", 4), bad)
        assert (answer.status_code, answer.json()["title"]) == (422, title)
        assert answer.json().keys() == first.keys()
        assert answer.headers["content-type"] == "application/problem+json"
    clock.advance(5.0)
    assert (standin.shows("MUG"), standin.shows("CUP"), standin.changes) == (10, 4, [])


def test_whether_the_items_before_the_bad_one_are_applied_is_a_dial(standin: BigCommerceStandIn, clock: ManualClock) -> None:
    standin.dials.partial_on_422 = True
    bad = {"location_id": 1, "product_id": 999, "quantity": 1}
    assert adjust(standin, RELATIVE, item(standin, "MUG", -1), bad, item(standin, "CUP", -1)).status_code == 422
    clock.advance(2.0)
    assert (standin.shows("MUG"), standin.shows("CUP")) == (9, 5)


@pytest.mark.parametrize(("dial", "status"), [("422", 422), ("accepted", 200)])
def test_what_an_uncounted_product_answers_is_a_dial(standin: BigCommerceStandIn, clock: ManualClock, dial: str, status: int) -> None:
    standin.dials.untracked = dial
    standin.untrack("MUG")
    assert adjust(standin, RELATIVE, item(standin, "MUG", -1)).status_code == status
    clock.advance(2.0)
    assert standin.changes == []


def test_too_long_a_list_and_a_broken_item_are_refused(standin: BigCommerceStandIn) -> None:
    assert adjust(standin, RELATIVE, *[item(standin, "MUG", 1)] * 2001).status_code == 422
    both = item(standin, "MUG", 1) | {"sku": "MUG"}
    for broken in (both, {"location_id": 1, "quantity": 1}, item(standin, "MUG", 1) | {"quantity": 1.5}):
        assert adjust(standin, RELATIVE, broken).status_code == 422
    assert standin.state.queue == []


def test_a_location_that_is_switched_off_takes_no_numbers(standin: BigCommerceStandIn) -> None:
    standin.location("SHOP", enabled=False)
    assert adjust(standin, ABSOLUTE, item(standin, "MUG", 1, 2)).status_code == 422


def test_each_location_has_a_number_of_its_own(standin: BigCommerceStandIn, clock: ManualClock) -> None:
    standin.stock([Item("TEE", 4, at=(("SHOP", 6),))])
    assert standin.places() == ("1", "2")
    standin.edit("TEE", 8, location="2")
    adjust(standin, RELATIVE, item(standin, "TEE", -1, 2))
    clock.advance(2.0)
    assert [standin.shows_at("TEE", place) for place in standin.places()] == [4, 7]
    assert [(change.cause, change.location, change.after) for change in standin.changes] == [("edit", "2", 8), ("write", "2", 7)]
    assert asyncio.run(ask(standin, "GET", "/v3/inventory/locations/2/items")).json()["data"][0]["total_inventory_onhand"] == 7
    assert asyncio.run(ask(standin, "GET", "/v3/inventory/locations/9/items")).status_code == 404


def test_the_stores_own_safety_stock_is_written_per_location(standin: BigCommerceStandIn) -> None:
    number = standin.state.products[int(ref(standin, "MUG")[2:])].variants[0].id
    path = "/v3/inventory/locations/1/items"
    body = {"settings": [{"identity": {"variant_id": number}, "safety_stock": 3}]}
    assert asyncio.run(ask(standin, "PUT", path, body)).status_code == 200
    assert standin.shows("MUG") == 7
    bare = asyncio.run(ask(standin, "PUT", path, {"settings": [{"identity": {"variant_id": number}}]}))
    assert bare.json() == sample("v3_inventory_settings_422.json")
