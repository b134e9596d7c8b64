"""One document out, data or an error back: the request that is built, and what each kind of answer means."""

from __future__ import annotations

import json
from typing import Any

import pytest

from channelsync.contract import Cursor, HttpResponse, ShelfRef
from channelsync.errors import ChannelError, Misunderstood, NotReached, RateLimited, Unauthorized, Unavailable
from channelsync_shopify import documents
from support.clock import ManualClock
from support.shopify import LOCATION, a_call, answer, replayed, run, shared

SHELF = ShelfRef("gid://shopify/InventoryItem/1", LOCATION)
EMPTY = {"nodes": [None]}
GRANTED = HttpResponse(200, {}, json.dumps({"access_token": "shpua_1", "scope": "read_orders", "expires_in": 86_400}).encode())
AGAIN = HttpResponse(200, {}, json.dumps({"access_token": "shpua_2", "scope": "read_orders", "expires_in": 86_400}).encode())
BY_GRANT: dict[str, Any] = {"access_token": None, "client_id": "an id", "client_secret": "a&b", "webhook_secrets": None}
REJECTED = answer(status=401, errors="[API] Invalid API key or access token")


def error(code: str, message: str = "text") -> list[dict[str, Any]]:
    return [{"message": message, "extensions": {"code": code}}]


def test_the_request() -> None:
    shop, http = replayed(answer(EMPTY))
    run(shop.stock([SHELF]))
    request = http.asked[0]
    assert (request.method, request.url) == ("POST", "https://example.myshopify.com/admin/api/2026-07/graphql.json")
    assert request.headers == {"content-type": "application/json", "accept": "application/json", "x-shopify-access-token": "shpat_1"}
    assert http.body() == {"query": documents.STOCK.text, "variables": {"ids": [SHELF.listing], "location": LOCATION}}
    assert request.cost == 3


def test_an_answer_that_names_no_version_is_believed() -> None:
    for given in (answer(EMPTY), answer(EMPTY, x_shopify_api_version="2026-07")):
        shop, _ = replayed(given)
        assert run(shop.stock([SHELF])) == []
    shop, _ = replayed(answer(EMPTY, x_shopify_api_version="2026-10"))
    with pytest.raises(Unauthorized, match="2026-10 answered"):
        run(shop.stock([SHELF]))


def test_of_errors_in_another_version_the_version_is_told() -> None:
    shop, _ = replayed(answer(errors=error("undefinedField"), x_shopify_api_version="2026-10"))
    with pytest.raises(Unauthorized, match="2026-10 answered"):
        run(shop.stock([SHELF]))
    shop, _ = replayed(answer(errors=error("THROTTLED"), x_shopify_api_version="2026-10"))
    with pytest.raises(Misunderstood, match="2026-10 answered"):
        run(shop.push(a_call(1)))


def test_the_budget_learns_from_each_answer() -> None:
    cost = {
        "requestedQueryCost": 3,
        "actualQueryCost": 1,
        "throttleStatus": {"maximumAvailable": 2000.0, "currentlyAvailable": 1997, "restoreRate": 100.0},
    }
    shop, http = replayed(answer(EMPTY, cost=cost))
    run(shop.stock([SHELF]))
    assert http.told.learned == [{"remaining": 1997.0, "maximum": 2000.0, "per_second": 100.0}]


def test_a_broken_throttle_status_teaches_nothing() -> None:
    shop, http = replayed(answer(EMPTY, cost={"throttleStatus": {"maximumAvailable": "many"}}))
    run(shop.stock([SHELF]))
    assert http.told.learned == []


