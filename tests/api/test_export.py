"""GET /export/{kind}: the tables that the command writes, as CSV."""

from __future__ import annotations

import csv
import io

import pytest

from api.conftest import Api
from channelsync.ledger.tokens import Scope


def rows(api: Api, kind: str) -> list[dict[str, str]]:
    answer = api.ask("GET", f"/export/{kind}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/csv; charset=utf-8")
    return list(csv.DictReader(io.StringIO(answer.text)))


def test_every_kind_is_exported_page_by_page(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("channelsync.shell.api.exporting.PAGE", 2)
    api.open_shop(**{"MUG": 4, "=TEE": 3, "-5": 2, "@x": 1, "CAP": 0})
    assert {row["sku"]: row["on_hand"] for row in rows(api, "stock")} == {"MUG": "4", "'=TEE": "3", "-5": "2", "'@x": "1", "CAP": "0"}
    assert [row["sku"] for row in rows(api, "skus")] == ["MUG", "'=TEE", "-5", "'@x", "CAP"]
    assert {row["channel"] for row in rows(api, "listings")} == {"shop"}
    assert [(row["code"], row["priority"]) for row in rows(api, "locations")] == [("main", "0"), ("annex", "1")]
    assert rows(api, "rules") == []


def test_who_may_and_what_there_is(api: Api) -> None:
    assert api.ask("GET", "/export/stock", token=api.make_token(Scope.ADJUST)).status_code == 403
    assert api.ask("GET", "/export/stock", token="").status_code == 401
    assert api.ask("GET", "/export/moon").status_code == 422
    assert rows(api, "stock") == []
