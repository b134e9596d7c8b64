"""From Shopify's quantities to a snapshot's: each case of cancelling, refunding, returning and editing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from channelsync.contract import Effect, OrderLine, OrderSnapshot, OrderState
from channelsync_shopify.order_answers import Order
from channelsync_shopify.orders import TakenIn, Where, snapshot
from channelsync_shopify.shapes import Malformed, shaped
from support.shopify import LOCATION
from support.shopify_orders import UPDATED, line, order, refund, refund_line

PLACED = datetime(2026, 1, 15, 10, 0, 0, 999_999, tzinfo=UTC)
REFUNDED = datetime(2026, 1, 15, 10, 30, 0, 999_999, tzinfo=UTC)
CHANGED = datetime(2026, 1, 15, 11, 0, 0, 999_999, tzinfo=UTC)


def seen(raw: dict[str, Any]) -> OrderSnapshot:
    return snapshot(shaped(Order, raw, "the order"), Where(LOCATION))


def the_line(raw: dict[str, Any]) -> OrderLine:
    (only,) = seen(raw).lines
    assert only.adds_up()
    return only


def parts(found: OrderLine) -> tuple[int, int, int, int, int]:
    return found.shipped, found.cancelled, found.quarantined, found.restocked, found.channel_took


def test_an_order_as_it_was_placed() -> None:
    found = seen(order())
    assert (found.ref, found.number, found.state) == ("gid://shopify/Order/1", "#1001", OrderState.OPEN)
    assert found.created_at == datetime(2026, 1, 15, 10, tzinfo=UTC)
    assert found.modified_at == datetime(2026, 1, 15, 11, tzinfo=UTC)
    assert found.lines == (
        OrderLine(
            ref="gid://shopify/LineItem/1@82014863546",
            listing="gid://shopify/InventoryItem/1",
            quantity=3,
            sku="SKU-1",
            title="Mug",
            effects=(Effect(3, PLACED),),
        ),
    )


def test_shipped_in_part() -> None:
    assert parts(the_line(order(line(quantity=3, unfulfilled=1)))) == (2, 0, 0, 0, 3)


def test_partly_cancelled_with_restock() -> None:
    found = the_line(order(line(gone=1), refunds=(refund(refund_line(1, "CANCEL")),)))
    assert parts(found) == (0, 1, 0, 0, 2)
    assert found.effects == (Effect(3, PLACED), Effect(-1, REFUNDED))
    assert found.outstanding == 2


def test_partly_cancelled_without_restock_waits_for_a_person() -> None:
    found = the_line(order(line(gone=1), refunds=(refund(refund_line(1, "NO_RESTOCK")),)))
    assert parts(found) == (0, 0, 1, 0, 3)


def test_returned_with_restock_stays_shipped() -> None:
    found = the_line(order(line(unfulfilled=0), refunds=(refund(refund_line(2, "RETURN")),)))
    assert parts(found) == (3, 0, 0, 2, 1)


def test_returned_without_restock_changes_nothing() -> None:
    assert parts(the_line(order(line(unfulfilled=0), refunds=(refund(refund_line(2, "NO_RESTOCK")),)))) == (3, 0, 0, 0, 3)


def test_refunded_before_and_after_shipping() -> None:
    refunds = (refund(refund_line(1, "CANCEL"), number=1), refund(refund_line(1, "RETURN"), refund_line(1, "NO_RESTOCK"), number=2))
    found = the_line(order(line(quantity=5, unfulfilled=1, gone=2), refunds=refunds))
    assert parts(found) == (2, 1, 1, 1, 3)
    assert found.outstanding == 1


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (line(unfulfilled=0), (3, 0, 0, 1, 2)),  # all had shipped: it came back
        (line(gone=1), (0, 1, 0, 0, 2)),  # nothing had shipped: it was cancelled
    ],
)
def test_legacy_restocks_go_to_what_had_shipped(given: dict[str, Any], expected: tuple[int, ...]) -> None:
    assert parts(the_line(order(given, refunds=(refund(refund_line(1, "LEGACY_RESTOCK")),)))) == expected


def test_an_unknown_restock_type_gives_nothing_back() -> None:
    assert parts(the_line(order(line(gone=1), refunds=(refund(refund_line(1, "TELEPORTED")),)))) == (0, 0, 1, 0, 3)


def test_a_cancelled_order_with_restock() -> None:
    found = seen(order(line(gone=3), refunds=(refund(refund_line(3, "CANCEL")),), cancelledAt=UPDATED))
    assert found.state is OrderState.CANCELLED
    assert parts(found.lines[0]) == (0, 3, 0, 0, 0)


@pytest.mark.parametrize("gone", [0, 3])
def test_a_cancelled_order_without_restock_is_quarantined_whatever_the_line_says(gone: int) -> None:
    assert parts(the_line(order(line(gone=gone), cancelledAt=UPDATED))) == (0, 0, 3, 0, 3)


def test_an_unconfirmed_order_took_nothing() -> None:
    assert parts(the_line(order(confirmed=False))) == (0, 0, 0, 0, 0)
    assert parts(the_line(order(confirmed=False, cancelledAt=UPDATED))) == (0, 3, 0, 0, 0), "never taken, so still on sale"


def test_an_edited_order_may_have_taken_as_late_as_its_last_change() -> None:
    assert the_line(order(edited=True)).effects == (Effect(3, CHANGED),)


def test_a_refund_without_a_time_happened_by_the_last_change() -> None:
    found = the_line(order(line(gone=1), refunds=(refund(refund_line(1, "CANCEL"), at=None),)))
    assert found.effects == (Effect(3, PLACED), Effect(-1, CHANGED))


def test_a_gift_card_moves_nothing() -> None:
    found = the_line(order(line(isGiftCard=True)))
    assert (found.stocked, found.effects, found.quantity) == (False, (), 3)
    assert parts(the_line(order(line(isGiftCard=True, gone=2)))) == (0, 2, 0, 0, 0)


def test_a_variant_that_was_deleted_after_the_sale_leaves_the_numbers_as_they_were() -> None:
    refunds = (refund(refund_line(1, "NO_RESTOCK")),)
    before, after = the_line(order(line(gone=1), refunds=refunds)), the_line(order(line(gone=1, variant=None), refunds=refunds))
    assert (after.stocked, after.listing) == (False, None)
    assert parts(after) == parts(before)
    assert after.effects == before.effects


def test_an_untracked_item_is_sold_but_the_shop_counts_nothing() -> None:
    variant = {"id": "gid://shopify/ProductVariant/1", "inventoryItem": {"id": "gid://shopify/InventoryItem/1", "tracked": False}}
    found = the_line(order(line(variant=variant)))
    assert (found.stocked, found.listing, found.effects) == (True, "gid://shopify/InventoryItem/1", ())


def test_what_travels_along() -> None:
    attributes = [{"key": "colour", "value": "blue"}, {"key": "reservation_ref", "value": "r-17"}]
    found = seen(order(customAttributes=attributes, test=True, retailLocation={"id": "gid://shopify/Location/9"}))
    assert (found.reservation_ref, found.test, found.lines[0].location) == ("r-17", True, "gid://shopify/Location/9")
    assert seen(order(customAttributes=[{"key": "reservation_ref", "value": None}])).reservation_ref is None


def test_a_sale_at_a_till_elsewhere_leaves_our_number_alone() -> None:
    here, there = the_line(order(retailLocation={"id": LOCATION})), the_line(order(retailLocation={"id": "gid://shopify/Location/9"}))
    assert (here.channel_took, there.channel_took) == (3, 0)
    assert (here.quantity, there.quantity) == (3, 3), "sold all the same"
    assert (here.stocked, there.stocked) == (True, False), "what lies elsewhere is not ours"


def test_times_of_another_zone_are_told_in_utc() -> None:
    found = seen(order(updatedAt="2026-01-15T06:00:00-05:00"))
    assert found.modified_at == datetime(2026, 1, 15, 11, tzinfo=UTC)
    assert found.modified_at.tzinfo is UTC


@pytest.mark.parametrize(
    "raw",
    [
        order(line(quantity=1, unfulfilled=2)),  # more to ship than were ordered
        order(line(gone=0), refunds=(refund(refund_line(1, "CANCEL")),)),  # cancelled, yet still to be shipped
        order(line(), refunds=(refund(refund_line(1, "RETURN")),)),  # returned, yet never shipped
        order(line(quantity=-1)),
    ],
)
def test_numbers_that_contradict_each_other_are_not_made_to_fit(raw: dict[str, Any]) -> None:
    with pytest.raises(Malformed, match="does not add up"):
        seen(raw)


@pytest.mark.parametrize(
    "changes", [{"updatedAt": None}, {"updatedAt": "2026-01-15T11:00:00"}, {"lineItems": None}, {"confirmed": "perhaps"}]
)
def test_a_shape_that_does_not_fit_names_its_place(changes: dict[str, Any]) -> None:
    with pytest.raises(Malformed, match=next(iter(changes))):
        shaped(Order, order(**changes), "the order")


def test_what_needs_no_shipping_counts_if_it_is_tracked() -> None:
    """A licence from a tracked pool is a unit like any other; an untracked one moves nothing."""
    tracked = the_line(order(line(requiresShipping=False, unfulfilled=0)))
    assert (tracked.stocked, tracked.shipped, tracked.channel_took) == (True, 3, 3)
    loose = {"id": "gid://shopify/ProductVariant/1", "inventoryItem": {"id": "gid://shopify/InventoryItem/1", "tracked": False}}
    assert the_line(order(line(requiresShipping=False, variant=loose))).channel_took == 0


def test_a_bundle_is_its_components_lines_and_each_is_taken_once() -> None:
    """Shopify splits a bundle itself: the group only says that the lines belong together."""
    group = {"id": "gid://shopify/LineItemGroup/1", "variantId": "gid://shopify/ProductVariant/9", "quantity": 1}
    found = seen(order(line(1, quantity=2, lineItemGroup=group), line(2, quantity=1, lineItemGroup=group)))
    assert [(each.listing, each.stocked, each.channel_took) for each in found.lines] == [
        ("gid://shopify/InventoryItem/1", True, 2),
        ("gid://shopify/InventoryItem/2", True, 1),
    ]


@pytest.mark.parametrize("status", ["PENDING", "AUTHORIZED", "EXPIRED", "VOIDED", "PARTIALLY_PAID"])
def test_an_order_holds_its_units_whatever_is_paid(status: str) -> None:
    found = seen(order(displayFinancialStatus=status))
    assert (found.state, found.lines[0].outstanding, found.lines[0].channel_took) == (OrderState.OPEN, 3, 3)


def test_an_archived_order_that_is_not_shipped_still_owes_its_units() -> None:
    found = seen(order(closedAt=UPDATED))
    assert (found.state, found.lines[0].outstanding) == (OrderState.OPEN, 3)


def test_a_unit_that_was_refunded_and_one_that_was_only_taken_in_are_both_back() -> None:
    raw = order(line(unfulfilled=0), refunds=(refund(refund_line(1, "RETURN")),))
    back = TakenIn("gid://shopify/LineItem/1", None, 1, REFUNDED)
    found = snapshot(shaped(Order, raw, "the order"), Where(LOCATION, taken_in=(back,))).lines[0]
    assert (found.restocked, found.channel_took) == (2, 1)