@pytest.mark.parametrize(
    ("given", "raised"),
    [
        (answer(status=401, errors="[API] Invalid API key or access token"), Unauthorized),
        (answer(status=402, errors="Unavailable Shop"), Unauthorized),
        (answer(status=403, errors="Forbidden"), Unauthorized),
        (answer(status=404, errors="Not Found"), Unauthorized),
        (answer(status=400, errors="Bad Request"), Misunderstood),
        (answer(status=301), Misunderstood),
        (answer(status=423, errors="Locked"), RateLimited),
        (answer(status=430, errors="Security Rejection"), RateLimited),
        (answer(status=429, errors="Too Many Requests"), RateLimited),
        (answer(status=502), Unavailable),
        (answer(errors=error("THROTTLED")), RateLimited),
        (answer(errors=error("ACCESS_DENIED")), Unauthorized),
        (answer(errors=error("SHOP_INACTIVE")), Unauthorized),
        (answer(errors=error("INTERNAL_SERVER_ERROR")), Unavailable),
        (answer(errors=error("MAX_COST_EXCEEDED")), Misunderstood),
        (answer(errors=error("undefinedField")), Misunderstood),
        (answer(errors=[{"message": "no code"}]), Misunderstood),
        (answer(errors="[API] Invalid API key or access token (unrecognized login)"), Unauthorized),
        (answer(errors="something else"), Misunderstood),
        (answer({"nodes": []}, errors=error("ACCESS_DENIED")), Unauthorized),
        (answer(), Misunderstood),
        (HttpResponse(200, {}, b"<!DOCTYPE html><html>"), Misunderstood),
        (HttpResponse(200, {}, b'{"data": {"nodes": ['), Misunderstood),
        (HttpResponse(200, {}, b"[]"), Misunderstood),
        (HttpResponse(200, {}, b""), Misunderstood),
    ],
)
def test_what_each_answer_means(given: HttpResponse, raised: type[ChannelError]) -> None:
    shop, _ = replayed(given)
    with pytest.raises(raised) as caught:
        run(shop.stock([SHELF]))
    assert isinstance(caught.value, RateLimited) is (raised is RateLimited)


@pytest.mark.parametrize(
    ("sample", "raised"),
    [
        ("graphql_throttled.json", RateLimited),
        ("graphql_internal_server_error.json", Unavailable),
        ("graphql_max_cost_exceeded.json", Misunderstood),
    ],
)
def test_recorded_errors_mean_what_they_should(sample: str, raised: type[ChannelError]) -> None:
    body = (shared("channels/samples/shopify") / sample).read_bytes()
    shop, _ = replayed(HttpResponse(200, {}, body))
    with pytest.raises(raised):
        run(shop.stock([SHELF]))


def test_throttled_says_when_the_bucket_holds_enough_again() -> None:
    status = {"maximumAvailable": 1000, "currentlyAvailable": 100, "restoreRate": 50}
    shop, http = replayed(
        answer(errors=error("THROTTLED"), cost={"requestedQueryCost": 700, "actualQueryCost": None, "throttleStatus": status})
    )
    with pytest.raises(RateLimited) as caught:
        run(shop.stock([SHELF]))
    assert caught.value.retry_after == (700 - 100) / 50
    assert http.told.learned[0]["remaining"] == 100


def test_throttled_never_means_at_once() -> None:
    status = {"maximumAvailable": 1000, "currentlyAvailable": 900, "restoreRate": 50}
    shop, _ = replayed(answer(errors=error("THROTTLED"), cost={"requestedQueryCost": 0, "throttleStatus": status}))
    with pytest.raises(RateLimited) as caught:
        run(shop.stock([SHELF]))
    assert caught.value.retry_after == 1.0


def test_retry_after_is_passed_on() -> None:
    shop, _ = replayed(answer(status=503, retry_after="7"))
    with pytest.raises(Unavailable) as caught:
        run(shop.stock([SHELF]))
    assert caught.value.retry_after == 7.0


def test_a_locked_shop_is_left_alone_for_long() -> None:
    shop, _ = replayed(answer(status=430))
    with pytest.raises(RateLimited) as caught:
        run(shop.stock([SHELF]))
    assert caught.value.retry_after is not None
    assert caught.value.retry_after >= 600


def test_client_credentials_are_posted_as_a_form() -> None:
    shop, http = replayed(GRANTED, answer(EMPTY), **BY_GRANT)
    run(shop.stock([SHELF]))
    grant = http.asked[0]
    assert grant.url == "https://example.myshopify.com/admin/oauth/access_token"
    assert grant.headers["content-type"] == "application/x-www-form-urlencoded"
    assert grant.body == b"grant_type=client_credentials&client_id=an+id&client_secret=a%26b"
    assert grant.cost == 0
    assert http.asked[1].headers["x-shopify-access-token"] == "shpua_1"


