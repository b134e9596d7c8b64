"""Transfers over the API, from draft to receipt."""

from __future__ import annotations

from typing import Any

import pytest

from api.conftest import Api
from channelsync.ledger.tokens import Scope


@pytest.fixture
def shop(api: Api) -> Api:
    """MUG and TEE lie at main, three of the ten MUGs are reserved. A MUG costs 2.50."""
    for sku, units in (("MUG", 10), ("TEE", 4)):
        api.post("/inventory", {"sku": sku, "location": "main", "quantity": units})
    api.post("/inventory/cost", {"sku": "MUG", "cost": "2.5"})
    api.post("/inventory/reserve", {"reference": "cart", "lines": [{"sku": "MUG", "location": "main", "quantity": 3}]})
    return api


def draft(api: Api, *, key: str | None = None, **lines: int) -> int:
    asked = {"origin": "main", "destination": "annex", "lines": [{"sku": sku, "quantity": units} for sku, units in lines.items()]}
    number: int = api.post("/transfers", asked, key=key)["number"]
    return number


def level(api: Api, sku: str, location: str) -> tuple[int, int, int]:
    found = api.get(f"/inventory/skus/{sku}/locations/{location}")
    return found["on_hand"], found["available"], found["incoming"]


def lines_of(**lines: int) -> list[dict[str, Any]]:
    return [{"sku": sku, "quantity": units} for sku, units in lines.items()]


def test_a_transfer_from_draft_to_receipt(shop: Api) -> None:
    number = draft(shop, MUG=8, TEE=1)
    refused = shop.post(f"/transfers/{number}/ship", {}, status=409)
    assert {name: refused[name] for name in ("code", "sku", "location", "wanted", "available")} == {
        "code": "insufficient_stock", "sku": "MUG", "location": "main", "wanted": 8, "available": 7,
    }  # fmt: skip
    assert "10 on hand, 3 reserved" in refused["detail"]
    edited = shop.post(f"/transfers/{number}/edit", {"lines": lines_of(MUG=7, TEE=1), "note": "for the fair"})
    assert (edited["note"], [line["quantity"] for line in edited["lines"]]) == ("for the fair", [7, 1])
    left = shop.post(f"/transfers/{number}/ship", {"reference": "1Z-1"}, key="s")
    assert (left["state"], left["reference"], left["lines"][0]["cost"], left["lines"][0]["in_transit"]) == ("shipped", "1Z-1", "2.50", 7)
    assert shop.post(f"/transfers/{number}/ship", {"reference": "1Z-1"}, key="s")["repeat"] is True
    assert (level(shop, "MUG", "main"), level(shop, "MUG", "annex")) == ((3, 0, 0), (0, 0, 7))
    too_many = shop.post(f"/transfers/{number}/receive", {"lines": lines_of(MUG=8)}, status=409)
    assert (too_many["code"], too_many["sku"], too_many["wanted"], too_many["in_transit"]) == ("more_than_shipped", "MUG", 8, 7)
    part = shop.post(f"/transfers/{number}/receive", {"lines": lines_of(MUG=5)}, key="r")
    assert (part["state"], part["in_transit"]) == ("part_received", 3)
    assert part["lines"] == [{"sku": "MUG", "quantity": 5, "over": 0, "short": 2, "on_hand": 5, "available": 5}]
    assert shop.post(f"/transfers/{number}/receive", {"lines": lines_of(MUG=5)}, key="r")["repeat"] is True
    over = shop.post(f"/transfers/{number}/receive", {"lines": lines_of(TEE=2), "over": True})
    assert [(line["over"], line["short"]) for line in over["lines"]] == [(1, 0)]
    done = shop.post(f"/transfers/{number}/close", {"reason": "lost"})
    assert (done["state"], [(line["missing"], line["over"]) for line in done["lines"]]) == ("received", [(2, 0), (0, 1)])
    assert (level(shop, "MUG", "main"), level(shop, "MUG", "annex"), level(shop, "TEE", "annex")) == ((3, 0, 0), (5, 5, 0), (2, 2, 0))
    assert {row["reference"] for row in shop.get("/inventory/skus/MUG/movements", location="annex")["items"]} == {f"TR-{number}"}


