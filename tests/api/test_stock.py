"""Stock and reservations over the API: what verbs do is the ledger's affair (tests/ledger); here is what a program sees of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import pytest

from api.conftest import Api
from channelsync.ledger import bundling
from channelsync.ledger.bundling import Define, Part
from channelsync.ledger.tokens import Scope


def put(api: Api, sku: str, units: int, location: str = "main") -> Any:
    return api.post("/inventory", {"sku": sku, "location": location, "quantity": units})


def test_from_the_opening_to_a_shipment(api: Api) -> None:
    assert put(api, "MUG", 5)["available"] == 5
    reserved = api.post("/inventory/reserve", {"reference": "cart-1", "lines": [{"sku": "MUG", "location": "main", "quantity": 2}]})
    assert (reserved["claims"][0]["available"], reserved["expires_at"] is None) == (3, False)
    assert api.post("/inventory/harden", {"reference": "cart-1"})["hard"] == 2
    assert api.post("/inventory/fulfil", {"reference": "cart-1", "quantity": 1})["held"] == 1
    assert api.post("/inventory/release", {"reference": "cart-1"}) == {"units": 1, "held": 0, "already": None, "repeat": False}
    assert api.post("/inventory/release", {"reference": "cart-1"})["already"] == "released"
    sku = api.get("/inventory/skus/MUG")
    assert (sku["available"], sku["levels"][0]["on_hand"], sku["levels"][0]["hard"]) == (4, 4, 0)
    assert [row["type"] for row in api.get("/inventory/skus/MUG/movements")["items"]] == ["release", "fulfil", "reserve", "reserve", "seed"]


def test_a_key_does_it_once(api: Api) -> None:
    put(api, "MUG", 5)
    body = {"sku": "MUG", "location": "main", "quantity": 3}
    assert api.post("/inventory/receive", body, key="dn-1")["on_hand"] == 8
    again = api.post("/inventory/receive", body, key="dn-1")
    assert (again["on_hand"], again["repeat"]) == (8, True)
    assert api.post("/inventory/receive", {**body, "quantity": 4}, key="dn-1", status=422)["code"] == "key_reused"


@pytest.mark.parametrize("key", ["dn-1", "a:b: c"])
def test_a_key_that_was_used_is_named_as_it_was_sent(api: Api, key: str) -> None:
    put(api, "MUG", 5)
    body = {"sku": "MUG", "location": "main", "quantity": 3}
    api.post("/inventory/receive", body, key=key)
    api.post("/inventory/receive/batch", {"lines": [body]}, key=key)
    alone = api.post("/inventory/receive", {**body, "quantity": 4}, key=key, status=422)
    assert f"key {key!r} was already used for another request" in alone["detail"]
    among = api.post("/inventory/receive/batch", {"lines": [{**body, "quantity": 4}]}, key=key, status=422)
    assert (among["line"], f"line 0: idempotency key {key!r} was" in among["detail"]) == (0, True)
    [each] = api.post("/inventory/receive/batch", {"lines": [{**body, "quantity": 4}], "mode": "each"}, key=key)["results"]
    assert f"key {key!r} was" in each["problem"]["detail"]


def test_keys_of_two_tokens_never_meet(api: Api) -> None:
    put(api, "MUG", 5)
    body = {"sku": "MUG", "location": "main", "quantity": 3}
    api.post("/inventory/receive", body, key="1")
    other = api.make_token(Scope.ADJUST)
    answer = api.ask("POST", "/inventory/receive", token=other, json=body, headers={"idempotency-key": "1"})
    assert answer.json()["on_hand"] == 11


def test_what_is_not_there_cannot_be_had(api: Api) -> None:
    put(api, "MUG", 1)
    lines = [{"sku": "MUG", "location": "main", "quantity": 2}]
    told = api.post("/inventory/reserve", {"reference": "cart-1", "lines": lines}, status=409)
    assert (told["code"], told["sku"], told["wanted"], told["available"]) == ("insufficient_stock", "MUG", 2, 1)
    assert api.post("/inventory/receive", {"sku": "NONE", "location": "main", "quantity": 1}, status=404)["code"] == "unknown_sku"
    assert api.post("/inventory/receive", {"sku": "MUG", "location": "moon", "quantity": 1}, status=404)["code"] == "unknown_location"


def test_what_is_malformed_is_named(api: Api) -> None:
    told = api.post("/inventory/receive", {"sku": "MUG", "location": "main", "quantity": 0, "colour": "red"}, status=422)
    assert told["code"] == "malformed"
    assert {each["where"] for each in told["errors"]} == {"body.quantity", "body.colour"}
    both = api.post("/inventory/release", {"reservation": 1, "reference": "x"}, status=422)
    assert "not by both" in both["detail"]


def test_a_batch_of_all_is_all_or_nothing_with_its_keys(api: Api) -> None:
    put(api, "MUG", 1)
    lines = [{"sku": "MUG", "location": "main", "quantity": 2}, {"sku": "NONE", "location": "main", "quantity": 1}]
    told = api.post("/inventory/receive/batch", {"lines": lines}, key="b1", status=404)
    assert (told["code"], told["line"]) == ("unknown_sku", 1)
    assert api.get("/inventory/skus/MUG")["available"] == 1
    done = api.post("/inventory/receive/batch", {"lines": lines[:1] * 2}, key="b1")
    assert [each["done"]["on_hand"] for each in done["results"]] == [3, 5]
    assert all(each["done"]["repeat"] for each in api.post("/inventory/receive/batch", {"lines": lines[:1] * 2}, key="b1")["results"])


def test_a_key_of_a_single_request_is_no_line_of_a_batch(api: Api) -> None:
    put(api, "MUG", 1)
    line = {"sku": "MUG", "location": "main", "quantity": 5}
    api.post("/inventory/receive/batch", {"lines": [line]}, key="b1")
    assert not api.post("/inventory/receive", line, key="b1#0")["repeat"]


def test_a_batch_of_each_is_sent_again_put_right(api: Api) -> None:
    put(api, "MUG", 1)
    lines = [{"sku": sku, "location": "main", "quantity": 5} for sku in ("MUG", "NONE")]
    first, second = api.post("/inventory/receive/batch", {"mode": "each", "lines": lines}, key="b2")["results"]
    assert (first["done"]["on_hand"], second["problem"]["code"]) == (6, "unknown_sku")
    put(api, "NONE", 0)
    first, second = api.post("/inventory/receive/batch", {"mode": "each", "lines": lines}, key="b2")["results"]
    assert (first["done"]["repeat"], second["done"]["repeat"], second["done"]["on_hand"]) == (True, False, 5)


def test_a_batch_of_each_does_what_it_can(api: Api) -> None:
    put(api, "MUG", 1)
    lines = [{"sku": sku, "location": "main", "quantity": 2} for sku in ("MUG", "NONE", "MUG")]
    first, second, third = api.post("/inventory/receive/batch", {"mode": "each", "lines": lines})["results"]
    assert (first["done"]["on_hand"], third["done"]["on_hand"]) == (3, 5)
    assert (second["problem"]["code"], second["problem"]["status"]) == ("unknown_sku", 404)


def test_lists_come_in_pages_and_by_filter(api: Api) -> None:
    for number in range(5):
        put(api, f"SKU-{number}", number)
    put(api, "SKU-3", 9, "annex")
    first = api.get("/inventory/skus", limit=3)
    second = api.get("/inventory/skus", limit=3, cursor=first["next"])
    assert [row["sku"] for row in first["items"] + second["items"]] == [f"SKU-{number}" for number in range(5)]
    assert second["next"] is None
    assert [row["sku"] for row in api.get("/inventory/skus", q="u-2")["items"]] == ["SKU-2"]
    assert [row["sku"] for row in api.get("/inventory/skus", location="annex")["items"]] == ["SKU-3"]
    assert [(row["sku"], row["on_hand"]) for row in api.get("/inventory/locations/annex")["items"]] == [("SKU-3", 9)]


def test_who_reads_on_from_a_mark_or_an_instant_sees_what_has_changed(api: Api) -> None:
    put(api, "A", 1)
    put(api, "B", 1)
    api.clock.advance(120)
    mark, instant = api.get("/inventory/skus")["changes"], api.clock.now().isoformat()
    assert api.get("/inventory/skus", changed_since=mark)["items"] == []
    api.post("/inventory/receive", {"sku": "B", "location": "main", "quantity": 1})
    for since in (mark, instant):
        assert [row["sku"] for row in api.get("/inventory/skus", changed_since=since)["items"]] == ["B"], since
    for wrong in ("yesterday", "2026-01-01T00:00:00", "m", "mx", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"):
        assert api.ask("GET", "/inventory/skus", params={"changed_since": wrong}).status_code == 422


def test_an_unchanged_level_costs_a_304(api: Api) -> None:
    put(api, "MUG", 1)
    answer = api.ask("GET", "/inventory/skus/MUG/locations/main")
    tag = answer.headers["etag"]
    assert api.ask("GET", "/inventory/skus/MUG/locations/main", headers={"if-none-match": tag}).status_code == 304
    api.post("/inventory/receive", {"sku": "MUG", "location": "main", "quantity": 1})
    assert api.ask("GET", "/inventory/skus/MUG/locations/main", headers={"if-none-match": tag}).status_code == 200


def test_a_bundle_has_changed_when_its_parts_have(api: Api) -> None:
    """No movement is a bundle's own: its tag stayed, and whoever kept a copy went on reading the old number."""
    put(api, "TEE", 3)
    with api.engine.connect() as conn, conn.begin():
        bundling.define(conn, [Define("TRIO", (Part("TEE", 3),))], api.clock.now())
    before = api.ask("GET", "/inventory/skus/TRIO")
    tag = {"if-none-match": before.headers["etag"]}
    assert (before.json()["available"], api.ask("GET", "/inventory/skus/TRIO", headers=tag).status_code) == (1, 304)
    api.post("/inventory/reserve", {"reference": "cart-1", "lines": [{"sku": "TEE", "location": "main", "quantity": 1}]})
    after = api.ask("GET", "/inventory/skus/TRIO", headers=tag)
    assert (after.status_code, after.json()["available"]) == (200, 0)


