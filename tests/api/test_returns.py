"""Returns over the API: expected, received, inspected; and what the shop tells of the same units."""

from __future__ import annotations

import pytest

from api.conftest import Api
from channelsync.ledger.tokens import Scope


@pytest.fixture
def store(api: Api) -> Api:
    """The shop sells MUG; two of ten are sold and shipped for order-1001."""
    api.open_shop(MUG=10)
    api.shop.buy({"MUG": 2})
    api.shop.ship("order-1001")
    api.post("/channels/shop/sync", {})
    assert held(api) == (8, 0, 0)
    return api


def held(api: Api) -> tuple[int, int, int]:
    """MUG at main: on hand, quarantined, damaged."""
    level = api.get("/inventory/skus/MUG/locations/main")
    return level["on_hand"], level["quarantined"], level["damaged"]


def expect(api: Api, quantity: int = 2, **more: object) -> int:
    number: int = api.post("/returns", {"location": "main", "lines": [{"sku": "MUG", "quantity": quantity}], **more})["number"]
    return number


def of_order(api: Api) -> int:
    return expect(api, channel="shop", order="order-1001", reference="RMA-9", note="too small")


def test_a_return_from_announcement_to_the_end(store: Api) -> None:
    number = of_order(store)
    refused = store.post(f"/returns/{number}/receive", {"lines": [{"sku": "MUG", "quantity": 3}]}, status=409)
    assert (refused["code"], refused["sku"], refused["wanted"], refused["incoming"]) == ("more_than_expected", "MUG", 3, 2)
    part = store.post(f"/returns/{number}/receive", {"lines": [{"sku": "MUG", "quantity": 1}]}, key="r")
    assert store.post(f"/returns/{number}/receive", {"lines": [{"sku": "MUG", "quantity": 1}]}, key="r") == {**part, "repeat": True}
    assert (part["state"], part["channel"], part["order"], part["reference"]) == ("received", "shop", "order-1001", "RMA-9")
    whole = store.post(f"/returns/{number}/receive", {})
    assert [(line["received"], line["waiting"]) for line in whole["lines"]] == [(2, 2)]
    assert held(store) == (8, 2, 0)
    assert store.get("/inventory/skus/MUG")["available"] == 8
    refused = store.post(f"/returns/{number}/inspect", {"lines": [{"sku": "MUG", "quantity": 3, "outcome": "restock"}]}, status=409)
    assert (refused["code"], refused["wanted"], refused["available"]) == ("more_than_waits", 3, 2)
    assert store.post(f"/returns/{number}/inspect", {"rest": "write_off"}, status=422)["code"] == "not_allowed"
    decided = [{"sku": "MUG", "quantity": 1, "outcome": "write_off"}]
    done = store.post(f"/returns/{number}/inspect", {"lines": decided, "rest": "restock", "reason": "no handle"})
    (line,) = done["lines"]
    assert (done["state"], line["restocked"], line["written_off"], line["waiting"]) == ("inspected", 1, 1, 0)
    assert held(store) == (9, 0, 1)
    detail = store.get(f"/returns/{number}")
    assert (detail["document"]["state"], detail["document"]["waiting_since"]) == ("inspected", None)
    assert [(line["sku"], line["restocked"]) for line in detail["lines"]] == [("MUG", 1)]
    log = store.get("/inventory/skus/MUG/movements")["items"]
    assert {move["type"] for move in log if move["reference"] == f"RET-{number}"} == {"quarantine", "return", "write_off"}


def test_what_the_shop_tells_too_counts_once_and_the_shop_is_pushed_down(store: Api) -> None:
    """The shop puts two on sale again, of which one is written off here."""
    number = of_order(store)
    store.post(f"/returns/{number}/receive", {})
    store.shop.refund("order-1001", "MUG", 2, restock=True)
    store.post("/channels/shop/sync", {})
    assert held(store) == (8, 2, 0)
    assert store.get(f"/returns/{number}")["document"]["told"] == 2
    store.post(
        f"/returns/{number}/inspect", {"lines": [{"sku": "MUG", "quantity": 1, "outcome": "write_off"}], "rest": "restock", "reason": "x"}
    )
    store.post("/channels/shop/sync", {})
    assert held(store) == (9, 0, 1)
    assert store.shop.shows("MUG") == 9, "ten were there by the shop's count"


def test_the_list_and_its_filters(store: Api) -> None:
    first, second, third = of_order(store), expect(store), expect(store, 1)
    arrived = "2026-01-14T08:30:00Z"
    store.post(f"/returns/{second}/receive", {"occurred_at": arrived})
    store.post(f"/returns/{third}/cancel", {})
    page = store.get("/returns", limit=2)
    rest = store.get("/returns", limit=2, cursor=page["next"])
    assert [row["number"] for row in page["items"] + rest["items"]] == [third, second, first]

    def found(**filters: object) -> list[int]:
        return [row["number"] for row in store.get("/returns", **filters)["items"]]

    assert found(state="expected") == [first]
    assert found(waiting="true") == [second]
    assert found(channel="shop") == found(channel="shop", order="order-1001") == [first]
    assert found(location="annex") == found(channel="none") == []
    (row,) = store.get("/returns", waiting="true")["items"]
    assert (row["waiting"], row["waiting_since"]) == (2, arrived)
    assert store.ask("GET", "/returns", params={"order": "order-1001"}).status_code == 422
    assert store.ask("GET", "/returns", params={"location": "nowhere"}).json()["code"] == "unknown_location"
    assert store.ask("GET", "/returns", params={"state": "lost"}).status_code == 422


def test_what_is_refused(store: Api) -> None:
    lines = [{"sku": "MUG", "quantity": 1}]
    assert (
        store.post("/returns", {"location": "main", "lines": lines, "channel": "shop", "order": "none"}, status=404)["code"]
        == "unknown_order"
    )
    assert store.post("/returns", {"location": "main", "lines": lines, "channel": "shop"}, status=422)["code"] == "not_allowed"
    assert store.post("/returns", {"location": "main", "lines": [{"sku": "NONE", "quantity": 1}]}, status=404)["code"] == "unknown_sku"
    store.post("/returns", {"location": "main", "lines": []}, status=422)
    number = expect(store)
    assert store.post(f"/returns/{number}/inspect", {"rest": "restock"}, status=409)["code"] == "wrong_state"
    store.post(f"/returns/{number}/inspect", {"rest": "shred"}, status=422)
    assert store.post("/returns/99/receive", {}, status=404)["code"] == "unknown_document"
    assert store.ask("GET", "/returns/99").status_code == 404


def test_reading_needs_read_and_writing_adjust(store: Api) -> None:
    reader = store.make_token(Scope.READ)
    number = expect(store)
    assert store.ask("GET", f"/returns/{number}", token=reader).status_code == 200
    assert store.ask("POST", f"/returns/{number}/receive", token=reader, json={}).status_code == 403
