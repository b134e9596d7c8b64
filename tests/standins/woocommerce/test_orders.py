"""Orders: when they move stock, what an unpaid checkout withholds, and the truth behind both."""

from __future__ import annotations

import pytest

from channelsync.testing.standins.base import SoldOut
from channelsync.testing.standins.woocommerce import WooCommerceStandIn
from support.clock import ManualClock
from support.woocommerce_api import Api, number, reduced, run


@pytest.mark.parametrize(
    ("path", "shows", "taken"),
    [
        (["pending"], 10, None),
        (["pending", "on-hold"], 7, "3"),
        (["on-hold", "processing", "completed"], 7, "3"),
        (["processing", "cancelled"], 10, None),
        (["processing", "pending"], 10, None),
        (["processing", "cancelled", "processing"], 7, "3"),
        (["processing", "failed"], 7, "3"),
        (["processing", "refunded"], 7, "3"),
        (["processing", "refunded", "cancelled"], 10, None),
        (["cancelled"], 10, None),
    ],
)
def test_the_transition_table(api: Api, standin: WooCommerceStandIn, path: list[str], shows: int, taken: str | None) -> None:
    line = {"product_id": number(standin, "MUG"), "quantity": 3}
    order = run(api.ask("POST", "/orders", {"status": path[0], "line_items": [line]}, expect=201))
    for status in path[1:]:
        order = run(api.ask("PUT", f"/orders/{order['id']}", {"status": status}))
    assert (standin.shows("MUG"), reduced(order)) == (shows, taken)


def test_newer_releases_restore_a_failed_order(api: Api, standin: WooCommerceStandIn) -> None:
    standin.dials.restores_on_failed = True
    ref = standin.buy({"MUG": 3})
    run(api.ask("PUT", f"/orders/{ref}", {"status": "failed"}))
    assert standin.shows("MUG") == 10


def test_trash_hides_an_order_and_keeps_its_stock(api: Api, standin: WooCommerceStandIn) -> None:
    ref = standin.buy({"MUG": 3})
    run(api.ask("DELETE", f"/orders/{ref}"))
    assert standin.shows("MUG") == 7
    for status, rows in (("any", 0), ("any,trash", 0), ("trash", 1), ("processing,trash", 1)):
        assert len(run(api.ask("GET", "/orders", status=status))) == rows
    assert run(api.ask("GET", f"/orders/{ref}"))["status"] == "trash"
    assert run(api.ask("PUT", f"/orders/{ref}", {"status": "processing"}))["status"] == "processing"
    assert standin.shows("MUG") == 7


def test_a_full_refund_with_restock_leaves_zero_taken_and_closes_the_order(api: Api, standin: WooCommerceStandIn) -> None:
    ref = standin.buy({"MUG": 2})
    standin.refund(ref, "MUG", 2)
    order = run(api.ask("GET", f"/orders/{ref}"))
    assert (order["status"], reduced(order), standin.shows("MUG")) == ("refunded", "0", 10)


def test_more_money_than_there_is_cannot_be_refunded(api: Api, standin: WooCommerceStandIn) -> None:
    ref = standin.buy({"MUG": 1})
    answer = run(api.ask("POST", f"/orders/{ref}/refunds", {"amount": "10.01"}, expect=500))
    assert answer["code"] == "woocommerce_rest_cannot_create_order_refund"


def test_a_line_of_a_deleted_product_loses_its_ids_and_keeps_what_it_took(api: Api, standin: WooCommerceStandIn) -> None:
    ref = standin.buy({"MUG": 2})
    run(api.ask("DELETE", f"/products/{number(standin, 'MUG')}", force="true"))
    order = run(api.ask("GET", f"/orders/{ref}"))
    assert (order["line_items"][0]["product_id"], order["line_items"][0]["sku"], reduced(order)) == (0, None, "2")


def test_an_unpaid_checkout_withholds_without_lowering(standin: WooCommerceStandIn) -> None:
    standin.buy({"MUG": 4}, paid=False)
    assert (standin.shows("MUG"), standin.withheld("MUG"), standin.sellable("MUG")) == (10, 4, 6)
    with pytest.raises(SoldOut):
        standin.buy({"MUG": 7})
    assert standin.shows("MUG") == 10


def test_paying_turns_a_hold_into_a_sale(standin: WooCommerceStandIn, clock: ManualClock) -> None:
    ref = standin.buy({"MUG": 4}, paid=False)
    assert standin.orders[ref].pending
    clock.advance(30)
    standin.pay(ref)
    assert (standin.shows("MUG"), standin.withheld("MUG")) == (6, 0)
    assert (standin.orders[ref].pending, standin.orders[ref].monotonic) == (False, clock.monotonic())


def test_an_unpaid_checkout_is_cancelled_when_its_hold_ends(standin: WooCommerceStandIn, clock: ManualClock) -> None:
    ref = standin.buy({"MUG": 4}, paid=False)
    assert standin.next_due() == clock.monotonic() + 3600
    clock.advance(3600)
    run(standin.work())
    assert (standin.state.orders[int(ref)].status, standin.sellable("MUG"), standin.orders[ref].lines[0].open) == ("cancelled", 10, 0)


def test_the_truth_follows_what_happens_to_an_order(standin: WooCommerceStandIn) -> None:
    ref = standin.buy({"MUG": 3, "CUP": 1})
    line = standin.orders[ref].lines
    standin.refund(ref, "MUG", 1)
    assert standin.orders[ref].lines[0].open == 2
    standin.ship(ref)
    assert [(line.shipped, line.cancelled, line.open) for line in standin.orders[ref].lines] == [(2, 1, 0), (1, 0, 0)]
    standin.refund(ref, "CUP", 1)
    assert standin.orders[ref].lines[1].returned == 1
    assert len(line) == 2


def test_an_order_keeps_the_addresses_it_was_placed_with(api: Api, standin: WooCommerceStandIn) -> None:
    """All fields are there, empty where nothing was said; a later PUT changes those that it names. The API copies none from billing to shipping."""
    line = {"product_id": number(standin, "MUG"), "quantity": 1}
    ship, bill = {"country": "DE", "state": "DE-BE", "postcode": "10115", "city": "Berlin"}, {"country": "FR", "email": "a@shop.test"}
    placed = run(api.ask("POST", "/orders", {"status": "processing", "line_items": [line], "shipping": ship, "billing": bill}, expect=201))
    fields = {"first_name", "last_name", "company", "address_1", "address_2", "city", "state", "postcode", "country", "phone"}
    assert (placed["shipping"].keys(), placed["billing"].keys()) == (fields, fields | {"email"})
    assert {name: value for name, value in placed["shipping"].items() if value} == ship
    run(api.ask("PUT", f"/orders/{placed['id']}", {"shipping": {"postcode": "10117"}}))
    shown = run(api.ask("GET", f"/orders/{placed['id']}", _fields="shipping.country,shipping.postcode"))
    assert shown == {"shipping": {"country": "DE", "postcode": "10117"}}
    [listed] = run(api.ask("GET", "/orders"))
    assert (listed["shipping"]["postcode"], listed["billing"]["country"]) == ("10117", "FR")
    bare = run(api.ask("POST", "/orders", {"line_items": [line]}, expect=201))
    assert not any((*bare["shipping"].values(), *bare["billing"].values()))
    run(api.ask("POST", "/orders", {"shipping": "Berlin"}, expect=400))
