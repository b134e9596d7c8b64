"""POST /import/{kind}: what a file would change, doing it, and every way in which a body is no file."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from typing import Any

import pytest

from api.conftest import Api
from channelsync.ledger.group import DatabaseAway
from channelsync.ledger.tokens import Scope
from channelsync.shell.api.bounded import IMPORT_MAX
from channelsync.shell.api.importing import IN_HAND, XLSX
from channelsync.tabular import xlsx_writer
from tabular.swollen import changed, in_cell, with_entity

CSV = "text/csv"


def send(api: Api, kind: str, body: str | bytes, *, key: str | None = None, type_: str = CSV, status: int = 200, **params: Any) -> Any:
    headers = {"content-type": type_, **({"idempotency-key": key} if key else {})}
    content = body.encode() if isinstance(body, str) else body
    answer = api.ask("POST", f"/import/{kind}", params=params, headers=headers, content=content)
    assert answer.status_code == status, answer.text
    return answer.json()


def on_hand(api: Api, sku: str) -> int:
    return int(api.get(f"/inventory/skus/{sku}/locations/main")["on_hand"])


@pytest.fixture
def shop(api: Api) -> Api:
    api.open_shop(MUG=10, TEE=10, CAP=10)
    return api


FILE = "sku,location,on_hand,adjust,reason\nMUG,main,7,,\nTEE,main,,-2,broken\nCAP,main,10,,\nNEW,annex,1,,\nTEE,moon,1,,\nCAP,main,x,,\nCAP,annex,,,\n"
COUNTS = {"rows": 7, "new": 1, "changed": 2, "unchanged": 1, "done_before": 0, "empty": 1, "bad": 2}


def counts(answer: Any) -> dict[str, int]:
    return {name: answer[name] for name in COUNTS}


def test_a_file_is_shown_first_and_applied_if_that_is_said(shop: Api) -> None:
    seen = send(shop, "stock", FILE)
    assert (seen["applied"], counts(seen)) == (False, COUNTS)
    assert seen["first"][0] == {"line": 2, "about": "MUG at main", "new": False, "changes": [{"column": "on_hand", "old": 10, "new": 7}]}
    assert [(each["line"], each["column"]) for each in seen["problems"]] == [(6, "location"), (7, "on_hand")]
    assert "no location 'moon'" in seen["problems"][0]["problem"]
    assert (on_hand(shop, "MUG"), on_hand(shop, "TEE")) == (10, 10)
    done = send(shop, "stock", FILE, apply=True, first=1)
    assert (done["applied"], counts(done), done["problems"]) == (True, COUNTS, seen["problems"])
    assert done["first"] == seen["first"][:1]
    assert (on_hand(shop, "MUG"), on_hand(shop, "TEE")) == (7, 8)
    again = send(shop, "stock", FILE, apply=True)
    assert (again["done_before"], again["changed"], again["new"], again["repeat"]) == (3, 0, 0, False)
    assert on_hand(shop, "TEE") == 8
    (entry, *_) = shop.get("/inventory/skus/TEE/movements")["items"]
    assert (entry["reason"], entry["actor"].startswith("api ")) == ("broken", True)


def test_a_key_tells_imports_apart(shop: Api) -> None:
    """The same file again with another key is another one: units went missing twice."""
    file = "sku,location,adjust,reason\nMUG,main,-1,lost\n"
    assert send(shop, "stock", file, key="monday", apply=True)["changed"] == 1
    again = send(shop, "stock", file, key="monday", apply=True)
    assert (again["repeat"], again["done_before"], on_hand(shop, "MUG")) == (True, 1, 9)
    assert send(shop, "stock", file, key="tuesday", apply=True)["changed"] == 1
    assert on_hand(shop, "MUG") == 8
    refused = send(shop, "stock", "sku,location,adjust,reason\nMUG,main,-2,lost\n", key="monday", apply=True, status=422)
    assert refused["code"] == "key_reused"
    assert send(shop, "stock", file, key="monday")["applied"] is False
    send(shop, "stock", "sku,color\n", key="friday", apply=True, status=422)
    send(shop, "stock", "sku,location,on_hand\nTEE,moon,1\n", key="friday", apply=True, mode="all")
    assert send(shop, "stock", "sku,location,on_hand\nTEE,main,1\n", key="friday", apply=True)["changed"] == 1, (
        "nothing was done with it so far"
    )
    assert on_hand(shop, "MUG") == 8


def test_all_or_none(shop: Api) -> None:
    told = send(shop, "stock", FILE, apply=True, mode="all")
    assert (told["applied"], counts(told), on_hand(shop, "MUG")) == (False, COUNTS, 10)
    good = "sku,location,on_hand\nMUG,main,7\nTEE,main,8\n"
    assert (send(shop, "stock", good, apply=True, mode="all")["applied"], on_hand(shop, "MUG")) == (True, 7)
    many = "sku,location,on_hand\n" + "".join(f"N-{number},main,1\n" for number in range(1_001))
    assert send(shop, "stock", many, apply=True, mode="all", status=413)["code"] == "too_large"
    assert shop.ask("GET", "/inventory/skus/N-1").status_code == 404


def test_what_is_said_for_the_whole_file(shop: Api) -> None:
    counted = shop.clock.now().isoformat()
    shop.clock.advance(60)
    shop.post("/inventory/receive", {"sku": "MUG", "location": "main", "quantity": 5})
    told = send(shop, "stock", "SKU;On hand;colour\nMUG;8;red\n", as_of=counted, location="main", ignore=["Colour"], apply=True)
    assert (told["first"][0]["changes"][0], on_hand(shop, "MUG")) == ({"column": "on_hand", "old": 15, "new": 13}, 13)
    send(shop, "stock", "sku,adjust\nMUG,-1\n", location="main", reason="lost", apply=True)
    assert on_hand(shop, "MUG") == 12
    bad = send(shop, "skus", "sku,title\nMUG,A mug\n", location="main", status=422)
    assert "query.location" in bad["detail"]
    assert "is in the future" in send(shop, "stock", FILE, as_of="2199-01-01T00:00:00Z", status=422)["detail"]
    assert "query.as_of" in send(shop, "listings", "channel,ref,sku\n", as_of=counted, status=422)["detail"]


def test_skus_listings_and_purchase_orders(shop: Api) -> None:
    assert send(shop, "skus", "sku,title,cost\nMUG,A mug,3.2\n", apply=True)["changed"] == 1
    assert shop.get("/inventory/skus/MUG")["unit_cost"] == "3.20"
    ref = next(row["ref"] for row in shop.get("/listings")["items"] if row["sku"] == "MUG")
    assert send(shop, "listings", f"channel,ref,sku,pack\nshop,{ref},MUG,6\n", apply=True)["changed"] == 1
    shop.post("/suppliers", {"code": "ACME"})
    sheet = "sku,quantity,cost\nMUG,24,3.1\nTEE,5,\n"
    told = send(shop, "purchase-orders", sheet, supplier="ACME", reference="A-1", location="main", apply=True)
    assert told["new"] == 2
    order = shop.get("/purchase-orders/1")["order"]
    assert (order["state"], order["supplier"], order["ordered"]) == ("draft", "ACME", 29)
    shop.post("/purchase-orders/1/order", {})
    received = send(shop, "receipts", "sku,quantity\nMUG,4\nCAP,1\n", order="PO-1", apply=True)
    assert (received["changed"], received["bad"], on_hand(shop, "MUG")) == (1, 1, 14)
    changed = send(
        shop, "purchase-orders", sheet.replace("24", "25"), supplier="ACME", reference="A-1", location="main", apply=True, key="again"
    )
    assert (changed["unchanged"], changed["bad"]) == (1, 1)
    assert "purchase order 1 is part received" in changed["problems"][0]["problem"]


def test_xlsx(shop: Api) -> None:
    out = io.BytesIO()
    with xlsx_writer(out, ["sku", "location", "on_hand"]) as write:
        write(("MUG", "main", 7))
    assert send(shop, "stock", out.getvalue(), type_=XLSX, apply=True)["changed"] == 1
    assert on_hand(shop, "MUG") == 7
    assert send(shop, "stock", b"PK\x03\x04", type_=XLSX, status=422)["code"] == "malformed"


def test_an_xlsx_that_would_swell_in_the_daemon_is_refused(shop: Api) -> None:
    """A few kilobytes that became one cell of 300 million characters: the search for entities took UTF-16 for something else."""
    for swollen in (
        lambda sheet: with_entity(sheet, "utf-16", 1_000_000, 300),
        lambda sheet: in_cell(sheet, f"<t>{'x' * 6_000_000}</t>").encode(),
    ):
        told = send(shop, "stock", changed(swollen), type_=XLSX, apply=True, status=422)
        assert told["code"] == "malformed"
        assert "XML entities" in told["detail"] or "4 MiB in one row or cell" in told["detail"]


def test_without_openpyxl_it_says_what_to_install(shop: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "openpyxl", None)
    told = send(shop, "stock", b"PK\x03\x04", type_=XLSX, status=415)
    assert "channelsync[xlsx]" in told["detail"]


def test_what_an_export_says_comes_back_and_changes_nothing(shop: Api) -> None:
    for kind in ("stock", "skus", "listings", "purchase-orders", "receipts"):
        text = shop.ask("GET", f"/export/{kind}").text
        told = send(shop, kind, text, apply=True)
        assert (told["unchanged"], told["bad"]) == (told["rows"], 0), told


@pytest.mark.parametrize(
    ("body", "type_", "status", "part"),
    [
        ("sku,on_hand\n", "application/json", 415, "text/csv"),
        ("sku,on_hand\n", "text/csv; charset=iso-8859-1", 415, "UTF-8"),
        ("", CSV, 422, "is empty"),
        ("location\nmain\n", CSV, 422, "lacks sku"),
        ("sku,on_hand,colour\n", CSV, 422, "'colour'"),
        (b"sku,on_hand\nM\xdcG,1\n", CSV, 422, "line 2"),
        (b"\x1f\x8b", CSV, 422, "gzip"),
        ("sku,on_hand\n" + '"' * 3, CSV, 422, "quote"),
    ],
)
def test_bodies_that_are_no_file(api: Api, body: str | bytes, type_: str, status: int, part: str) -> None:
    answer = send(api, "stock", body, type_=type_, status=status)
    assert part in answer["detail"], answer


def test_kinds_of_the_config_are_refused_and_so_is_what_is_no_kind(api: Api) -> None:
    for kind in ("locations", "rules"):
        refused = send(api, kind, "code\nx\n", status=422)
        assert (refused["code"], f"channelsync import {kind}" in refused["detail"]) == ("not_allowed", True)
    assert send(api, "moon", "sku\n", status=422)["code"] == "malformed"


def test_who_may(api: Api) -> None:
    for scope, allowed in ((Scope.READ, False), (Scope.RESERVE, False), (Scope.ADJUST, True)):
        answer = api.ask(
            "POST", "/import/stock", token=api.make_token(scope), headers={"content-type": CSV}, content=b"sku,location,on_hand\n"
        )
        assert answer.status_code == (200 if allowed else 403)


def test_a_file_has_its_bounds(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    assert send(api, "stock", b"x" * (IMPORT_MAX + 1), status=413)["code"] == "too_large"
    large = "sku,location,on_hand\n" + f"MUG,main,1{' ' * 30_000}\n" * 100
    assert send(api, "stock", large)["rows"] == 100, "3 MB: more than any other request may have"
    monkeypatch.setattr("channelsync.shell.api.importing.ROWS_MAX", 3)
    many = "sku,location,on_hand\n" + "".join(f"N-{number},main,1\n" for number in range(4))
    assert "at most 3" in send(api, "stock", many, apply=True, status=413)["detail"]
    assert send(api, "stock", many[:-9], apply=True)["new"] == 3
    out = io.BytesIO()
    with xlsx_writer(out, ["sku", "location", "on_hand"]) as write:
        for number in range(5):
            write((f"X-{number}", "main", 7))
    assert send(api, "stock", out.getvalue(), type_=XLSX, apply=True, status=413)["code"] == "too_large"
    assert api.ask("GET", "/inventory/skus/X-1").status_code == 404


def test_many_chunks_and_every_bad_row(api: Api) -> None:
    body = "".join(f"S-{line},main,{'x' if line % 10 == 0 else line}\n" for line in range(2, 2_002))
    told = send(api, "stock", f"sku,location,on_hand\n{body}", apply=True)
    assert (told["rows"], told["new"], told["bad"]) == (2_000, 1_800, 200)
    assert {each["line"] for each in told["problems"]} == {line for line in range(2, 2_002) if line % 10 == 0}
    assert on_hand(api, "S-1999") == 1999


def test_what_breaks_off_says_how_far_it_came_and_goes_on_when_sent_again(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    body = "sku,location,on_hand\n" + "".join(f"S-{number},main,1\n" for number in range(600))
    desk = api.desk
    real, calls = desk.take_rows, []

    async def failing(chunk: Any) -> Any:
        calls.append(chunk)
        if len(calls) == 2:
            raise DatabaseAway("the database cannot be reached")
        return await real(chunk)

    monkeypatch.setattr(desk, "take_rows", failing)
    told = send(api, "stock", body, apply=True, key="k", status=503)
    assert told["code"] == "database_away"
    assert told["detail"].startswith("after 250 rows, of which 250 changed something:")
    again = send(api, "stock", body, apply=True, key="k")
    assert (again["repeat"], again["done_before"], again["new"]) == (True, 250, 350)


def test_two_at_once_change_nothing_twice(shop: Api) -> None:
    file = "sku,location,adjust,reason\n" + "".join(f"{sku},main,-1,lost\n" for sku in ("MUG", "TEE", "CAP"))

    async def both() -> list[Any]:
        url, headers = "/api/v1/import/stock?apply=true", {"content-type": CSV, "authorization": f"Bearer {shop.token}"}
        return await asyncio.gather(*(shop._client.post(url, headers=headers, content=file) for _ in range(4)))

    answers = [answer.json() for answer in shop._run(both())]
    assert sum(answer["changed"] for answer in answers) == 3
    assert [on_hand(shop, sku) for sku in ("MUG", "TEE", "CAP")] == [9, 9, 9]


def test_so_many_imports_wait_and_no_more(shop: Api) -> None:
    """Bodies that come slowly: those beyond the bound are refused before they are read, and when the others are done there is room again."""
    url, headers = "/api/v1/import/stock", {"content-type": CSV, "authorization": f"Bearer {shop.token}"}

    async def many() -> list[Any]:
        refused, others = asyncio.Event(), []

        async def body() -> AsyncIterator[bytes]:
            yield b"sku,location,on_hand\n"
            await asyncio.wait_for(refused.wait(), 30)
            yield b"MUG,main,7\n"

        async def one() -> Any:
            answer = await shop._client.post(url, headers=headers, content=body())
            if answer.status_code == 503:
                others.append(answer)
                if len(others) == 3:
                    refused.set()
            return answer

        return await asyncio.gather(*(one() for _ in range(IN_HAND + 3)))

    answers = shop._run(many())
    assert sorted(answer.status_code for answer in answers) == [200] * IN_HAND + [503] * 3
    refused = next(answer for answer in answers if answer.status_code == 503)
    assert (refused.json()["code"], refused.headers["retry-after"]) == ("busy", "5")
    assert send(shop, "stock", "sku,location,on_hand\nMUG,main,7\n", apply=True)["changed"] == 1
