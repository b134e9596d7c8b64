"""Pushes: what is sent, and what an answer proves."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from channelsync.contract import Call, Outcome, ShelfRef, Write, WriteResult
from channelsync.errors import NotReached, RateLimited, Unauthorized, Unavailable
from support.clock import ManualClock
from support.woocommerce import ScriptedHttp, answer, connected

Answers = tuple[Any, ...]


def write(listing: str, value: int = 9, delta: int = -1) -> Write:
    return Write(listing, ShelfRef(listing), value, value - delta, delta)


def row(number: int, shows: Any = 9, managed: Any = True) -> dict[str, Any]:
    return {"id": number, "manage_stock": managed, "stock_quantity": shows}


def push(http: ScriptedHttp, *writes: Write, **settings: Any) -> dict[str, WriteResult]:
    connector = connected(http, ManualClock(), **settings)
    results = asyncio.run(connector.push(Call("call-1", writes)))
    assert sorted(result.id for result in results) == sorted(write.id for write in writes)
    return {result.id: result for result in results}


def outcomes(results: dict[str, WriteResult]) -> dict[str, Outcome]:
    return {name: result.outcome for name, result in results.items()}


def test_one_request_per_parent_with_the_calls_key() -> None:
    http = ScriptedHttp(answer({"update": [row(12), row(13)]}), answer({"update": [row(33)]}))
    results = push(http, write("12"), write("32:33"), write("13", 9, -3))
    assert set(outcomes(results).values()) == {Outcome.OK}
    assert results["12"].shows == 9
    assert [request.url for request in http.requests] == [
        "https://shop.test/wp-json/wc/v3/products/batch",
        "https://shop.test/wp-json/wc/v3/products/32/variations/batch",
    ]
    assert json.loads(http.requests[0].body or b"") == {"update": [{"id": 12, "inventory_delta": -1}, {"id": 13, "inventory_delta": -3}]}
    assert {request.headers["x-request-id"] for request in http.requests} == {"call-1"}


def test_absolute_writes_send_the_number_and_must_see_it() -> None:
    http = ScriptedHttp(answer({"update": [row(12, 9), row(13, 8)]}))
    results = push(http, write("12"), write("13"), stock_write="absolute")
    assert json.loads(http.requests[0].body or b"")["update"][0] == {"id": 12, "stock_quantity": 9}
    assert outcomes(results) == {"12": Outcome.OK, "13": Outcome.UNKNOWN}


@pytest.mark.parametrize(
    ("item", "outcome"),
    [
        (row(12, 9), Outcome.OK),
        (row(12, 7), Outcome.OK),  # a sale we have not seen: the difference was carried
        (row(12, 10), Outcome.UNKNOWN),  # the number from before
        (row(12, None, False), Outcome.REFUSED),
        (row(12, 9, "parent"), Outcome.REFUSED),
        (row(12, None), Outcome.UNKNOWN),
        (row(12, "many"), Outcome.UNKNOWN),
        (row(99), Outcome.UNKNOWN),
        ({"id": 12, "error": {"code": "woocommerce_rest_product_invalid_id", "data": {"status": 400}}}, Outcome.REFUSED),
        ({"id": 12, "error": {"code": "boom", "message": "x", "data": {"status": 500}}}, Outcome.UNKNOWN),
    ],
)
def test_each_item_is_judged_by_what_it_shows(item: dict[str, Any], outcome: Outcome) -> None:
    result = push(ScriptedHttp(answer({"update": [item]})), write("12"))["12"]
    assert result.outcome is outcome
    assert (result.reason == "") is (outcome is Outcome.OK)


def test_a_difference_of_nothing_shows_the_number() -> None:
    assert push(ScriptedHttp(answer({"update": [row(12, 9)]})), write("12", 9, 0))["12"].outcome is Outcome.OK


def test_noise_in_front_of_the_answer_is_noted_and_the_write_counts() -> None:
    body = b"<br />\n<b>Warning</b>: array key [0] in {x}<br />\n" + json.dumps({"update": [row(12)]}).encode()
    result = push(ScriptedHttp(answer(body)), write("12"))["12"]
    assert (result.outcome, result.shows) == (Outcome.OK, 9)
    assert "before its JSON" in result.reason


@pytest.mark.parametrize(
    "bad",
    [
        answer(b"<html>Bad Gateway</html>", 502),
        answer(b"<html>Checking your browser</html>"),
        answer(b""),
        answer({"code": "internal_server_error", "message": "<p>fatal</p>", "data": {"status": 500}}, 500),
        answer(b'{"update":[{"id":12,"manage_stock":true,"stock_quantity":9,"meta_data":[]}'),
        answer([]),
        answer({"create": []}),
        Unavailable("time-out"),
    ],
)
def test_after_no_usable_answer_that_request_is_unknown_and_the_rest_is_not_sent(bad: Any) -> None:
    http = ScriptedHttp(answer({"update": [row(12)]}), bad)
    results = push(http, write("12"), write("32:33"), write("32:34"), write("40:41"))
    assert outcomes(results) == {
        "12": Outcome.OK,
        "32:33": Outcome.UNKNOWN,
        "32:34": Outcome.UNKNOWN,
        "40:41": Outcome.NOT_SENT,
    }


REFUSALS: Answers = (
    (NotReached("no route"), NotReached),
    (answer(b"<html>slow down</html>", 429, retry_after="7"), RateLimited),
    (answer({"code": "woocommerce_rest_cannot_edit", "message": "no", "data": {"status": 401}}, 401), Unauthorized),
    (answer({"code": "rest_no_route", "message": "No route", "data": {"status": 404}}, 404), NotReached),
)


@pytest.mark.parametrize(("bad", "error"), REFUSALS)
def test_a_refusal_of_the_first_request_is_raised_because_nothing_was_written(bad: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        push(ScriptedHttp(bad), write("12"), write("32:33"))


@pytest.mark.parametrize(("bad", "error"), REFUSALS)
def test_a_refusal_of_a_later_request_leaves_the_earlier_results(bad: Any, error: type[Exception]) -> None:
    results = push(ScriptedHttp(answer({"update": [row(12)]}), bad), write("12"), write("32:33"), write("40:41"))
    assert outcomes(results) == {"12": Outcome.OK, "32:33": Outcome.NOT_SENT, "40:41": Outcome.NOT_SENT}


def test_a_batch_that_is_too_large_did_nothing() -> None:
    for bad in (answer({"code": "woocommerce_rest_request_entity_too_large", "data": {"status": 413}}, 413), answer(b"<html>", 413)):
        assert push(ScriptedHttp(bad), write("12"))["12"].outcome is Outcome.NOT_SENT


def test_a_parent_that_is_gone_refuses_its_variations_and_the_others_go_on() -> None:
    gone = answer({"code": "woocommerce_rest_product_invalid_id", "message": "Invalid ID.", "data": {"status": 404}}, 404)
    results = push(ScriptedHttp(gone, answer({"update": [row(12)]})), write("32:33"), write("12"))
    assert outcomes(results) == {"32:33": Outcome.REFUSED, "12": Outcome.OK}


@pytest.mark.parametrize("listing", ["", "abc", "0", "1:2:3", "12:", "-4", "१२"])
def test_what_is_no_listing_of_ours_is_refused_without_a_request(listing: str) -> None:
    http = ScriptedHttp()
    assert push(http, write(listing))[listing].outcome is Outcome.REFUSED
    assert http.requests == []
