"""Statuses and lines of plug-ins: what the settings say they mean, and bundles whose parts are lines of their own."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from channelsync.contract import Cursor, OrderLine, OrderState
from channelsync.testing.standins.base import Item
from channelsync.testing.standins.woocommerce import WooCommerceStandIn
from channelsync.testing.standins.woocommerce.state import put_meta
from channelsync.testing.virtual_clock import VirtualClock
from channelsync_woocommerce import WooCommerceConnector, connector
from channelsync_woocommerce.listings import listing
from channelsync_woocommerce.snapshot import Meanings, snapshot
from support.woocommerce import shop
from support.woocommerce_live import orders, tell

MEANINGS = Meanings(held=("failed",), shipped=("delivered",), released=("pos-open",), containers=("_bundled_items", "_composite_children"))


def line(number: int, *, took: str | None = None, meta: tuple[tuple[str, Any], ...] = (), **fields: Any) -> dict[str, Any]:
    rows = [{"key": key, "value": value} for key, value in (*meta, *((("_reduced_stock", took),) if took else ()))]
    return {"id": number, "product_id": 10 + number, "variation_id": 0, "quantity": 2, "sku": f"S{number}", "meta_data": rows, **fields}


def order(status: str, *lines: dict[str, Any]) -> dict[str, Any]:
    times = {"date_created_gmt": "2026-11-21T09:00:00", "date_modified_gmt": "2026-11-21T12:00:00", "date_paid_gmt": None}
    return {"id": 40, "status": status, "created_via": "checkout", **times, "line_items": list(lines or (line(1, took="2"),))}


def read(raw: dict[str, Any]) -> tuple[OrderState, list[OrderLine]]:
    found = snapshot(raw, 60, meanings=MEANINGS)
    assert all(each.adds_up() for each in found.lines)
    return found.state, list(found.lines)


def test_a_status_means_what_the_settings_say() -> None:
    state, (held,) = read(order("failed"))
    assert (state, held.outstanding, held.quarantined) == (OrderState.OPEN, 2, 0)
    state, (shipped,) = read(order("delivered"))
    assert (state, shipped.shipped, shipped.outstanding) == (OrderState.OPEN, 2, 0)
    state, (cart,) = read(order("pos-open", line(1)))
    assert (state, cart.cancelled, cart.channel_took) == (OrderState.CANCELLED, 2, 0)
    state, (unknown,) = read(order("a-new-one"))
    assert (state, unknown.outstanding) == (OrderState.OPEN, 2)


def test_a_released_order_for_which_the_shop_still_takes_units_waits_for_a_person() -> None:
    _, (kept,) = read(order("pos-open"))
    assert (kept.quarantined, kept.cancelled) == (2, 0)


@pytest.mark.parametrize(
    "field", [{"meta": (("_bundled_items", ["2", "3"]),)}, {"bundled_items": [2, 3]}, {"meta": (("_composite_children", ["a"]),)}]
)
def test_a_bundle_whose_parts_carry_the_stock_holds_none_itself(field: dict[str, Any]) -> None:
    _, (container, part) = read(order("processing", line(1, **field), line(2, took="2")))
    assert (container.stocked, part.stocked) == (False, True)
    assert sum(each.channel_took for each in (container, part)) == 2


def test_a_bundle_that_is_counted_itself_is_a_line_like_any_other() -> None:
    _, (container,) = read(order("processing", line(1, took="2", meta=(("_bundled_items", ["2"]),))))
    assert (container.stocked, container.channel_took) == (True, 2)


def test_an_unpaid_bundle_withholds_its_parts_once() -> None:
    _, lines = read(order("pending", line(1, meta=(("_bundled_items", ["2"]),)), line(2)))
    assert [each.withheld for each in lines] == [0, 2]


@pytest.mark.parametrize("kind", ["bundle", "composite", "mix-and-match"])
def test_a_bundle_without_own_stock_says_what_to_link_instead(kind: str) -> None:
    found = listing({"id": 7, "type": kind, "sku": "SET", "manage_stock": False})
    assert not found.tracked
    assert "link them instead" in str(found.problem)
    assert listing({"id": 7, "type": kind, "sku": "SET", "manage_stock": True}).problem is None


def test_a_status_means_one_thing() -> None:
    keys = {"url": "https://shop.test", "consumer_key": "ck_1", "consumer_secret": "cs_1"}
    with pytest.raises(ValidationError, match="shipped is in"):
        connector.settings.model_validate({**keys, "held_statuses": ["wc-shipped"], "shipped_statuses": ["shipped"]})
    made = connector.settings.model_validate({**keys, "held_statuses": [" WC-Packed "]})
    assert made.held_statuses == ("packed",)


def test_the_first_run_sees_orders_in_a_status_that_is_said_to_hold(clock: VirtualClock) -> None:
    standin = shop(clock, extra_statuses=("packed",))
    standin.stock([Item("MUG", 10)])
    failed, packed = standin.buy({"MUG": 1}), standin.buy({"MUG": 2})
    for number, status in ((failed, "failed"), (packed, "packed")):
        standin._transition(standin._order(number), status)  # noqa: SLF001

    async def story(woo: WooCommerceConnector) -> None:
        found, _ = await orders(woo, Cursor())
        assert {number: each.state for number, each in found.items()} == {failed: OrderState.OPEN, packed: OrderState.OPEN}

    tell(clock, standin, story, held_statuses=["failed"])


def test_a_bundle_in_the_shop_is_taken_once(clock: VirtualClock, standin: WooCommerceStandIn) -> None:
    standin.untrack("CUP")
    number = standin.buy({"CUP": 1, "MUG": 2})
    put_meta(standin.state, standin.state.orders[int(number)].lines[0].meta, "_bundled_items", ["x"])

    async def story(woo: WooCommerceConnector) -> None:
        found, _ = await orders(woo, Cursor())
        assert {each.sku: (each.stocked, each.channel_took) for each in found[number].lines} == {"CUP": (False, 0), "MUG": (True, 2)}

    tell(clock, standin, story)
