"""A captured shop stands as it was captured."""

from __future__ import annotations

from datetime import UTC, datetime

from channelsync.testing.standins.woocommerce import captured_objects
from support.clock import ManualClock
from support.woocommerce import shared, shop
from support.woocommerce_api import Api, reduced, run


def test_a_captured_shop_stands_as_it_was(clock: ManualClock) -> None:
    standin = shop(clock)
    standin.load(captured_objects(shared("channels/samples/woocommerce")))
    api = Api(standin)
    order = run(api.ask("GET", "/orders/40"))
    assert (order["status"], [line["quantity"] for line in order["line_items"]], reduced(order)) == ("completed", [3, 2], "3")
    assert order["date_modified"] == "2026-11-21T01:07:39"
    assert [standin.shows(sku) for sku in ("MUG-01", "TEE-S", "SCARF-Red")] == [47, 28, 6]
    assert run(api.ask("GET", "/products/12"))["stock_quantity"] == 47
    assert [row["id"] for row in run(api.ask("GET", "/products/32/variations", include="33"))] == [33]
    assert run(api.ask("GET", "/orders/389", expect=404))["code"] == "woocommerce_rest_shop_order_invalid_id"
    assert standin.changes == []


def test_loading_keeps_ids_and_counts_on_from_them(clock: ManualClock) -> None:
    standin = shop(clock)
    stamps = {"date_created_gmt": "2026-01-01T10:00:00", "date_modified_gmt": "2026-01-01T10:00:00"}
    product = {"id": 70, "name": "Mug", "type": "simple", "sku": "MUG", "manage_stock": True, "stock_quantity": 4, **stamps}
    line = {"id": 5, "product_id": 70, "quantity": 2, "meta_data": [{"id": 9, "key": "_reduced_stock", "value": "2"}]}
    order = {"id": 90, "status": "processing", "line_items": [line], **stamps}
    standin.load([order, product])
    assert (standin.shows("MUG"), standin.orders["90"].lines[0].open) == (4, 2)
    standin.cancel("90")
    assert standin.shows("MUG") == 6
    assert int(standin.buy({"MUG": 1})) > 90
    assert standin.state.orders[90].created == datetime(2026, 1, 1, 10, tzinfo=UTC)


def test_a_loaded_order_stays_in_lists_while_its_change_is_on_the_way(clock: ManualClock) -> None:
    standin = shop(clock, visibility_lag=30.0)
    stamps = {"date_created_gmt": "2026-01-01T10:00:00", "date_modified_gmt": "2026-01-01T10:00:00"}
    standin.load([{"id": 90, "status": "processing", "line_items": [], **stamps}])
    standin.ship("90")
    assert [row["status"] for row in run(Api(standin).ask("GET", "/orders"))] == ["processing"]