def test_a_character_that_no_database_can_store_is_the_callers_mistake(api: Api) -> None:
    """On PostgreSQL it was a 500, and an incident in the log."""
    put(api, "MUG", 3)
    for path in (
        "/skus/%00",
        "/skus?q=a%00",
        "/skus?location=%00",
        "/skus/MUG/locations/%00",
        "/skus/MUG/movements?location=%00",
        "/low-stock?location=%00",
    ):
        answer = api.ask("GET", f"/inventory{path}")
        assert (answer.status_code, answer.json()["code"]) == (422, "malformed"), path
    for path in ("/listings?sku=%00", "/orders/shop/%00"):
        assert api.ask("GET", path).status_code == 422, path
    assert api.ask("GET", "/inventory/skus/%2500").json()["code"] == "unknown_sku", "a percent sign and two noughts are a name"
    frozen = {"sku": "MUG", "channel": "\0", "reason": "photo shoot"}
    assert api.ask("POST", "/freeze", json=frozen).json()["code"] == "not_allowed"
    assert api.post("/channels/shop/pause", {"reason": "stock-taking\0"})["changed"] is True


def test_a_request_that_is_too_large_is_refused(api: Api) -> None:
    async def in_pieces() -> AsyncIterator[bytes]:
        """Without a length in its head."""
        for _ in range(3):
            yield b" " * 1024 * 1024

    for content in (b" " * (2 * 1024 * 1024 + 1), in_pieces()):
        answer = api.ask("POST", "/inventory/receive", content=content, headers={"content-type": "application/json"})
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_a_body_that_is_no_text_is_malformed_like_every_other(api: Api) -> None:
    """It was a 400 that the document did not tell of."""
    answer = api.ask("POST", "/inventory/receive", content=b"E\xff\x03", headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (422, "malformed")


def test_a_slash_in_a_sku_is_a_slash(api: Api) -> None:
    """A path was decoded before it was split, and such a SKU could not be read."""
    for sku in ("MUG/BLUE", "50%2F", "MUG%"):
        put(api, sku, 3)
        quoted = quote(sku, safe="")
        assert api.get(f"/inventory/skus/{quoted}")["sku"] == sku
        assert api.get(f"/inventory/skus/{quoted}/locations/main")["on_hand"] == 3
        assert [row["type"] for row in api.get(f"/inventory/skus/{quoted}/movements")["items"]] == ["seed"]


def test_a_year_that_no_database_gives_back_is_a_mistake(api: Api) -> None:
    """It was stored, and from then on the log of the SKU could not be read."""
    put(api, "MUG", 1)
    body = {"sku": "MUG", "location": "main", "quantity": 1, "occurred_at": "0001-01-01T00:00:00+14:00"}
    assert api.post("/inventory/receive", body, status=422)["code"] == "malformed"
    assert len(api.get("/inventory/skus/MUG/movements")["items"]) == 1


def test_what_is_null_in_one_answer_is_null_in_a_batch(api: Api) -> None:
    """Left out, it was not what the document promises."""
    put(api, "MUG", 5)
    api.post("/inventory/reserve", {"reference": "cart-1", "lines": [{"sku": "MUG", "location": "main", "quantity": 2}]})
    done = api.post("/inventory/release/batch", {"lines": [{"reference": "cart-1"}]})
    assert done == {"results": [{"done": {"units": 2, "held": 0, "already": None, "repeat": False}}]}
