"""Writes: those the shop ignores, bends or races with, and the doors it keeps."""

from __future__ import annotations

import asyncio
import base64
import json

import httpx
import pytest

from channelsync.testing.standins.base import Item
from channelsync.testing.standins.woocommerce import WooCommerceStandIn
from channelsync.testing.virtual_clock import VirtualClock
from support.clock import ManualClock
from support.woocommerce import shop
from support.woocommerce_api import API, Api, number, run


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
