"""Count sheets over the API: who may see what, once or twice, in pages; and a sale between counting and applying."""

from __future__ import annotations

from typing import Any

import pytest

from api.conftest import Api
from channelsync.ledger.tokens import Scope

EXPECTED = ("expected", "difference", "moved", "on_hand", "becomes")
"""What whoever counts blind is not shown."""


@pytest.fixture
def shop(api: Api) -> Api:
    """10 of MUG and 4 of TEE lie at main."""
    for sku, units in (("MUG", 10), ("TEE", 4)):
        api.post("/inventory", {"sku": sku, "location": "main", "quantity": units})
    api.clock.advance(60)
    return api


def opened(api: Api, **more: Any) -> int:
    number: int = api.post("/counts", {"location": "main", **more})["number"]
    return number


def enter(api: Api, number: int, *, status: int = 200, key: str | None = None, **units: int | None) -> Any:
    lines = [{"sku": sku, "quantity": quantity} for sku, quantity in units.items()]
    return api.post(f"/counts/{number}/enter", {"lines": lines}, key=key, status=status)


def test_a_sheet_from_opening_to_applying_while_the_shop_sells(shop: Api) -> None:
    number = opened(shop, note="shelf 1")
    first = enter(shop, number, MUG=9, key="e")
    assert (first["lines"], first["counted"], first["entered"][0]["was"], first["repeat"]) == (2, 1, None, False)
    assert first["entered"][0]["counted_by"].startswith("api ")
    assert enter(shop, number, MUG=9, key="e")["repeat"] is True
    assert enter(shop, number, MUG=8, key="e", status=422)["code"] == "key_reused"
    shop.clock.advance(60)
    shop.post("/inventory/reserve", {"reference": "cart", "lines": [{"sku": "MUG", "location": "main", "quantity": 3}]})
    shop.post("/inventory/fulfil", {"reference": "cart"})
    plan = shop.get(f"/counts/{number}/plan")
    assert [(line["sku"], *(line[name] for name in ("counted", *EXPECTED)), line["problem"]) for line in plan["lines"]] == [
        ("MUG", 9, 10, -1, -3, 7, 6, ""),
        ("TEE", None, 4, None, 0, 4, 4, ""),
    ]
    assert [line["becomes"] for line in shop.get(f"/counts/{number}/plan", missing_is_zero="true")["lines"]] == [6, 0]
    done = shop.post(f"/counts/{number}/apply", {}, key="a")
    assert (done["state"], done["uncounted"], done["left"], done["repeat"]) == ("applied", 1, [], False)
    assert [(line["sku"], line["difference"], line["on_hand"], line["available"]) for line in done["lines"]] == [("MUG", -1, 6, 6)]
    assert shop.post(f"/counts/{number}/apply", {}, key="a")["repeat"] is True
    assert shop.post(f"/counts/{number}/apply", {}, status=409)["code"] == "wrong_state"
    detail = shop.get(f"/counts/{number}")
    assert {name: detail["sheet"][name] for name in ("state", "note", "lines", "counted", "differing", "more", "fewer")} == {
        "state": "applied", "note": "shelf 1", "lines": 2, "counted": 1, "differing": 1, "more": 0, "fewer": 1,
    }  # fmt: skip
    assert [(line["expected"], line["counted"], line["difference"]) for line in detail["lines"]] == [(10, 9, -1), (None, None, None)]
    (moved,) = [row for row in shop.get("/inventory/skus/MUG/movements")["items"] if row["reference"] == f"CNT-{number}"]
    assert (moved["type"], moved["on_hand"], moved["occurred_at"] < moved["at"]) == ("count", -1, True)


