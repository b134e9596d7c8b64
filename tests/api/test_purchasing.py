"""Suppliers, purchase orders and suggestions over the API."""

from __future__ import annotations

from typing import Any

import pytest

from api.conftest import Api
from channelsync.ledger.tokens import Scope


@pytest.fixture
def shop(api: Api) -> Api:
    """MUG and TEE lie at main; ACME sells MUGs in cartons of 6, at 2.50."""
    for sku, units in (("MUG", 4), ("TEE", 2)):
        api.post("/inventory", {"sku": sku, "location": "main", "quantity": units})
    api.post("/suppliers", {"code": "ACME", "name": "Acme Ltd", "lead_days": 7})
    supply = {"supplier": "ACME", "code": "AC-1", "cost": "2.5", "multiple": 6}
    assert api.ask("PUT", "/inventory/skus/MUG/supply", json=supply).status_code == 200
    return api


def draft(api: Api, *, key: str | None = None, **lines: int) -> int:
    asked = {"location": "main", "supplier": "ACME", "lines": [{"sku": sku, "quantity": units} for sku, units in lines.items()]}
    number: int = api.post("/purchase-orders", asked, key=key)["number"]
    return number


def test_suppliers_and_what_they_sell(shop: Api) -> None:
    assert shop.post("/suppliers", {"code": "ACME", "lead_days": 9}) == {
        "code": "ACME", "name": "Acme Ltd", "lead_days": 9, "created": False, "repeat": False,
    }  # fmt: skip
    assert shop.post("/suppliers", {"code": "ACME", "lead_days": None})["lead_days"] is None
    assert shop.post("/suppliers", {"code": "BULK"})["created"] is True
    first = shop.get("/suppliers", limit=1)
    assert [row["code"] for row in first["items"] + shop.get("/suppliers", limit=1, cursor=first["next"])["items"]] == ["ACME", "BULK"]
    assert first["items"][0]["skus"] == 1
    (row,) = shop.get("/suppliers/ACME/supplies")["items"]
    assert row == shop.get("/inventory/skus/MUG/supply")
    assert (row["sku"], row["cost"], row["multiple"], row["lead_days"]) == ("MUG", "2.50", 6, None)
    assert shop.get("/inventory/skus/TEE/supply")["supplier"] is None
    assert shop.ask("PUT", "/inventory/skus/TEE/supply", json={"supplier": "NOBODY"}).json()["code"] == "unknown_supplier"
    assert shop.ask("GET", "/suppliers/NOBODY/supplies").status_code == 404
    assert shop.ask("GET", "/inventory/skus/NONE/supply").json()["code"] == "unknown_sku"
    assert shop.ask("PUT", "/inventory/skus/MUG/supply", json={"supplier": None}).json()["supplier"] is None
    assert shop.get("/suppliers/ACME/supplies")["items"] == []


def test_an_order_from_draft_to_receipt(shop: Api) -> None:
    number = draft(shop, MUG=12, TEE=5)
    edited = shop.post(f"/purchase-orders/{number}/edit", {"lines": [{"sku": "MUG", "quantity": 12}], "note": "fast"})
    assert (edited["note"], edited["supplier"], [line["cost"] for line in edited["lines"]]) == ("fast", "ACME", ["2.50"])
    done = shop.post(f"/purchase-orders/{number}/order", {})
    assert (done["state"], done["expected_on"]) == ("ordered", "2026-01-22")
    mug = shop.get("/inventory/skus/MUG")
    assert (mug["incoming"], mug["incoming_on"], mug["available"]) == (12, "2026-01-22", 4)
    refused = shop.post(f"/purchase-orders/{number}/receive", {"lines": [{"sku": "MUG", "quantity": 13}]}, status=409)
    assert (refused["code"], refused["sku"], refused["wanted"], refused["incoming"]) == ("more_than_ordered", "MUG", 13, 12)
    part = shop.post(f"/purchase-orders/{number}/receive", {"lines": [{"sku": "MUG", "quantity": 4, "cost": "3"}]}, key="r")
    assert (part["state"], part["incoming"], part["lines"][0]["cost"], part["lines"][0]["was"]) == ("part_received", 8, "3.00", None)
    assert shop.post(f"/purchase-orders/{number}/receive", {"lines": [{"sku": "MUG", "quantity": 4, "cost": "3"}]}, key="r")["repeat"]
    detail = shop.get(f"/purchase-orders/{number}")
    assert {name: detail["order"][name] for name in ("state", "lines", "ordered", "received", "incoming", "value", "created_by")} == {
        "state": "part_received", "lines": 1, "ordered": 12, "received": 4, "incoming": 8, "value": "30.00",
        "created_by": detail["order"]["created_by"],
    }  # fmt: skip
    assert detail["order"]["created_by"].startswith("api ")
    assert [(line["code"], line["incoming"]) for line in detail["lines"]] == [("AC-1", 8)]
    last = shop.post(f"/purchase-orders/{number}/receive", {})
    assert (last["state"], last["lines"][0]["quantity"], last["lines"][0]["cost"]) == ("received", 8, "2.75"), "8 at 3.00, 8 at 2.50"
    assert shop.get("/inventory/skus/MUG")["incoming_on"] is None
    assert (
        shop.post(f"/purchase-orders/{number}/receive", {"lines": [{"sku": "MUG", "quantity": 1}], "over": True})["lines"][0]["over"] == 1
    )


