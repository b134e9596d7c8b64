"""Channels, orders, listings, the plan, explain and numbers from a warehouse over the API: the same as the commands say and do."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest

from api.conftest import Api
from channelsync.testing.standins.base import Item


@pytest.fixture
def shop(api: Api) -> Api:
    """The shop sells 10 of A and 4 of B, and its first plan is applied."""
    api.open_shop(A=10, B=4)
    return api


def sync(api: Api) -> Any:
    return api.post("/channels/shop/sync", {})


def test_channels_as_status_knows_them(shop: Api) -> None:
    (channel,) = shop.get("/channels")["items"]
    assert (channel["name"], channel["state"], channel["mode"], channel["role"], channel["backlog"]) == (
        "shop",
        "live",
        "live",
        "channel",
        0,
    )
    assert (channel["status"]["listings"], channel["live"]["trouble"], channel["live"]["read"]["listings"]) == (2, None, 2)
    assert shop.post("/channels/shop/pause", {"reason": "stock-taking"}) == {"channel": "shop", "changed": True}
    assert shop.post("/channels/shop/pause", {}) == {"channel": "shop", "changed": False}
    (channel,) = shop.get("/channels")["items"]
    assert (channel["state"], channel["status"]["reason"]) == ("paused", "stock-taking")
    shop.post("/inventory/receive", {"sku": "A", "location": "main", "quantity": 5})
    sync(shop)
    assert shop.shop.shows("A") == 10
    assert shop.post("/channels/shop/resume", {})["changed"] is True
    assert sync(shop) == {"trouble": None, "still_due": 0}
    assert shop.shop.shows("A") == 15


def test_a_channel_that_is_none_is_a_404_everywhere(shop: Api) -> None:
    for verb in ("pause", "resume", "sync"):
        assert shop.post(f"/channels/none/{verb}", {}, status=404)["code"] == "unknown_channel"
    for path in ("/orders", "/listings", "/listings/problems/empty", "/explain/A"):
        answer = shop.ask("GET", path, params={"channel": "none"})
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_channel"), path


def test_orders_by_channel_state_and_sku_in_pages(shop: Api) -> None:
    refs = [shop.shop.buy({sku: 1}) for sku in ("A", "B", "A")]
    shop.shop.cancel(refs[2])
    sync(shop)
    first = shop.get("/orders", limit=2)
    second = shop.get("/orders", limit=2, cursor=first["next"])
    assert [order["ref"] for order in first["items"] + second["items"]] == refs[::-1]
    assert [order["ref"] for order in shop.get("/orders", state="open", sku="A")["items"]] == refs[:1]
    assert shop.ask("GET", "/orders", params={"sku": "NONE"}).json()["code"] == "unknown_sku"
    order = shop.get(f"/orders/shop/{quote(refs[0], safe='')}")
    assert (order["held"], order["lines"][0]["hard"], order["told"][0]["quantity"]) == (1, 1, 1)
    assert shop.ask("GET", "/orders/shop/none").json()["code"] == "unknown_order"


def test_a_listing_is_linked_and_its_waiting_sales_are_applied(shop: Api) -> None:
    shop.shop.stock([Item("SIX", 9)])
    shop.shop.buy({"SIX": 1})
    sync(shop)
    (item,) = shop.get("/listings", show="unlinked", channel="shop")["items"]
    assert [row["ref"] for row in shop.get("/listings/problems/unknown")["items"]] == [item["ref"]]
    done = shop.post("/listings/link", {"channel": "shop", "ref": item["ref"], "sku": "A", "pack": 6}, key="l1")
    assert (done["orders_applied"], done["repeat"]) == (1, False)
    assert shop.post("/listings/link", {"channel": "shop", "ref": item["ref"], "sku": "A", "pack": 6}, key="l1")["repeat"] is True
    assert shop.get("/inventory/skus/A")["available"] == 4
    assert [row["ref"] for row in shop.get("/listings", sku="A", q="SIX")["items"]] == [item["ref"]]
    assert shop.post("/listings/unlink", {"channel": "shop", "ref": item["ref"]})["was"] == "A"
    assert shop.post("/listings/link", {"channel": "shop", "ref": "none", "sku": "A"}, status=422)["code"] == "not_allowed"


def test_the_plan_is_told_and_applied(api: Api) -> None:
    api.shop.stock([Item("A", 10)])
    api.post("/inventory", {"sku": "A", "location": "main", "quantity": 7})
    assert sync(api)["trouble"] is None
    plan = api.get("/plan")
    assert (plan["opens"], [(w["sku"], w["shows"], w["target"]) for w in plan["writes"]]) == (["shop"], [("A", 10, 7)])
    assert api.shop.shows("A") == 10
    assert api.post("/plan/apply", {})["still_due"] == {"shop": 0}
    assert (api.shop.shows("A"), api.get("/plan")["writes"]) == (7, [])


def test_explain_now_and_then(shop: Api) -> None:
    before = shop.clock.now().isoformat()
    shop.clock.advance(60)
    shop.shop.buy({"A": 3})
    sync(shop)
    now = shop.get("/explain/A", channel="shop")
    assert (now["shelves"][0]["target"], now["holds"][0]["units"], now["holds"][0]["channel"]) == (7, 3, "shop")
    then = shop.get("/explain/A", at=before)
    assert (then["levels"][0]["hard"], then["holds"], bool(then["unknown"])) == (0, [], True)
    ahead = (shop.clock.now() + timedelta(days=1)).isoformat()
    for wrong in (ahead, "yesterday", "2026-01-01T00:00:00"):
        assert shop.ask("GET", "/explain/A", params={"at": wrong}).status_code == 422, wrong


def test_a_frozen_number_is_not_written(shop: Api) -> None:
    assert shop.post("/freeze", {"sku": "A", "reason": "photo shoot"})["shelves"] == 1
    shop.post("/inventory/receive", {"sku": "A", "location": "main", "quantity": 5})
    sync(shop)
    assert shop.shop.shows("A") == 10
    (standing,) = shop.post("/freeze", {"sku": "A", "reason": "again"})["standing"]
    assert (standing["reason"], standing["actor"][:4]) == ("photo shoot", "api ")
    assert shop.post("/thaw", {"sku": "A"})["standing"] == []
    sync(shop)
    assert shop.shop.shows("A") == 15


def test_stats_by_sku_location_and_channel(shop: Api) -> None:
    refs = [shop.shop.buy({"A": 2}), shop.shop.buy({"A": 1, "B": 1}), shop.shop.buy({"B": 1})]
    shop.shop.cancel(refs[2])
    shop.shop.ship(refs[0])
    sync(shop)
    shop.post("/inventory/reserve", {"reference": "hand", "lines": [{"sku": "B", "location": "main", "quantity": 1}]})
    shop.post("/inventory/fulfil", {"reference": "hand"})

    def rows(**wanted: Any) -> dict[str, tuple[Any, ...]]:
        items = shop.get("/inventory/stats", **wanted)["items"]
        return {row["name"]: (row["on_hand"], row["available"], row["orders"], row["sold"], row["shipped"]) for row in items}

    assert rows() == {"A": (8, 7, 2, 3, 2), "B": (3, 2, 1, 1, 1)}
    assert rows(by="location") == {"main": (11, 9, 2, 4, 3), "annex": (0, 0, 0, 0, 0)}
    assert rows(by="channel") == {"shop": (None, None, 2, 4, 2)}
    first = shop.get("/inventory/stats", limit=1)
    assert [row["name"] for row in shop.get("/inventory/stats", limit=1, cursor=first["next"])["items"]] == ["B"]
    shop.clock.advance(40 * 86_400)
    assert rows(days=30) == {"A": (8, 7, 0, 0, 0), "B": (3, 2, 0, 0, 0)}


def test_a_warehouse_tells_its_numbers(shop: Api) -> None:
    as_of = shop.clock.now().isoformat()
    shop.clock.advance(60)
    shop.post("/inventory/receive", {"sku": "A", "location": "main", "quantity": 5})
    lines = [{"sku": "A", "quantity": 20}, {"sku": "NEW", "quantity": 3}]
    asked = {"as_of": as_of, "location": "annex", "reference": "wms", "lines": lines}
    refused = shop.post("/stock/update", asked, key="u1", status=404)
    assert (refused["code"], refused["line"]) == ("unknown_sku", 1)
    each = shop.post("/stock/update", {**asked, "mode": "each"})["results"]
    assert (each[0]["done"]["outcome"], each[1]["problem"]["code"]) == ("set", "unknown_sku")
    done = shop.post("/stock/update", {**asked, "create": True}, key="u1")["results"]
    assert [(row["done"]["outcome"], row["done"]["on_hand"]) for row in done] == [("same", 20), ("set", 3)]
    assert all(row["done"]["repeat"] for row in shop.post("/stock/update", {**asked, "create": True}, key="u1")["results"])
    assert shop.get("/inventory/skus/A/movements", location="annex")["items"][0]["type"] == "import"
    sync(shop)
    assert (
        shop.post("/stock/update", {"as_of": "2027-01-01T00:00:00Z", "location": "main", "lines": lines}, status=422)["code"]
        == "not_allowed"
    )
    too_many = {"as_of": as_of, "location": "main", "lines": [{"sku": "A", "quantity": 1}] * 1_001}
    assert shop.post("/stock/update", too_many, status=422)["code"] == "malformed"


def test_what_the_stock_is_worth(shop: Api) -> None:
    def put(sku: str, body: Any, **headers: str) -> Any:
        return shop.ask("PUT", f"/inventory/skus/{sku}/cost", json=body, headers=headers)

    before = shop.ask("GET", "/inventory/skus/A").headers["etag"]
    assert put("A", {"cost": "12.5"}, **{"idempotency-key": "c1"}).json() == {"sku": "A", "cost": "12.50", "repeat": False}
    assert put("A", {"cost": "12.5"}, **{"idempotency-key": "c1"}).json()["repeat"] is True
    assert put("A", {"cost": "13"}, **{"idempotency-key": "c1"}).json()["code"] == "key_reused"
    now = shop.ask("GET", "/inventory/skus/A", headers={"if-none-match": before})
    assert (now.status_code, now.json()["unit_cost"]) == (200, "12.50")
    assert put("NONE", {"cost": "1"}).json()["code"] == "unknown_sku"
    for wrong in ({"cost": 12.5}, {"cost": "12,50"}, {"cost": "-1"}, {}, {"cost": "1", "currency": "EUR"}):
        assert put("A", wrong).status_code == 422, wrong
    page = shop.get("/inventory/stats")
    assert page["currency"] == "EUR"
    assert {row["name"]: (row["value"], row["uncosted"]) for row in page["items"]} == {"A": ("125.00", 0), "B": (None, 4)}
    lines = [{"sku": "A", "cost": None}, {"sku": "B", "cost": "0.0001"}]
    done = shop.post("/inventory/cost/batch", {"lines": lines}, key="c2")["results"]
    assert [each["done"]["cost"] for each in done] == [None, "0.0001"]
    places = {row["name"]: (row["value"], row["uncosted"]) for row in shop.get("/inventory/stats", by="location")["items"]}
    assert places == {"main": ("0.0004", 10), "annex": ("0.00", 0)}
