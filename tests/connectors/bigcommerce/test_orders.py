"""Orders: what each status means, by which rule the store counts, refunds that change no date, bundles, pickups, and crowded seconds."""

from __future__ import annotations

from typing import Any

import pytest

from channelsync.contract import Cursor, Gone, OrderSnapshot, OrderState
from channelsync.errors import Misunderstood, Refused
from channelsync.testing.standins.base import Item
from channelsync.testing.standins.bigcommerce import BigCommerceStandIn
from channelsync.testing.virtual_clock import VirtualClock
from channelsync_bigcommerce import BigCommerceConnector
from channelsync_bigcommerce.rules import Rules
from channelsync_bigcommerce.snapshot import Habits, RawLine, snapshot
from support.bigcommerce import orders, store, tell

PLACED = Rules(on_placed=True, edits=True, gives_back=True)
ON_SHIPPING = Rules(on_placed=False, edits=True, gives_back=True)
KEEPS = Rules(on_placed=True, edits=True, gives_back=False)
HABITS = Habits(frozenset({1, 2, 3, 7, 8, 9, 10, 11, 12, 13, 14}), partial_shipment_lowers=False, default_location="1")
DATE = "Tue, 05 Mar 2019 21:40:11 +0000"


def raw(status: int, **more: Any) -> dict[str, Any]:
    return {"id": 7, "status_id": status, "date_created": DATE, "date_modified": DATE, "date_shipped": "", **more}


def line(quantity: int, **more: Any) -> dict[str, Any]:
    return {"id": 1, "product_id": 5, "variant_id": 6, "sku": "A", "type": "physical", "quantity": quantity, **more}


def numbers(found: OrderSnapshot) -> tuple[int, ...]:
    """shipped, cancelled, quarantined, restocked, channel_took"""
    (only,) = found.lines
    assert only.adds_up()
    return only.shipped, only.cancelled, only.quarantined, only.restocked, only.channel_took


@pytest.mark.parametrize(
    ("status", "told", "rules", "wanted"),
    [
        (0, {}, PLACED, (0, 3, 0, 0, 0)),
        (1, {}, PLACED, (0, 0, 0, 0, 3)),
        (11, {}, PLACED, (0, 0, 0, 0, 3)),
        (11, {}, ON_SHIPPING, (0, 0, 0, 0, 0)),
        (3, {"quantity_shipped": 2}, PLACED, (2, 0, 0, 0, 3)),
        (3, {"quantity_shipped": 2}, ON_SHIPPING, (2, 0, 0, 0, 0)),
        (2, {"quantity_shipped": 3}, ON_SHIPPING, (3, 0, 0, 0, 3)),
        (10, {}, PLACED, (3, 0, 0, 0, 3)),
        (5, {}, PLACED, (0, 3, 0, 0, 0)),
        (5, {}, KEEPS, (0, 0, 3, 0, 3)),
        (5, {"quantity_shipped": 3}, PLACED, (3, 0, 0, 3, 0)),
        (4, {}, PLACED, (0, 3, 0, 0, 0)),
        (6, {}, PLACED, (0, 3, 0, 0, 0)),
        (14, {"quantity_refunded": 1}, PLACED, (0, 0, 1, 0, 3)),
        (14, {"quantity_refunded": 1}, ON_SHIPPING, (0, 1, 0, 0, 0)),
        (14, {"quantity_refunded": 1, "quantity_shipped": 3}, PLACED, (3, 0, 0, 0, 3)),
    ],
)
def test_what_a_status_says(status: int, told: dict[str, int], rules: Rules, wanted: tuple[int, ...]) -> None:
    assert numbers(snapshot(raw(status), [RawLine(line(3, **told), None)], rules, HABITS)) == wanted


def test_a_refund_by_action_gives_nothing_back() -> None:
    lines = [RawLine(line(3, quantity_refunded=3), None)]
    found = snapshot(raw(4), lines, PLACED, HABITS, refunded_by_action=True)
    assert numbers(found) == (0, 0, 3, 0, 3)
    assert found.state is OrderState.CANCELLED


def test_an_unknown_status_or_a_broken_number_is_set_aside() -> None:
    with pytest.raises(Misunderstood, match="status_id"):
        snapshot(raw(15), [], PLACED, HABITS)
    with pytest.raises(Misunderstood, match="quantity"):
        snapshot(raw(11), [RawLine(line(1) | {"quantity": 1.5}, None)], PLACED, HABITS)
    with pytest.raises(Misunderstood, match="date_modified"):
        snapshot(raw(11, date_modified="never"), [], PLACED, HABITS)


def test_what_has_no_stock_moves_none() -> None:
    rows = [
        line(1) | {"id": 1, "type": "digital"},
        line(1) | {"id": 2, "type": "giftcertificate"},
        line(1) | {"id": 3, "product_id": 0, "variant_id": None},
        line(1) | {"id": 4},
        line(2) | {"id": 5, "parent_order_product_id": 4, "is_bundled_product": True, "variant_id": None, "product_id": 9},
    ]
    found = snapshot(raw(11), [RawLine(row, None) for row in rows], PLACED, HABITS)
    assert [(one.stocked, one.listing, one.channel_took) for one in found.lines] == [
        (False, "v:6", 0),
        (False, "v:6", 0),
        (False, None, 0),
        (False, "v:6", 0),
        (True, "p:9", 2),
    ]
    counted = Habits(HABITS.placed, partial_shipment_lowers=False, default_location="1", bundle_parents_counted=True)
    assert snapshot(raw(11), [RawLine(row, None) for row in rows], PLACED, counted).lines[3].stocked