def test_a_blind_sheet_tells_a_reader_nothing(shop: Api) -> None:
    number = opened(shop, blind=True)
    enter(shop, number, MUG=9)
    reader, counter = shop.make_token(Scope.READ), shop.make_token(Scope.READ, Scope.ADJUST)

    def lines(path: str, token: str) -> list[dict[str, Any]]:
        answer = shop.ask("GET", f"/counts/{number}{path}", token=token)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["lines"]
        return found

    assert [line["expected"] for line in lines("", reader) + lines("", counter)] == [None] * 4
    assert [line[name] for line in lines("/plan", reader) for name in EXPECTED] == [None] * 10
    assert [line["counted"] for line in lines("/plan", reader)] == [9, None]
    assert [line["expected"] for line in lines("/plan", counter)] == [10, 4]
    shop.post(f"/counts/{number}/apply", {})
    assert [line["expected"] for line in lines("", reader)] == [10, None], "once it is applied it is history"


def test_a_count_after_it_stands_in_the_way_until_it_is_skipped(shop: Api) -> None:
    number = opened(shop)
    enter(shop, number, MUG=9, TEE=5)
    shop.clock.advance(60)
    shop.post("/inventory/count", {"sku": "MUG", "location": "main", "quantity": 8})
    refused = shop.post(f"/counts/{number}/apply", {}, status=409)
    assert (refused["code"], "counted after" in refused["detail"]) == ("not_applicable", True)
    assert "counted after" in shop.get(f"/counts/{number}/plan")["lines"][0]["problem"]
    done = shop.post(f"/counts/{number}/apply", {"skip": True})
    assert ([line["sku"] for line in done["lines"]], [line["sku"] for line in done["left"]]) == (["TEE"], ["MUG"])
    assert shop.get("/inventory/skus/MUG")["available"] == 8


def test_lines_are_told_their_time_and_person_and_can_be_taken_back(shop: Api) -> None:
    number = opened(shop, skus=["MUG"])
    at = "2026-01-15T12:00:30Z"
    line = {"sku": "MUG", "quantity": 9, "counted_at": at, "counted_by": "Ann"}
    (told,) = shop.post(f"/counts/{number}/enter", {"lines": [line]})["entered"]
    assert (told["counted_at"], told["counted_by"]) == (at, "Ann")
    (added,) = enter(shop, number, TEE=4)["entered"]
    assert added["added"] is True
    assert enter(shop, number, TEE=None)["counted"] == 1
    assert enter(shop, number, NONE=1, status=404)["sku"] == "NONE"
    assert enter(shop, number, MUG=-1, status=422)["code"] == "malformed"
    late = {"lines": [{"sku": "MUG", "quantity": 9}], "counted_at": "2027-01-15T12:00:00Z"}
    assert "in the future" in shop.post(f"/counts/{number}/enter", late, status=422)["detail"]


def test_lists_come_in_pages_and_by_filter(shop: Api) -> None:
    numbers = [opened(shop) for _ in range(3)]
    assert shop.post(f"/counts/{numbers[1]}/cancel", {})["state"] == "cancelled"
    first = shop.get("/counts", limit=2)
    second = shop.get("/counts", limit=2, cursor=first["next"])
    assert [row["number"] for row in first["items"] + second["items"]] == numbers[::-1]
    assert [row["number"] for row in shop.get("/counts", state="open", location="main")["items"]] == [numbers[2], numbers[0]]
    assert shop.get("/counts", location="annex")["items"] == []
    assert shop.ask("GET", "/counts", params={"location": "moon"}).json()["code"] == "unknown_location"
    assert shop.ask("GET", "/counts", params={"state": "lost"}).status_code == 422
    for path in ("/counts/99", "/counts/99/plan"):
        assert shop.ask("GET", path).json()["code"] == "unknown_document"
    assert shop.ask("GET", f"/counts/{numbers[1]}/plan").json()["code"] == "wrong_state"
    part = shop.post("/counts", {"location": "main", "limit": 1})
    assert (part["lines"], part["more_after"]) == (1, "MUG")
    assert shop.post("/counts", {"location": "main", "limit": 1, "after": "MUG"})["more_after"] is None
    assert shop.post("/counts", {"location": "main", "skus": ["MUG"], "prefix": "M"}, status=422)["code"] == "not_allowed"
