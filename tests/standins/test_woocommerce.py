"""The traps of WooCommerce, one by one: writes it ignores, stock it moves, orders it hides, webhooks it sends late or never."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from channelsync.testing.standins.base import Faults, Item, SoldOut
from channelsync.testing.standins.woocommerce import WooCommerceStandIn, captured_objects
from channelsync.testing.virtual_clock import VirtualClock
from support.clock import ManualClock
from support.woocommerce import shared, shop

API = "/wp-json/wc/v3"


@dataclass
class Api:
    """The shop's REST API, asked directly."""

    standin: WooCommerceStandIn
    answers: list[httpx.Response] = field(default_factory=list)

    async def ask(self, method: str, path: str, body: Any = None, *, expect: int = 200, **params: str) -> Any:
        state = self.standin.state
        transport = httpx.ASGITransport(self.standin.app)
        async with httpx.AsyncClient(transport=transport, base_url="https://shop.test", auth=(state.key, state.secret)) as client:
            answer = await client.request(method, f"{API}{path}?{urlencode(params)}", json=body)
        self.answers.append(answer)
        assert answer.status_code == expect, answer.text
        return answer.json()


@pytest.fixture
def standin(clock: ManualClock) -> WooCommerceStandIn:
    made = shop(clock, delta_race_seconds=0.0, cron_seconds=60.0)
    made.stock([Item("MUG", 10), Item("CUP", 5)])
    return made


@pytest.fixture
def api(standin: WooCommerceStandIn) -> Api:
    return Api(standin)


def run(coroutine: Any) -> Any:
    return VirtualClock().run(coroutine)


def number(standin: WooCommerceStandIn, sku: str) -> int:
    return next(product.id for product in standin.state.products.values() if product.sku == sku)


def stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S")


# -- writes ------------------------------------------------------------------------------------------------------------------------------


def test_a_write_to_an_unmanaged_product_is_ignored_with_200(api: Api, standin: WooCommerceStandIn) -> None:
    made = run(api.ask("POST", "/products", {"sku": "LOOSE"}, expect=201))
    for body in ({"stock_quantity": 5}, {"inventory_delta": 5}):
        answer = run(api.ask("PUT", f"/products/{made['id']}", body))
        assert (answer["manage_stock"], answer["stock_quantity"]) == (False, None)
    assert standin.changes == []


def test_a_variation_on_its_parents_stock_shows_it_and_ignores_writes(api: Api) -> None:
    parent = run(api.ask("POST", "/products", {"sku": "SCARF", "type": "variable", "manage_stock": True, "stock_quantity": 6}, expect=201))
    child = run(api.ask("POST", f"/products/{parent['id']}/variations", {"sku": "SCARF-RED"}, expect=201))
    answer = run(api.ask("PUT", f"/products/{parent['id']}/variations/{child['id']}", {"inventory_delta": 3}))
    assert (answer["manage_stock"], answer["stock_quantity"]) == ("parent", 6)


def test_every_save_bumps_the_date_and_queues_a_webhook_even_one_that_changes_nothing(api: Api, clock: ManualClock) -> None:
    hook = run(api.ask("POST", "/webhooks", {"topic": "product.updated", "delivery_url": "https://x.test/"}, expect=201))
    mug = number(api.standin, "MUG")
    before = run(api.ask("GET", f"/products/{mug}"))["date_modified_gmt"]
    clock.advance(5)
    assert run(api.ask("PUT", f"/products/{mug}", {}))["date_modified_gmt"] > before
    assert list(api.standin.state.queue) == [(hook["id"], mug)]


def test_a_delta_loses_a_sale_that_lands_inside_it() -> None:
    clock = VirtualClock()
    standin = shop(clock, delta_race_seconds=0.05)
    standin.stock([Item("MUG", 10)])

    async def story() -> None:
        mug = number(standin, "MUG")

        async def sale() -> None:
            await clock.sleep(0.02)
            standin.buy({"MUG": 4})

        write = Api(standin).ask("PUT", f"/products/{mug}", {"inventory_delta": -1})
        await asyncio.gather(write, sale())

    clock.run(story())
    assert standin.shows("MUG") == 9  # 10 - 1: the sale of 4 is gone
    assert [change.cause for change in standin.changes] == ["sale", "write"]


def test_a_change_remembers_the_request_that_wrote_it(api: Api, standin: WooCommerceStandIn) -> None:
    async def write() -> None:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(standin.app), base_url="https://x.test") as client:
            pair = {"consumer_key": standin.state.key, "consumer_secret": standin.state.secret}
            body = {"update": [{"id": number(standin, "MUG"), "inventory_delta": -2}]}
            await client.post(f"{API}/products/batch", params=pair, json=body, headers={"X-Request-Id": "call-7"})

    run(write())
    (change,) = standin.changes
    assert (change.before, change.after, change.cause, change.write) == (10, 8, "write", "call-7")


