"""GET /inventory/low-stock, GET /alerts and POST /inventory/reorder, on both databases."""

from __future__ import annotations

from typing import Any

import pytest

from api.conftest import Api
from channelsync.ledger.tokens import Scope
from support.alerts import look
from support.stock import put


@pytest.fixture
def low(api: Api) -> Api:
    """Five SKUs of which A to D are low; E had enough and has sold most of it."""
    with api.engine.connect() as conn, conn.begin():
        look(conn)
        for sku, units in zip("ABCD", (1, 2, 3, 0), strict=True):
            put(conn, sku, units)
        put(conn, "E", 10, "annex")
        look(conn)
    api.post("/inventory/adjust", {"sku": "E", "location": "annex", "quantity": -8, "reason": "lost"})
    seen(api)
    return api


def seen(api: Api) -> None:
    with api.engine.connect() as conn, conn.begin():
        look(conn)


def skus(answer: Any) -> list[str]:
    return [row["sku"] for row in answer["items"]]


def test_low_stock_is_paged_and_filtered_by_location(low: Api) -> None:
    first = low.get("/inventory/low-stock", limit=3)
    rest = low.get("/inventory/low-stock", limit=3, cursor=first["next"])
    assert (skus(first), skus(rest), rest["next"]) == (["A", "B", "C"], ["D", "E"], None)
    assert skus(low.get("/inventory/low-stock", location="annex")) == ["E"]
    row = low.get("/inventory/low-stock", location="annex")["items"][0]
    assert {name: row[name] for name in ("available", "level", "out", "location", "reorder")} == {
        "available": 2,
        "level": 5,
        "out": False,
        "location": None,
        "reorder": None,
    }
    assert low.ask("GET", "/inventory/low-stock", params={"location": "moon"}).status_code == 404


def test_a_policy_is_set_once_per_key_and_ended(low: Api) -> None:
    body = {"sku": "E", "location": "annex", "low": 1, "reorder": 20}
    assert low.post("/inventory/reorder", body, key="1") == {**body, "repeat": False}
    assert low.post("/inventory/reorder", body, key="1") == {**body, "repeat": True}
    assert low.post("/inventory/reorder", {**body, "low": 2}, key="1", status=422)["code"] == "key_reused"
    low.post("/inventory/reorder", {"sku": "E", "low": 0})
    seen(low)
    assert skus(low.get("/inventory/low-stock", location="annex")) == []
    low.post("/inventory/reorder", {"sku": "E", "low": 4, "reorder": 12})
    seen(low)
    (row,) = low.get("/inventory/low-stock", location="annex")["items"]
    assert (row["level"], row["reorder"]) == (4, 12)
    assert low.post("/inventory/reorder", {"sku": "NO", "low": 1}, status=404)["code"] == "unknown_sku"
    assert low.post("/inventory/reorder", {"sku": "E", "low": -1}, status=422)["code"] == "malformed"
    assert low.ask("POST", "/inventory/reorder", token=low.make_token(Scope.READ), json=body).status_code == 403


def test_alerts_are_listed_with_who_was_told(low: Api) -> None:
    (alert,) = low.get("/alerts")["items"]
    assert (alert["kind"], alert["severity"], alert["data"]["locations"]) == ("low-stock", "info", ["annex"])
    assert [(each["target"], each["event"], each["state"]) for each in alert["messages"]] == [("phone", "opened", "waiting")]
    low.post("/inventory/receive", {"sku": "E", "location": "annex", "quantity": 50})
    seen(low)
    assert low.get("/alerts")["items"] == []
    assert low.get("/alerts", resolved=True, kind="low-stock")["items"][0]["resolved_at"] is not None
    assert low.ask("GET", "/alerts", params={"kind": "fire"}).status_code == 422
