"""Orders as snapshots: stock from `_reduced_stock` and nothing else, and every state adds up."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channelsync.contract import Effect, OrderLine, OrderSnapshot, OrderState
from channelsync.errors import Misunderstood
from channelsync_woocommerce.snapshot import snapshot, unshipped_refunds

PAID = datetime(2026, 11, 21, 10, 0, 0, 999_999, tzinfo=UTC)
CHANGED = datetime(2026, 11, 21, 12, 0, 0, 999_999, tzinfo=UTC)


def order(
    status: str, *, shipped: bool = False, paid: bool = True, reduced: str | None = None, back: str | None = None, **fields: Any
) -> dict[str, Any]:
    meta = [
        {"key": key, "value": value} for key, value in (("_reduced_stock", reduced), ("_restock_refunded_items", back)) if value is not None
    ]
    line = {"id": 1, "product_id": 12, "variation_id": 0, "quantity": 4, "sku": "MUG", "name": "Mug", "meta_data": meta}
    return {
        "id": 40,
        "status": status,
        "created_via": "checkout",
        "date_created_gmt": "2026-11-21T09:00:00",
        "date_modified_gmt": "2026-11-21T12:00:00",
        "date_paid_gmt": "2026-11-21T10:00:00" if paid else None,
        "date_completed_gmt": "2026-11-21T11:00:00" if shipped else None,
        "line_items": [line],
        **fields,
    }


def read(raw: dict[str, Any]) -> tuple[OrderSnapshot, OrderLine]:
    found = snapshot(raw, 60)
    (line,) = found.lines
    assert line.adds_up()
    return found, line


@pytest.mark.parametrize("status", ["processing", "on-hold", "packed-by-a-plugin"])
def test_an_open_order_holds_its_units_and_took_what_its_line_says(status: str) -> None:
    found, line = read(order(status, reduced="4"))
    assert (found.state, line.outstanding, line.channel_took, line.listing) == (OrderState.OPEN, 4, 4, "12")
    assert line.effects == (Effect(4, PAID),)


def test_a_completed_order_is_shipped() -> None:
    found, line = read(order("completed", shipped=True, reduced="4"))
    assert (found.state, line.shipped, line.outstanding, line.restocked) == (OrderState.OPEN, 4, 0, 0)


def test_the_line_of_an_unmanaged_product_ships_and_comes_back_by_nobodys_word() -> None:
    _, line = read(order("completed", shipped=True))
    assert (line.shipped, line.restocked, line.effects) == (4, 0, ())


def test_a_refund_with_restock_before_shipping_cancels_units() -> None:
    _, line = read(order("processing", reduced="3", back="1"))
    assert (line.cancelled, line.outstanding, line.channel_took) == (1, 3, 3)
    assert line.effects == (Effect(4, PAID), Effect(-1, CHANGED))


def test_a_refund_with_restock_after_shipping_is_a_return() -> None:
    _, line = read(order("completed", shipped=True, reduced="3", back="1"))
    assert (line.shipped, line.restocked, line.channel_took) == (4, 1, 3)


@pytest.mark.parametrize("status", ["failed", "refunded", "trash", "cancelled"])
def test_a_dead_order_that_still_takes_stock_is_quarantined(status: str) -> None:
    found, line = read(order(status, reduced="4"))
    assert (line.quarantined, line.cancelled, line.outstanding) == (4, 0, 0)
    assert found.state is (OrderState.DELETED if status == "trash" else OrderState.CANCELLED)


@pytest.mark.parametrize("status", ["failed", "refunded", "trash", "cancelled"])
def test_a_dead_order_that_gave_its_stock_back_is_cancelled(status: str) -> None:
    _, line = read(order(status))
    assert (line.cancelled, line.quarantined, line.channel_took) == (4, 0, 0)


def refund(units: int, at: str) -> dict[str, Any]:
    return {"date_created_gmt": at, "line_items": [{"quantity": -units, "meta_data": [{"key": "_refunded_item_id", "value": "1"}]}]}


EARLY, LATE = "2026-11-21T10:30:00", "2026-11-21T11:30:00"


@pytest.mark.parametrize(
    ("raw", "refunds", "expected"),
    [
        (order("processing", reduced="4"), [refund(1, EARLY)], {"quarantined": 1, "outstanding": 3}),
        (
            order("processing", reduced="3", back="1"),
            [refund(1, EARLY), refund(1, EARLY)],
            {"cancelled": 1, "quarantined": 1, "outstanding": 2},
        ),
        (order("processing", reduced="3", back="1"), [], {"cancelled": 1, "quarantined": 0, "outstanding": 3}),
        (order("completed", shipped=True, reduced="4"), [refund(1, EARLY)], {"shipped": 3, "quarantined": 1, "restocked": 0}),
        (order("completed", shipped=True, reduced="4"), [refund(1, LATE)], {"shipped": 4, "quarantined": 0, "restocked": 0}),
        (
            order("completed", shipped=True, reduced="2", back="2"),
            [refund(1, EARLY), refund(1, LATE)],
            {"shipped": 3, "cancelled": 1, "restocked": 1},
        ),
        (order("completed", shipped=True, reduced="4"), [refund(9, EARLY)], {"shipped": 0, "quarantined": 4}),
    ],
)
def test_units_refunded_before_they_shipped_never_left(
    raw: dict[str, Any], refunds: list[dict[str, Any]], expected: dict[str, int]
) -> None:
    (line,) = snapshot(raw, 60, unshipped_refunds(raw, refunds)).lines
    assert line.adds_up()
    assert {name: getattr(line, name) for name in expected} == expected


def test_a_dead_order_that_was_refunded_in_part_splits() -> None:
    _, line = read(order("failed", reduced="3", back="1"))
    assert (line.quarantined, line.cancelled) == (3, 1)


def test_a_cancelled_paid_order_tells_both_effects() -> None:
    _, line = read(order("cancelled"))
    assert line.effects == (Effect(4, PAID), Effect(-4, CHANGED))


def test_a_shipped_order_that_is_cancelled_came_back() -> None:
    _, line = read(order("cancelled", shipped=True))
    assert (line.shipped, line.restocked, line.cancelled) == (4, 4, 0)


@pytest.mark.parametrize("status", ["trash", "refunded", "failed"])
def test_shipped_units_of_a_dead_order_stay_shipped_unless_refunded_with_restock(status: str) -> None:
    _, line = read(order(status, shipped=True, reduced="4"))
    assert (line.shipped, line.restocked) == (4, 0)
    _, unmanaged = read(order(status, shipped=True))
    assert unmanaged.restocked == 0
    _, returned = read(order(status, shipped=True, reduced="0", back="4"))
    assert returned.restocked == 4


@pytest.mark.parametrize(("created_via", "withheld"), [("checkout", 4), ("store-api", 4), ("rest-api", 0), ("admin", 0)])
def test_a_pending_order_is_a_soft_claim_and_only_checkouts_withhold(created_via: str, withheld: int) -> None:
    found, line = read(order("pending", paid=False, created_via=created_via))
    assert (found.state, line.withheld, line.outstanding, line.channel_took) == (OrderState.PENDING, withheld, 4, 0)
    assert found.hold_until == datetime(2026, 11, 21, 10, 0, tzinfo=UTC)


def test_a_shop_without_holds_withholds_nothing() -> None:
    found = snapshot(order("pending", paid=False), 0)
    assert (found.lines[0].withheld, found.hold_until) == (0, found.created_at)


def test_a_checkout_draft_claims_nothing() -> None:
    found = snapshot(order("checkout-draft", paid=False), 60)
    assert (found.state, found.lines, found.hold_until) == (OrderState.PENDING, (), found.created_at)


def test_an_unpaid_order_was_lowered_by_its_last_change_at_the_latest() -> None:
    _, line = read(order("on-hold", paid=False, reduced="4"))
    assert line.effects == (Effect(4, CHANGED),)


def test_an_edited_line_was_lowered_by_the_last_change_at_the_latest() -> None:
    _, line = read(order("processing", reduced="2"))
    assert line.effects == (Effect(2, CHANGED),)


def test_a_deleted_product_leaves_a_line_without_listing() -> None:
    raw = order("processing", reduced="4")
    raw["line_items"][0] |= {"product_id": 0, "sku": None}
    _, line = read(raw)
    assert (line.listing, line.sku, line.outstanding) == (None, None, 4)


def test_a_variation_is_named_with_its_parent() -> None:
    raw = order("processing")
    raw["line_items"][0] |= {"product_id": 32, "variation_id": 33}
    assert read(raw)[1].listing == "32:33"


@pytest.mark.parametrize("key", ["_reservation_ref", "reservation_ref"])
def test_the_storefronts_reservation_is_found_in_the_orders_meta(key: str) -> None:
    found = snapshot(order("processing", meta_data=[{"key": "x", "value": 1}, {"key": key, "value": "r-1"}]), 60)
    assert found.reservation_ref == "r-1"


@pytest.mark.parametrize(
    "broken",
    [
        {"date_modified_gmt": None},
        {"date_created_gmt": "yesterday"},
        {"id": "40"},
        {"line_items": [{"id": 1, "quantity": 1.5}]},
        {"line_items": [{"id": 1, "quantity": 1, "meta_data": [{"key": "_reduced_stock", "value": "many"}]}]},
        {"line_items": [{"id": 1, "product_id": "x", "quantity": 1}]},
    ],
)
def test_what_is_not_understood_is_said(broken: dict[str, Any]) -> None:
    with pytest.raises(Misunderstood):
        snapshot(order("processing") | broken, 60)


statuses = st.sampled_from(["pending", "processing", "on-hold", "completed", "cancelled", "refunded", "failed", "trash", "packed"])
numbers = st.none() | st.integers(-3, 9).map(str)


@given(status=statuses, shipped=st.booleans(), paid=st.booleans(), reduced=numbers, back=numbers, refunded=st.integers(0, 9))
def test_every_line_adds_up_and_its_effects_sum_to_what_it_says(
    status: str, shipped: bool, paid: bool, reduced: str | None, back: str | None, refunded: int
) -> None:
    (line,) = snapshot(order(status, shipped=shipped, paid=paid, reduced=reduced, back=back), 60, {1: refunded}).lines
    assert line.adds_up()
    assert line.channel_took == int(reduced or 0)
    assert all(effect.at in (PAID, CHANGED) for effect in line.effects)
