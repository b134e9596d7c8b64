"""The stand-in at several locations: numbers, parts of orders, moves, tills, and what comes back where."""

from __future__ import annotations

from typing import Any

import pytest

from channelsync.testing.standins.base import HasPlaces, Item, SoldOut
from channelsync.testing.standins.shopify import ShopifyStandIn
from channelsync.testing.virtual_clock import VirtualClock
from support.shopify import Api, run, stand_in

PARTS = """query($id: ID!) { order(id: $id) {
  fulfillmentOrders(first: 9) { nodes { status assignedLocation { location { name } } lineItems(first: 9) { nodes { totalQuantity remainingQuantity } } } }
  fulfillments(first: 9) { status location { name } fulfillmentLineItems(first: 9) { nodes { quantity } } }
} }"""


@pytest.fixture
def shop() -> ShopifyStandIn:
    return stand_in(VirtualClock(), Item("MUG", 2, at=(("Window", 3),)), locations=("Warehouse", "Window"))


def numbers(shop: ShopifyStandIn) -> dict[str, tuple[int, int]]:
    """Available and committed by location."""
    return {place.name: ((level := shop.level("MUG", place)).available, level.committed) for place in shop.stocked}


def parts(shop: ShopifyStandIn, ref: str) -> Any:
    return run(Api(shop).data(PARTS, id=ref))["order"]


def test_it_keeps_a_number_for_each_place(shop: ShopifyStandIn) -> None:
    assert isinstance(shop, HasPlaces)
    assert [shop.shows_at("MUG", place) for place in shop.places()] == [2, 3]
    assert (shop.shows("MUG"), shop.sellable("MUG")) == (5, 5)
    assert "shop_location" not in shop.settings("https://x.test")
    with pytest.raises(SoldOut):
        shop.buy({"MUG": 6})


def test_the_first_place_that_has_them_all_serves_else_they_are_split(shop: ShopifyStandIn) -> None:
    shop.buy({"MUG": 3})
    assert numbers(shop) == {"Warehouse": (2, 0), "Window": (0, 3)}
    shop.edit("MUG", 1, location=shop.places()[1])
    ref = shop.buy({"MUG": 3})
    assert numbers(shop) == {"Warehouse": (0, 2), "Window": (0, 4)}
    told = [
        (part["assignedLocation"]["location"]["name"], part["lineItems"]["nodes"])
        for part in parts(shop, ref)["fulfillmentOrders"]["nodes"]
    ]
    assert told == [
        ("Warehouse", [{"totalQuantity": 2, "remainingQuantity": 2}]),
        ("Window", [{"totalQuantity": 1, "remainingQuantity": 1}]),
    ]


def test_a_move_takes_the_commitment_along_and_closes_the_old_part(shop: ShopifyStandIn) -> None:
    ref = shop.buy({"MUG": 2})
    shop.move(ref, shop.places()[1])
    assert numbers(shop) == {"Warehouse": (2, 0), "Window": (1, 2)}
    told = {part["assignedLocation"]["location"]["name"]: part["status"] for part in parts(shop, ref)["fulfillmentOrders"]["nodes"]}
    assert told == {"Warehouse": "CLOSED", "Window": "OPEN"}
    assert {line.location: line.open for line in shop.orders[ref].lines} == dict(zip(shop.places(), (0, 2), strict=True))


def test_each_place_sends_its_own_parcel(shop: ShopifyStandIn) -> None:
    ref = shop.buy({"MUG": 5})
    shop.ship(ref, location=shop.places()[1], units={"MUG": 1})
    shop.ship(ref)
    assert numbers(shop) == {"Warehouse": (0, 0), "Window": (0, 0)}
    told = [(each["location"]["name"], each["fulfillmentLineItems"]["nodes"][0]["quantity"]) for each in parts(shop, ref)["fulfillments"]]
    assert sorted(told) == [("Warehouse", 2), ("Window", 1), ("Window", 2)]


def test_goods_can_come_back_to_another_place(shop: ShopifyStandIn) -> None:
    ref = shop.buy({"MUG": 1})
    shop.ship(ref)
    shop.refund(ref, "MUG", 1, location=shop.places()[1])
    assert numbers(shop) == {"Warehouse": (1, 0), "Window": (4, 0)}


def test_goods_that_are_taken_in_are_on_the_shelf_before_any_refund_and_the_refund_moves_nothing(shop: ShopifyStandIn) -> None:
    ref = shop.buy({"MUG": 1})
    shop.ship(ref)
    shop.desk.take_in(ref, "MUG", 1)
    assert numbers(shop)["Warehouse"] == (2, 0)
    assert shop.record(ref).return_status == "RETURNED"
    shop.desk.refund_return(ref)
    assert numbers(shop)["Warehouse"] == (2, 0)


def test_a_till_sells_from_its_own_place_and_commits_nothing(shop: ShopifyStandIn) -> None:
    shop.desk.sell_at_till({"MUG": 2}, shop.stocked[1])
    assert numbers(shop) == {"Warehouse": (2, 0), "Window": (1, 0)}


def test_a_closed_place_sells_nothing_and_keeps_its_number(shop: ShopifyStandIn) -> None:
    ref = shop.buy({"MUG": 3})
    shop.deactivate(shop.places()[1])
    assert numbers(shop)["Window"] == (3, 0)
    assert shop.sellable("MUG") == shop.shows_at("MUG", shop.places()[0])
    assert [line.open for line in shop.orders[ref].lines if line.location == shop.places()[0]] == [3]


def test_a_hold_shows_in_the_part_alone(shop: ShopifyStandIn) -> None:
    ref = shop.buy({"MUG": 1})
    before = shop.record(ref).updated_at
    shop.desk.hold(ref)
    assert [part["status"] for part in parts(shop, ref)["fulfillmentOrders"]["nodes"]] == ["ON_HOLD"]
    assert shop.record(ref).updated_at == before