# -- keys and dirt ---------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "secret", "code"),
    [("ck_wrong", "cs_wrong", "woocommerce_rest_cannot_view"), (None, "cs_wrong", "woocommerce_rest_authentication_error")],
)
def test_wrong_keys(standin: WooCommerceStandIn, key: str | None, secret: str, code: str) -> None:
    pair = base64.b64encode(f"{key or standin.state.key}:{secret}".encode()).decode()
    status, _, body = run(standin.rest.handle("GET", f"{API}/products", "", {"authorization": f"Basic {pair}"}, b""))
    assert (status, json.loads(body)["code"]) == (401, code)


def test_a_read_only_key_that_writes_gets_401(api: Api, standin: WooCommerceStandIn) -> None:
    standin.dials.permissions = "read"
    run(api.ask("GET", "/products"))
    answer = run(api.ask("POST", "/products", {}, expect=401))
    assert answer["code"] == "woocommerce_rest_authentication_error"


def test_maintenance_is_html_and_says_when_to_come_back(standin: WooCommerceStandIn) -> None:
    standin.dials.maintenance = True
    status, headers, body = run(standin.rest.handle("GET", f"{API}/products", "", {}, b""))
    assert (status, headers["retry-after"], body[:1]) == (503, "600", b"<")


def test_noise_in_front_of_the_json_does_not_undo_the_write(api: Api, standin: WooCommerceStandIn) -> None:
    standin.dials.php_noise = 1.0
    with pytest.raises(ValueError):
        run(api.ask("PUT", f"/products/{number(standin, 'MUG')}", {"stock_quantity": 3}))
    assert b"Warning" in api.answers[-1].content
    assert standin.shows("MUG") == 3


# -- orders and stock ------------------------------------------------------------------------------------------------------------------------


def reduced(order: Mapping[str, Any]) -> str | None:
    return next((row["value"] for row in order["line_items"][0]["meta_data"] if row["key"] == "_reduced_stock"), None)


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


# -- unpaid checkouts ------------------------------------------------------------------------------------------------------------------------


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


# -- lists -------------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "UTC"])
def test_a_zone_with_the_gmt_flag_is_shifted_by_the_shops_offset(api: Api, standin: WooCommerceStandIn, zone: str) -> None:
    standin.dials.timezone = zone
    standin.buy({"MUG": 1})
    at = standin.clock.now()
    offset = standin.state.offset(at)
    just_before = stamp(at - timedelta(seconds=1))
    spellings: dict[str, dict[str, Any]] = {
        "right": {"modified_after": just_before, "dates_are_gmt": "true"},
        "zone": {"modified_after": just_before + "Z"},
        "zone and flag": {"modified_after": stamp(at - offset - timedelta(seconds=1)) + "Z", "dates_are_gmt": "true"},
        "local": {"modified_after": stamp(at + offset - timedelta(seconds=1))},
    }
    for name, params in spellings.items():
        assert len(run(api.ask("GET", "/orders", **params))) == 1, name
    assert len(run(api.ask("GET", "/orders", modified_after=stamp(at), dates_are_gmt="true"))) == 0
    shifted = run(api.ask("GET", "/orders", modified_after=stamp(at - timedelta(minutes=30)) + "Z", dates_are_gmt="true"))
    assert len(shifted) == (0 if offset > timedelta(minutes=30) else 1)


def test_a_sku_filter_widens_the_list_to_variations(api: Api) -> None:
    parent = run(api.ask("POST", "/products", {"sku": "TEE", "type": "variable"}, expect=201))
    run(api.ask("POST", f"/products/{parent['id']}/variations", {"sku": "TEE-S", "manage_stock": True, "stock_quantity": 2}, expect=201))
    assert {row["sku"] for row in run(api.ask("GET", "/products"))} == {"MUG", "CUP", "TEE"}
    assert {row["sku"] for row in run(api.ask("GET", "/products", sku="tee-s,MUG,NOPE"))} == {"MUG", "TEE-S"}
    run(api.ask("GET", "/products", type="variation", expect=400))
    run(api.ask("GET", "/products", orderby="sku", expect=400))


def test_pages_say_how_many_rows_there_are(api: Api, standin: WooCommerceStandIn) -> None:
    standin.stock([Item(f"S{index}", 1) for index in range(9)])
    rows = run(api.ask("GET", "/products", per_page="4", page="3", orderby="id", order="asc", _fields="id,sku"))
    assert (len(rows), list(rows[0])) == (3, ["id", "sku"])
    assert (api.answers[-1].headers["x-wp-total"], api.answers[-1].headers["x-wp-totalpages"]) == ("11", "3")


def test_a_change_reaches_lists_late_and_by_id_reads_at_once(clock: ManualClock) -> None:
    standin = shop(clock, visibility_lag=30.0)
    standin.stock([Item("MUG", 10)])
    api = Api(standin)
    ref = standin.buy({"MUG": 1})
    assert run(api.ask("GET", "/orders")) == []
    assert run(api.ask("GET", f"/orders/{ref}"))["status"] == "processing"
    clock.advance(30)
    standin.ship(ref)
    assert [row["status"] for row in run(api.ask("GET", "/orders"))] == ["processing"]
    clock.advance(30)
    assert [row["status"] for row in run(api.ask("GET", "/orders"))] == ["completed"]