def test_a_transfer_and_its_value_are_shown(shop: Api) -> None:
    number = draft(shop, MUG=4, TEE=1)
    shown = shop.get(f"/transfers/{number}")
    assert [(line["sku"], line["quantity"], line["available"], line["cost"]) for line in shown["lines"]] == [
        ("MUG", 4, 7, None),
        ("TEE", 1, 4, None),
    ]
    shop.post(f"/transfers/{number}/ship", {})
    shown = shop.get(f"/transfers/{number}")["transfer"]
    assert (shown["state"], shown["lines"], shown["in_transit"], shown["value"]) == ("shipped", 2, 5, "10.00")
    assert shown["created_by"].startswith("api ")
    stats = {row["name"]: row for row in shop.get("/inventory/stats")["items"]}
    assert [(stats["MUG"][name]) for name in ("on_hand", "value", "in_transit", "in_transit_value")] == [6, "15.00", 4, "10.00"]
    places = {row["name"]: row for row in shop.get("/inventory/stats", by="location")["items"]}
    assert (places["annex"]["in_transit"], places["annex"]["in_transit_value"], places["main"]["in_transit"]) == (5, "10.00", 0)
    assert shop.get("/inventory/stats", by="channel")["items"][0]["in_transit"] is None


def test_what_cannot_be_done_is_told(shop: Api) -> None:
    number = draft(shop, MUG=1)
    assert shop.post(f"/transfers/{number}/receive", {}, status=409)["code"] == "wrong_state"
    assert shop.post(f"/transfers/{number}/cancel", {})["state"] == "cancelled"
    assert shop.post(f"/transfers/{number}/ship", {}, status=409)["code"] == "wrong_state"
    assert shop.post("/transfers/99/ship", {}, status=404)["code"] == "unknown_document"
    assert shop.ask("GET", "/transfers/99").status_code == 404
    asked = {"origin": "main", "destination": "annex", "lines": lines_of(MUG=1)}
    assert shop.post("/transfers", asked | {"destination": "moon"}, status=404)["location"] == "moon"
    assert shop.post("/transfers", asked | {"destination": "main"}, status=422)["code"] == "not_allowed"
    assert shop.post("/transfers", asked | {"lines": lines_of(NONE=1)}, status=404)["code"] == "unknown_sku"
    mistakes: tuple[dict[str, Any], ...] = ({"lines": []}, {"lines": lines_of(MUG=0)}, {"to": "annex"})
    for wrong in mistakes:
        assert shop.post("/transfers", asked | wrong, status=422)["code"] == "malformed"
    assert shop.post("/transfers", asked, key="d")["repeat"] is False
    assert shop.post("/transfers", asked, key="d")["repeat"] is True
    assert shop.post("/transfers", asked | {"note": "x"}, key="d", status=422)["code"] == "key_reused"


def test_lists_come_in_pages_and_by_filter(shop: Api) -> None:
    numbers = [draft(shop, MUG=1) for _ in range(3)]
    shop.post(f"/transfers/{numbers[1]}/ship", {})
    first = shop.get("/transfers", limit=2)
    second = shop.get("/transfers", limit=2, cursor=first["next"])
    assert [row["number"] for row in first["items"] + second["items"]] == numbers[::-1]
    assert second["next"] is None

    def found(**filters: str) -> list[int]:
        return [row["number"] for row in shop.get("/transfers", **filters)["items"]]

    assert found(state="draft") == [numbers[2], numbers[0]]
    assert found(state="shipped", origin="main", destination="annex") == [numbers[1]]
    assert found(origin="annex") == []
    assert shop.ask("GET", "/transfers", params={"origin": "moon"}).json()["code"] == "unknown_location"
    assert shop.ask("GET", "/transfers", params={"state": "lost"}).status_code == 422


def test_reading_and_moving_are_different_scopes(shop: Api) -> None:
    reader, mover = shop.make_token(Scope.READ), shop.make_token(Scope.ADJUST)
    number = draft(shop, MUG=1)
    assert shop.ask("GET", f"/transfers/{number}", token=reader).status_code == 200
    for path in ("/transfers", f"/transfers/{number}/ship", f"/transfers/{number}/cancel"):
        assert shop.ask("POST", path, token=reader, json={}).status_code == 403
    assert shop.ask("POST", f"/transfers/{number}/ship", token=mover, json={}).status_code == 200