def test_lines_are_at_their_pickup_location_or_where_the_storefront_sells_from(clock: VirtualClock, standin: BigCommerceStandIn) -> None:
    pickup, shipped = standin.buy({"CUP": 2}, pickup=2), standin.buy({"CUP": 1})

    async def story(bc: BigCommerceConnector) -> None:
        found, _ = await orders(bc)
        assert {number: order.lines[0].location for number, order in found.items()} == {pickup: "2", shipped: "1"}

    tell(clock, standin, story)


def test_a_refund_that_changes_no_date_is_found(clock: VirtualClock, standin: BigCommerceStandIn) -> None:
    order = standin.buy({"MUG": 3})

    async def story(bc: BigCommerceConnector) -> None:
        _, cursor = await orders(bc)
        await clock.sleep(7200)
        standin.refund(order, "MUG", 1)
        await clock.sleep(5)
        found, cursor = await orders(bc, cursor)
        assert numbers(found[order]) == (0, 0, 1, 0, 3)
        await clock.sleep(7200)
        _, cursor = await orders(bc, cursor)
        found, _ = await orders(bc, cursor)
        assert found == {}, "beyond the overlap it is not read again"

    tell(clock, standin, story)


def test_refunded_by_hand_is_told_from_refunded_by_action(clock: VirtualClock, standin: BigCommerceStandIn) -> None:
    by_hand, by_action = standin.buy({"MUG": 2}), standin.buy({"MUG": 2})
    standin.set_status(by_hand, 4)
    standin.cancel(by_action, restock=False)

    async def story(bc: BigCommerceConnector) -> None:
        for ref, wanted in ((by_hand, (0, 2, 0, 0, 0)), (by_action, (0, 0, 2, 0, 2))):
            found = await bc.order(ref)
            assert isinstance(found, OrderSnapshot)
            assert numbers(found) == wanted

    tell(clock, standin, story)
    assert standin.shows("MUG") == 8


def test_an_archived_order_is_what_its_status_says_and_a_deleted_one_is_gone(clock: VirtualClock, standin: BigCommerceStandIn) -> None:
    archived, deleted = standin.buy({"MUG": 1}), standin.buy({"MUG": 1})
    standin.archive(archived)
    standin.delete(deleted)

    async def story(bc: BigCommerceConnector) -> None:
        found = await bc.order(archived)
        assert isinstance(found, OrderSnapshot)
        assert (found.state, found.lines[0].outstanding) == (OrderState.OPEN, 1)
        assert await bc.order(deleted) == Gone(deleted)

    tell(clock, standin, story)


@pytest.mark.parametrize("inclusive", [True, False])
def test_more_orders_in_one_second_than_a_page_holds(clock: VirtualClock, inclusive: bool) -> None:
    standin = store(clock, inclusive=inclusive)
    standin.stock([Item("MUG", 10_000)])

    async def story(bc: BigCommerceConnector) -> None:
        _, cursor = await orders(bc)
        await clock.sleep(5)
        placed = {standin.buy({"MUG": 1}) for _ in range(620)}
        await clock.sleep(1)
        placed |= {standin.buy({"MUG": 1}) for _ in range(30)}
        await clock.sleep(1)
        placed |= {standin.buy({"MUG": 1}) for _ in range(300)}
        await clock.sleep(60)
        found, _ = await orders(bc, cursor)
        assert set(found) == placed

    tell(clock, standin, story)


def test_the_rules_are_read_once_a_day(clock: VirtualClock, standin: BigCommerceStandIn) -> None:
    order = standin.buy({"MUG": 1})

    async def took(bc: BigCommerceConnector) -> int:
        found = await bc.order(order)
        assert isinstance(found, OrderSnapshot)
        return found.lines[0].channel_took

    async def story(bc: BigCommerceConnector) -> None:
        assert await took(bc) == 1
        standin.dials.update_stock_behavior = "order_completed_or_shipped"
        await clock.sleep(86_000)
        assert await took(bc) == 1
        await clock.sleep(500)
        assert await took(bc) == 0
        assert (await bc.check()).facts["lowers_stock_on"] == "order completed or shipped"

    tell(clock, standin, story)


def test_an_order_that_counts_more_than_it_shows_is_asked_for_its_lines(clock: VirtualClock, standin: BigCommerceStandIn) -> None:
    order = standin.buy({"MUG": 1, "CUP": 2})
    shown = standin.state.orders[int(order)].views[-1].shown
    shown["consignments"]["shipping"][0]["line_items"].pop()

    async def story(bc: BigCommerceConnector) -> None:
        found, _ = await orders(bc)
        assert [(one.sku, one.quantity) for one in found[order].lines] == [("MUG", 1), ("CUP", 2)]

    tell(clock, standin, story)


def test_a_gateways_404_does_not_make_an_order_gone(clock: VirtualClock, standin: BigCommerceStandIn) -> None:
    async def story(bc: BigCommerceConnector) -> None:
        assert await bc.order("999") == Gone("999")
        standin.state.store_hash = "moved"  # the path leads nowhere: the answer is no v2 resource's
        with pytest.raises(Refused, match="404"):
            await bc.order("999")

    tell(clock, standin, story)


def test_one_broken_order_does_not_stop_the_others(clock: VirtualClock, standin: BigCommerceStandIn) -> None:
    bad, good = standin.buy({"MUG": 1}), standin.buy({"MUG": 1})
    standin.state.orders[int(bad)].views[-1].shown["status_id"] = 99

    async def story(bc: BigCommerceConnector) -> None:
        pages = [page async for page in bc.orders(Cursor())]
        assert [order.ref for page in pages for order in page.items] == [good]
        ((ref, reason, _),) = [one for page in pages for one in page.refused]
        assert (ref, reason) == (bad, "status_id is not documented: '99'")

    tell(clock, standin, story)