def test_options_tell_the_statuses_of_plugins(api: Api, standin: WooCommerceStandIn) -> None:
    standin.dials.extra_statuses = ("packed",)
    told = run(api.ask("OPTIONS", "/orders"))
    assert "packed" in told["endpoints"][1]["args"]["status"]["enum"]


# -- webhooks ----------------------------------------------------------------------------------------------------------------------------------


@dataclass
class Receiver:
    """What arrived, and the status to answer with."""

    status: int = 200
    calls: list[tuple[Mapping[str, str], bytes]] = field(default_factory=list)

    async def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        self.calls.append((headers, body))
        return self.status


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
def hooked(clock: ManualClock, receiver: Receiver) -> Api:
    """A shop with one webhook for order.updated whose ping has been received."""
    made = shop(clock, cron_seconds=60.0, deliver=receiver)
    made.stock([Item("MUG", 10)])
    api = Api(made)
    run(api.ask("POST", "/webhooks", {"topic": "order.updated", "delivery_url": "https://x.test/h", "secret": 's&<"'}, expect=201))
    run(made.work())
    return api


def test_a_new_webhook_is_pinged_without_signature(hooked: Api, receiver: Receiver) -> None:
    ((headers, body),) = receiver.calls
    assert body == b"webhook_id=1"
    assert not [name for name in headers if name.startswith("x-wc")]


def test_a_webhook_is_pinged_at_each_save_until_one_ping_was_answered(clock: ManualClock, receiver: Receiver) -> None:
    made = shop(clock, deliver=receiver)
    api = Api(made)
    receiver.status = 500
    run(api.ask("POST", "/webhooks", {"topic": "order.updated", "delivery_url": "https://x.test/h"}, expect=201))
    run(made.work())
    receiver.status = 200
    for _ in range(3):
        run(api.ask("PUT", "/webhooks/1", {}))
        run(made.work())
    assert len(receiver.calls) == 2
    assert made.state.webhooks[1].failures == 0


def test_deliveries_wait_for_the_cron_and_carry_the_last_state_once(hooked: Api, receiver: Receiver, clock: ManualClock) -> None:
    ref = hooked.standin.buy({"MUG": 1})
    hooked.standin.cancel(ref)
    run(hooked.standin.work())
    assert len(receiver.calls) == 1
    clock.advance(61)
    run(hooked.standin.work())
    headers, body = receiver.calls[1]
    assert len(receiver.calls) == 2
    assert json.loads(body)["status"] == "cancelled"
    signature = base64.b64encode(hmac.digest(b's&<"', body, "sha256")).decode()
    assert headers["x-wc-webhook-signature"] == signature


def test_an_order_deleted_for_good_before_its_delivery_arrives_as_a_signed_error(
    hooked: Api, receiver: Receiver, clock: ManualClock
) -> None:
    ref = hooked.standin.buy({"MUG": 1})
    run(hooked.ask("DELETE", f"/orders/{ref}", force="true"))
    clock.advance(61)
    run(hooked.standin.work())
    assert json.loads(receiver.calls[-1][1])["code"] == "woocommerce_rest_shop_order_invalid_id"


def test_delivery_ids_repeat_within_a_second(hooked: Api, receiver: Receiver, clock: ManualClock) -> None:
    hooked.standin.buy({"MUG": 1})
    hooked.standin.buy({"MUG": 2})
    clock.advance(61)
    run(hooked.standin.work())
    first, second = (headers["x-wc-webhook-delivery-id"] for headers, _ in receiver.calls[1:])
    assert first == second


@pytest.mark.parametrize(("status", "seventh"), [(500, "disabled"), (303, "disabled"), (302, "active"), (301, "active")])
def test_the_seventh_failure_in_a_row_switches_a_webhook_off(
    hooked: Api, receiver: Receiver, clock: ManualClock, status: int, seventh: str
) -> None:
    receiver.status = status
    ref = hooked.standin.buy({"MUG": 1})
    for expected in ["active"] * 6 + [seventh]:
        run(hooked.ask("PUT", f"/orders/{ref}", {}))
        clock.advance(61)
        run(hooked.standin.work())
        assert run(hooked.ask("GET", "/webhooks/1"))["status"] == expected
    assert len(receiver.calls) == 8  # nothing was sent twice


def test_a_webhook_armed_again_is_switched_off_by_one_more_failure(hooked: Api, receiver: Receiver, clock: ManualClock) -> None:
    webhook = hooked.standin.state.webhooks[1]
    webhook.status, webhook.failures, receiver.status = "disabled", 6, 500
    run(hooked.ask("PUT", "/webhooks/1", {"status": "active"}))
    hooked.standin.buy({"MUG": 1})
    clock.advance(61)
    run(hooked.standin.work())
    assert webhook.status == "disabled"


def test_lost_and_doubled_deliveries_follow_the_fault_dial(hooked: Api, receiver: Receiver, clock: ManualClock) -> None:
    hooked.standin.faults = Faults(webhook_duplicate=1.0)
    hooked.standin.buy({"MUG": 1})
    clock.advance(61)
    run(hooked.standin.work())
    assert len(receiver.calls) == 3


# -- a captured shop -----------------------------------------------------------------------------------------------------------------------------


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