def test_a_token_is_kept_and_renewed_well_before_its_end() -> None:
    clock = ManualClock()
    shop, http = replayed(GRANTED, answer(EMPTY), answer(EMPTY), AGAIN, answer(EMPTY), clock=clock, **BY_GRANT)
    run(shop.stock([SHELF]))
    clock.advance(0.79 * 86_400)
    run(shop.stock([SHELF]))
    clock.advance(0.02 * 86_400)
    run(shop.stock([SHELF]))
    assert [request.headers.get("x-shopify-access-token") for request in http.asked] == [None, "shpua_1", "shpua_1", None, "shpua_2"]


def test_a_rejected_token_is_renewed_once() -> None:
    shop, http = replayed(GRANTED, REJECTED, AGAIN, answer(EMPTY), **BY_GRANT)
    assert list(run(shop.stock([SHELF]))) == []
    assert http.asked[-1].headers["x-shopify-access-token"] == "shpua_2"
    shop, _ = replayed(GRANTED, REJECTED, AGAIN, REJECTED, **BY_GRANT)
    with pytest.raises(Unauthorized):
        run(shop.stock([SHELF]))


def test_a_lasting_token_that_is_rejected_is_not_tried_again() -> None:
    shop, http = replayed(REJECTED)
    with pytest.raises(Unauthorized, match="check access_token"):
        run(shop.stock([SHELF]))
    assert len(http.asked) == 1


@pytest.mark.parametrize(
    ("given", "raised"),
    [
        (HttpResponse(400, {}, b'{"error": "application_cannot_be_found"}'), Unauthorized),
        (HttpResponse(429, {}, b""), RateLimited),
        (HttpResponse(503, {}, b""), Unavailable),
        (HttpResponse(302, {}, b""), Misunderstood),
        (HttpResponse(200, {}, b"<html>"), Misunderstood),
        (HttpResponse(200, {}, b'{"access_token": "x"}'), Misunderstood),
    ],
)
def test_what_the_token_endpoints_answers_mean(given: HttpResponse, raised: type[ChannelError]) -> None:
    shop, _ = replayed(given, **BY_GRANT)
    with pytest.raises(raised):
        run(shop.stock([SHELF]))


def test_a_secret_never_stands_in_an_error() -> None:
    shop, _ = replayed(HttpResponse(400, {}, b'{"error": "application_cannot_be_found"}'), **BY_GRANT)
    with pytest.raises(Unauthorized) as caught:
        run(shop.stock([SHELF]))
    assert "a&b" not in str(caught.value)


def test_without_the_date_header_our_clock_stands_in() -> None:
    node = {
        "id": SHELF.listing,
        "tracked": True,
        "inventoryLevel": {"isActive": True, "quantities": [{"name": "available", "quantity": 3}]},
    }
    clock = ManualClock()
    shop, _ = replayed(answer({"nodes": [node]}, date=None), clock=clock)
    assert run(shop.stock([SHELF]))[0].at == clock.now()


def test_no_token_no_write() -> None:
    """A push whose token cannot be had was not sent: its outcome is known."""
    for given in (HttpResponse(503, {}, b""), HttpResponse(200, {}, b"<html>"), Unavailable("time-out")):
        shop, http = replayed(given, **BY_GRANT)
        with pytest.raises(NotReached):
            run(shop.push(a_call()))
        assert http.verbs == ["read"]


async def _drain(pages: Any) -> list[Any]:
    return [page async for page in pages]


def test_a_list_that_says_more_but_shows_no_way_on_is_not_understood() -> None:
    stuck = {"pageInfo": {"hasNextPage": True, "endCursor": None}, "nodes": []}
    shop, _ = replayed(answer({"orders": stuck}))
    with pytest.raises(Misunderstood, match="no way on"):
        run(_drain(shop.orders(Cursor())))
