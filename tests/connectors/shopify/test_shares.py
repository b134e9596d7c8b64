"""A line's units by location: the line's own numbers are the truth, fulfillment orders and parcels say where."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channelsync.contract import OrderLine
from channelsync_shopify.order_answers import Order, OrderPlaces
from channelsync_shopify.orders import TakenIn, Where, latest, snapshot
from channelsync_shopify.shapes import shaped
from channelsync_shopify.shares import Back, Spot, shares, spots_of
from support.shopify import page
from support.shopify_orders import UPDATED, line, order, refund, refund_line

HOME, SHOP, FAR = (f"gid://shopify/Location/{number}" for number in (1, 2, 3))


def part(location: str, remaining: int, total: int | None = None, status: str = "OPEN", at: str = "2026-01-15T10:00:00Z") -> dict[str, Any]:
    row = {
        "totalQuantity": remaining if total is None else total,
        "remainingQuantity": remaining,
        "lineItem": {"id": "gid://shopify/LineItem/1"},
    }
    return {"status": status, "updatedAt": at, "assignedLocation": {"location": {"id": location}}, "lineItems": page([row])}


def parcel(location: str, units: int, status: str = "SUCCESS") -> dict[str, Any]:
    rows = page([{"quantity": units, "lineItem": {"id": "gid://shopify/LineItem/1"}}])
    return {"status": status, "location": {"id": location}, "fulfillmentLineItems": rows}


def seen(raw: dict[str, Any], *parts: dict[str, Any], parcels: tuple[dict[str, Any], ...] = (), taken_in: Any = ()) -> dict[str, OrderLine]:
    """Lines by location."""
    places = {"id": raw["id"], "updatedAt": UPDATED, "fulfillmentOrders": page(parts), "fulfillments": list(parcels)}
    told = shaped(OrderPlaces, places, "places")
    where = Where(HOME, spots_of(told.fulfillment_orders.nodes, told.fulfillments), taken_in)
    lines = snapshot(shaped(Order, raw, "the order"), where).lines
    assert all(each.adds_up() for each in lines)
    assert all(each.ref == f"gid://shopify/LineItem/1@{(each.location or '').rpartition('/')[2]}" for each in lines)
    return {str(each.location): each for each in lines}


def numbers(found: OrderLine) -> tuple[int, int, int, int, int, int]:
    return found.quantity, found.shipped, found.cancelled, found.quarantined, found.restocked, found.channel_took


def at(raw: dict[str, Any], location: str, kind: str = "CANCEL", units: int = 1) -> dict[str, Any]:
    return order(line(**raw), refunds=(refund({**refund_line(units, kind), "location": {"id": location}}),))


def test_an_order_split_over_two_locations() -> None:
    found = seen(order(line(quantity=3)), part(HOME, 2), part(SHOP, 1))
    assert {ref: numbers(each) for ref, each in found.items()} == {HOME: (2, 0, 0, 0, 0, 2), SHOP: (1, 0, 0, 0, 0, 1)}


def test_each_part_ships_from_its_own_place() -> None:
    parts = (part(HOME, 0, 2, "CLOSED"), part(SHOP, 1))
    found = seen(order(line(quantity=3, unfulfilled=1)), *parts, parcels=(parcel(HOME, 2), parcel(SHOP, 9, "CANCELLED")))
    assert {ref: numbers(each)[:2] for ref, each in found.items()} == {HOME: (2, 2), SHOP: (1, 0)}


def test_a_moved_part_leaves_a_line_of_nothing_behind() -> None:
    found = seen(order(line(quantity=3)), part(HOME, 0, 3, "CLOSED"), part(SHOP, 3, at="2026-01-15T10:50:00Z"))
    assert {ref: numbers(each) for ref, each in found.items()} == {HOME: (0, 0, 0, 0, 0, 0), SHOP: (3, 0, 0, 0, 0, 3)}
    assert found[SHOP].effects[0].at.isoformat() == "2026-01-15T10:50:00.999999+00:00", "it cannot be dated before the move"


def test_a_part_on_hold_still_holds_and_a_cancelled_one_does_not() -> None:
    found = seen(order(line(quantity=3)), part(HOME, 3, status="CANCELLED"), part(HOME, 3, status="ON_HOLD"))
    assert numbers(found[HOME]) == (3, 0, 0, 0, 0, 3)
    assert found[HOME].outstanding == 3


def test_units_put_back_on_sale_were_taken_where_they_went() -> None:
    found = seen(at({"quantity": 3, "gone": 1}, SHOP), part(HOME, 2), part(SHOP, 0, 1, "CLOSED"))
    assert {ref: numbers(each) for ref, each in found.items()} == {HOME: (2, 0, 0, 0, 0, 2), SHOP: (1, 0, 1, 0, 0, 0)}


def test_a_cancelled_order_without_restock_keeps_each_part_where_it_is() -> None:
    raw = order(line(quantity=3, gone=3), cancelledAt=UPDATED, refunds=(refund(refund_line(3, "NO_RESTOCK")),))
    found = seen(raw, part(HOME, 0, 2, "CLOSED"), part(SHOP, 0, 1, "CLOSED"))
    assert {ref: numbers(each) for ref, each in found.items()} == {HOME: (2, 0, 0, 2, 0, 2), SHOP: (1, 0, 0, 1, 0, 1)}


def test_a_cancelled_unit_that_goes_on_sale_elsewhere_is_free_where_it_lies_and_raises_the_other_number() -> None:
    found = seen(at({"quantity": 1, "unfulfilled": 0, "gone": 1}, FAR), part(HOME, 0, 1, "CLOSED"))
    assert {ref: numbers(each) for ref, each in found.items()} == {HOME: (1, 0, 1, 0, 0, 1), FAR: (0, 0, 0, 0, 0, -1)}


def test_a_return_to_another_place_raises_that_number_and_waits_to_be_counted() -> None:
    raw = at({"quantity": 1, "unfulfilled": 0}, FAR, "RETURN")
    found = seen(raw, part(HOME, 0, 1, "CLOSED"), parcels=(parcel(HOME, 1),))
    assert {ref: numbers(each) for ref, each in found.items()} == {HOME: (1, 1, 0, 0, 0, 1), FAR: (0, 0, 0, 0, 0, -1)}


def test_what_was_taken_in_without_a_refund_is_on_sale_again() -> None:
    raw = order(line(quantity=2, unfulfilled=0))
    back = TakenIn("gid://shopify/LineItem/1", HOME, 1, latest(shaped(Order, raw, "it").updated_at))
    found = seen(raw, part(HOME, 0, 2, "CLOSED"), parcels=(parcel(HOME, 2),), taken_in=(back,))
    assert numbers(found[HOME]) == (2, 2, 0, 0, 1, 1)


def test_a_till_sale_is_taken_from_the_tills_place() -> None:
    raw = order(line(quantity=1, unfulfilled=0), retailLocation={"id": SHOP})
    assert {ref: numbers(each) for ref, each in seen(raw).items()} == {SHOP: (1, 1, 0, 0, 0, 1)}


def test_an_order_whose_parts_are_not_told_is_taken_from_home() -> None:
    assert {ref: each.outstanding for ref, each in seen(order(line(quantity=3))).items()} == {HOME: 3}


@pytest.mark.parametrize("status", ["OPEN", "IN_PROGRESS", "SCHEDULED", "INCOMPLETE", "A_NEW_ONE"])
def test_parts_that_are_not_closed_wait(status: str) -> None:
    assert seen(order(line(quantity=2)), part(SHOP, 2, status=status))[SHOP].outstanding == 2


SMALL = st.integers(0, 5)
SPOTS = st.dictionaries(st.sampled_from([HOME, SHOP, FAR]), st.builds(Spot, total=SMALL, waiting=SMALL, shipped=SMALL), max_size=3)
BACKS = st.dictionaries(st.sampled_from([HOME, SHOP, FAR]), st.builds(Back, cancelled=SMALL, returned=SMALL, legacy=SMALL), max_size=3)


@given(shipped=SMALL, waiting=SMALL, gone=SMALL, spots=SPOTS, backs=BACKS)
def test_the_shares_of_a_line_sum_up_to_the_line_whatever_the_places_say(
    shipped: int, waiting: int, gone: int, spots: dict[str, Spot], backs: dict[str, Back]
) -> None:
    from channelsync_shopify.order_answers import Line

    raw = shaped(Line, line(quantity=shipped + waiting + gone, unfulfilled=waiting, gone=gone), "a line")
    made = shares(raw, spots, backs, HOME)
    assert sum(share.quantity for share in made) == raw.quantity
    assert sum(share.shipped for share in made) == shipped
    assert sum(share.gone for share in made) == gone
    assert len({share.location for share in made}) == len(made)
    for share in made:
        assert 0 <= share.shipped + share.gone <= share.quantity
        assert share.back.cancelled <= share.gone
        assert share.back.returned <= share.shipped
    assert sum(share.back.cancelled for share in made) == min(gone, sum(back.cancelled for back in backs.values()))