def test_what_is_not_coming_is_closed_or_cancelled(shop: Api) -> None:
    one, two, three = draft(shop, MUG=6), draft(shop, MUG=6), draft(shop, MUG=6)
    for number in (one, two):
        shop.post(f"/purchase-orders/{number}/order", {"expected_on": "2026-01-01"})
    shop.post(f"/purchase-orders/{one}/receive", {"lines": [{"sku": "MUG", "quantity": 1}]})
    assert [row["number"] for row in shop.get("/purchase-orders", late="true")["items"]] == [two, one]
    assert shop.post(f"/purchase-orders/{one}/close", {"reason": "sold out there"})["state"] == "received"
    for number in (two, three):
        assert shop.post(f"/purchase-orders/{number}/cancel", {})["state"] == "cancelled"
    assert shop.get("/inventory/skus/MUG")["incoming"] == 0
    assert shop.post(f"/purchase-orders/{two}/order", {}, status=409)["code"] == "wrong_state"
    assert shop.post("/purchase-orders/99/order", {}, status=404)["code"] == "unknown_document"
    assert shop.ask("GET", "/purchase-orders/99").status_code == 404


def test_lists_come_in_pages_and_by_filter(shop: Api) -> None:
    numbers = [draft(shop, MUG=6) for _ in range(3)]
    shop.post(f"/purchase-orders/{numbers[1]}/order", {})
    first = shop.get("/purchase-orders", limit=2)
    second = shop.get("/purchase-orders", limit=2, cursor=first["next"])
    assert [row["number"] for row in first["items"] + second["items"]] == numbers[::-1]

    def found(**filters: str) -> list[int]:
        return [row["number"] for row in shop.get("/purchase-orders", **filters)["items"]]

    assert found(state="draft") == [numbers[2], numbers[0]]
    assert found(supplier="ACME", location="main", state="ordered") == [numbers[1]]
    assert found(location="annex") == []
    assert shop.ask("GET", "/purchase-orders", params={"supplier": "NOBODY"}).json()["code"] == "unknown_supplier"
    assert shop.ask("GET", "/purchase-orders", params={"state": "lost"}).status_code == 422


def test_from_a_low_row_to_an_order_in_two_steps(shop: Api) -> None:
    shop.post("/inventory/reorder", {"sku": "MUG", "low": 5, "reorder": 10, "location": "main"})
    (row,) = shop.get("/purchase-orders/suggestions")["items"]
    assert (row["sku"], row["needed"], row["quantity"], row["supplier"], row["low"]) == ("MUG", 10, 12, "ACME", True)
    assert "low at 5, and 4 are there: to reorder 10" in row["sum"]
    (order,) = shop.post("/purchase-orders/suggested", {}, key="s")["orders"]
    assert [(line["sku"], line["ordered"], line["cost"]) for line in order["lines"]] == [("MUG", 12, "2.50")]
    assert shop.post("/purchase-orders/suggested", {}, key="s")["repeat"] is True
    assert shop.post("/purchase-orders/suggested", {})["orders"] == []
    assert shop.get("/purchase-orders/suggestions")["items"] == []
    everything: list[Any] = shop.get("/purchase-orders/suggestions", everything="true", sku="MUG")["items"]
    assert [each["drafted"] for each in everything] == [12]
    assert shop.ask("GET", "/purchase-orders/suggestions", params={"sku": "NONE"}).json()["code"] == "unknown_sku"
    assert shop.ask("GET", "/purchase-orders/suggestions", params={"days": 0}).status_code == 422


def test_suggestions_come_in_pages(shop: Api) -> None:
    for sku in ("MUG", "TEE"):
        shop.post("/inventory/reorder", {"sku": sku, "low": 5, "location": "main"})
    first = shop.get("/purchase-orders/suggestions", limit=1)
    second = shop.get("/purchase-orders/suggestions", limit=1, cursor=first["next"])
    third = shop.get("/purchase-orders/suggestions", limit=1, cursor=second["next"])
    assert [[row["sku"] for row in page["items"]] for page in (first, second, third)] == [["MUG"], ["TEE"], []]
    assert third["next"] is None


def test_reading_and_buying_are_different_scopes(shop: Api) -> None:
    reader = shop.make_token(Scope.READ)
    assert shop.ask("GET", "/purchase-orders", token=reader).status_code == 200
    assert shop.ask("GET", "/purchase-orders/suggestions", token=reader).status_code == 200
    for path in ("/purchase-orders/suggested", "/purchase-orders/1/receive", "/suppliers"):
        assert shop.ask("POST", path, token=reader, json={"code": "X"}).status_code == 403
