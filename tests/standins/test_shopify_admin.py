"""The Admin API's own rules: tokens, versions, costs, throttling, and how it says no."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import pytest

from channelsync.testing.standins.base import Faults
from support.clock import ManualClock
from support.shopify import Api, run, shared, stand_in

SHOP = "{ shop { id } }"
VARIANTS = "query($first: Int) { productVariants(first: $first) { nodes { id product { id } inventoryItem { id } } } }"
FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture
def api(clock: ManualClock) -> Api:
    return Api(stand_in(clock))


def grant(api: Api, **changes: str) -> tuple[int, dict[str, object]]:
    tokens = api.shop.tokens
    form = {"grant_type": "client_credentials", "client_id": tokens.client_id, "client_secret": tokens.client_secret, **changes}
    answer = run(api.raw("/admin/oauth/access_token", urlencode(form).encode(), FORM))
    return answer.status_code, answer.json()


def test_a_wrong_token_is_told_so_in_a_plain_string(api: Api) -> None:
    api.token = "shpat_wrong"
    answer = run(api.post(SHOP))
    assert answer.status_code == 401
    assert isinstance(answer.json()["errors"], str)
    assert "access token" in answer.json()["errors"]


def test_client_credentials_bring_a_token_that_expires(clock: ManualClock) -> None:
    api = Api(stand_in(clock, token_seconds=3600))
    status, granted = grant(api)
    assert (status, granted["expires_in"]) == (200, 3600)
    api.token = str(granted["access_token"])
    assert "errors" not in run(api.ask(SHOP))
    clock.advance(3599)
    assert run(api.post(SHOP)).status_code == 200
    clock.advance(2)
    assert run(api.post(SHOP)).status_code == 401


def test_the_token_endpoint_refuses_what_is_wrong(api: Api) -> None:
    assert grant(api, client_secret="wrong")[0] == 400
    assert grant(api, grant_type="authorization_code")[0] == 400
    as_json = run(api.raw("/admin/oauth/access_token", json.dumps({"grant_type": "client_credentials"}).encode(), {}))
    assert as_json.status_code == 400


def test_a_retired_version_falls_forward_instead_of_failing(api: Api) -> None:
    api.path = "/admin/api/2025-10/graphql.json"
    answer = run(api.post(SHOP))
    assert answer.status_code == 200
    assert answer.headers["X-Shopify-API-Version"] == "2026-01"
    api.path = "/admin/api/2026-07/graphql.json"
    assert run(api.post(SHOP)).headers["X-Shopify-API-Version"] == "2026-07"


def test_other_paths_are_not_found_and_a_body_without_query_is_bad(api: Api) -> None:
    token = {"X-Shopify-Access-Token": api.shop.tokens.lasting}
    assert run(api.raw("/admin/api/2026-07/products.json", b"{}", token)).status_code == 404
    assert run(api.raw(api.path, b"{}", token)).status_code == 400
    assert run(api.raw(api.path, b"not json", token)).status_code == 400


def test_the_date_header_is_the_shops_clock(api: Api) -> None:
    assert run(api.post(SHOP)).headers["date"] == "Thu, 15 Jan 2026 12:00:00 GMT"


def test_an_unknown_field_is_refused_before_it_runs(api: Api) -> None:
    assert run(api.code("{ shop { colour } }")) == "undefinedField"
    assert run(api.code("query($id: ID!) { order(id: $id) { id } }")) == "INVALID_VARIABLE"


def test_a_missing_scope_is_access_denied(clock: ManualClock) -> None:
    api = Api(stand_in(clock, scopes=("read_products",)))
    assert run(api.code('{ orders(first: 1, sortKey: UPDATED_AT, query: "status:open") { nodes { id } } }')) == "ACCESS_DENIED"
    assert run(api.data(VARIANTS, first=1))


def test_what_is_no_gid_is_refused_and_an_unknown_gid_is_null(api: Api) -> None:
    assert run(api.code('{ nodes(ids: ["MUG"]) { id } }')) == "argumentLiteralsIncompatible"
    assert run(api.code('{ order(id: "gid://shopify/Product/1") { id } }')) == "RESOURCE_NOT_FOUND"
    assert run(api.data('{ order(id: "gid://shopify/Order/1") { id } }')) == {"order": None}


def test_a_connection_needs_first_and_arrays_end_at_250(api: Api) -> None:
    assert run(api.code("{ productVariants { nodes { id } } }")) == "BAD_REQUEST"
    assert run(api.code("{ productVariants(first: 251) { nodes { id } } }")) == "BAD_REQUEST"
    many = ["gid://shopify/InventoryItem/1"] * 251
    assert run(api.code("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=many)) == "MAX_INPUT_SIZE_EXCEEDED"


def test_requested_cost_follows_the_documented_arithmetic(api: Api) -> None:
    cost = run(api.ask(VARIANTS, first=50))["extensions"]["cost"]
    assert cost["requestedQueryCost"] == 50 * 3
    assert cost["actualQueryCost"] == 1 + 2 * 3, "the connection and two variants came back"
    assert cost["throttleStatus"] == {"maximumAvailable": 2000, "currentlyAvailable": 2000 - 7, "restoreRate": 100}


def test_what_was_asked_for_in_vain_is_given_back(api: Api) -> None:
    first = run(api.ask(VARIANTS, first=250))["extensions"]["cost"]
    second = run(api.ask(SHOP))["extensions"]["cost"]
    assert second["throttleStatus"]["currentlyAvailable"] == 2000 - first["actualQueryCost"] - 1


def test_a_query_above_1000_points_never_runs(api: Api) -> None:
    query = "{ productVariants(first: 250) { pageInfo { hasNextPage } nodes { id product { id } inventoryItem { id levels: inventoryLevels(first: 1) { nodes { id } } } } } }"
    error = run(api.ask(query))["errors"][0]
    assert (error["extensions"]["code"], error["extensions"]["cost"]) == ("MAX_COST_EXCEEDED", 250 * 4 + 1)
    assert run(api.ask(SHOP))["extensions"]["cost"]["throttleStatus"]["currentlyAvailable"] == 1999


def test_an_empty_bucket_throttles_with_status_200_and_refills(clock: ManualClock) -> None:
    api = Api(stand_in(clock, bucket_size=300, restore_rate=50))
    assert "data" in run(api.ask(VARIANTS, first=100))
    clock.advance(10)
    for _ in range(20):
        run(api.ask(VARIANTS, first=90))
    throttled = run(api.ask(VARIANTS, first=90))
    assert throttled["errors"][0]["extensions"]["code"] == "THROTTLED"
    assert "data" not in throttled
    assert throttled["extensions"]["cost"]["actualQueryCost"] is None
    clock.advance(6)
    assert "data" in run(api.ask(VARIANTS, first=90))


def test_the_fault_dial_throttles_like_the_shop(api: Api) -> None:
    sample = json.loads(shared("channels/samples/shopify/graphql_throttled.json").read_text())
    api.shop.faults = Faults(throttle=1.0)
    answer = run(api.ask(SHOP))
    assert answer.keys() == sample.keys()
    assert answer["errors"] == sample["errors"]
    assert answer["extensions"]["cost"].keys() == sample["extensions"]["cost"].keys()


def test_the_ceiling_is_told_as_the_shop_tells_it(api: Api) -> None:
    sample = json.loads(shared("channels/samples/shopify/graphql_max_cost_exceeded.json").read_text())["errors"][0]
    error = run(
        api.ask("{ productVariants(first: 250) { nodes { product { id } inventoryItem { inventoryLevels(first: 9) { nodes { id } } } } } }")
    )
    assert error["errors"][0]["extensions"].keys() == sample["extensions"].keys()
    assert error["errors"][0]["message"].startswith("Query cost is ")
