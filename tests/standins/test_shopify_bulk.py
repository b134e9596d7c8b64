"""Bulk operations of the Shopify stand-in: polled, read while they run, one file per operation behind another host, and how they fail."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from channelsync.testing.standins.base import Item
from channelsync.testing.standins.shopify import ShopifyStandIn
from support.clock import ManualClock
from support.shopify import Api, run, stand_in

RUN = """mutation Run($query: String!) {
  bulkOperationRunQuery(query: $query, groupObjects: false) { bulkOperation { id status } userErrors { code message } }
}"""
STATUS = "query Status($id: ID!) { bulkOperation(id: $id) { status errorCode objectCount fileSize url partialDataUrl completedAt } }"
ITEMS = """{ inventoryItems { edges { node { id sku
  inventoryLevels { edges { node { id isActive quantities(names: ["available"]) { name quantity } } } } } } } }"""
VARIANTS = "{ productVariants { edges { node { id sku updatedAt inventoryItem { id tracked } } } } }"


def begun(api: Api, query: str = VARIANTS) -> str:
    made = run(api.data(RUN, query=query))["bulkOperationRunQuery"]
    assert made["userErrors"] == []
    return str(made["bulkOperation"]["id"])


def status(api: Api, ref: str) -> dict[str, Any]:
    found: dict[str, Any] = run(api.data(STATUS, id=ref))["bulkOperation"]
    return found


def fetched(shop: ShopifyStandIn, url: str, **headers: str) -> httpx.Response:
    async def get() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(shop.app)) as client:
            return await client.get(url, headers=headers)

    return run(get())


def test_a_list_becomes_a_file_at_another_host() -> None:
    shop = stand_in(ManualClock())
    done = status(Api(shop), begun(Api(shop)))
    assert (done["status"], done["objectCount"], done["partialDataUrl"]) == ("COMPLETED", "2", None)
    assert httpx.URL(done["url"]).host == "storage.test"
    lines = [json.loads(line) for line in fetched(shop, done["url"]).text.splitlines()]
    assert [line["sku"] for line in lines] == ["MUG", "CUP"]
    assert lines[0]["inventoryItem"] == {"id": shop.variant("MUG").inventory_item.id, "tracked": True}
    assert shop.bulk.leaks == 0
    fetched(shop, done["url"], **{"X-Shopify-Access-Token": "secret"})
    assert shop.bulk.leaks == 1


def test_a_list_in_a_list_is_lines_of_their_own() -> None:
    shop = stand_in(ManualClock())
    done = status(Api(shop), begun(Api(shop), ITEMS))
    lines = [json.loads(line) for line in fetched(shop, done["url"]).text.splitlines()]
    assert [line.get("__parentId") for line in lines] == [None, lines[0]["id"], None, lines[2]["id"]]
    assert [line["quantities"][0]["quantity"] for line in lines if "__parentId" in line] == [10, 5]
    assert done["objectCount"] == "4"


def test_the_rows_are_no_snapshot() -> None:
    clock = ManualClock()
    shop = stand_in(clock, Item("A", 1), Item("B", 1), bulk_seconds=10.0)
    api = Api(shop)
    ref = begun(api, ITEMS)
    clock.advance(5)
    running = status(api, ref)
    assert (running["status"], running["url"], running["objectCount"]) == ("RUNNING", None, "2")
    shop.edit("A", 9)
    shop.edit("B", 9)
    clock.advance(5)
    done = status(api, ref)
    lines = [json.loads(line) for line in fetched(shop, done["url"]).text.splitlines()]
    assert [line["quantities"][0]["quantity"] for line in lines if "__parentId" in line] == [1, 9]


@pytest.mark.parametrize(("at_once", "code"), [(1, "OPERATION_IN_PROGRESS"), (2, "LIMIT_REACHED")])
def test_only_so_many_at_once(at_once: int, code: str) -> None:
    clock = ManualClock()
    shop = stand_in(clock, bulk_seconds=10.0, bulk_at_once=at_once)
    for _ in range(at_once):
        begun(Api(shop))
    refused = run(Api(shop).data(RUN, query=VARIANTS))["bulkOperationRunQuery"]
    assert refused["bulkOperation"] is None
    assert refused["userErrors"][0]["code"] == code
    clock.advance(10)
    begun(Api(shop))


def test_one_that_fails_has_a_part_of_its_data() -> None:
    clock = ManualClock()
    shop = stand_in(clock, bulk_seconds=10.0)
    ref = begun(Api(shop))
    shop.bulk.fails = "FAILED"
    clock.advance(5)
    failed = status(Api(shop), ref)
    assert (failed["status"], failed["errorCode"], failed["url"]) == ("FAILED", "INTERNAL_SERVER_ERROR", None)
    assert len(fetched(shop, failed["partialDataUrl"]).text.splitlines()) == 1


def test_a_file_lives_seven_days() -> None:
    clock = ManualClock()
    shop = stand_in(clock)
    ref = begun(Api(shop))
    url = status(Api(shop), ref)["url"]
    clock.advance(7 * 86_400 + 1)
    assert fetched(shop, url).status_code == 400
    assert status(Api(shop), ref)["status"] == "EXPIRED"


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("{ shop { id } }", "at least one connection"),
        ("{ productVariants { pageInfo { hasNextPage } } }", "ask for its nodes"),
        ("{ productVariants { edges { node { nothing } } } }", "Cannot query field"),
        ("{", "Syntax Error"),
    ],
)
def test_what_is_no_bulk_query_is_refused(query: str, why: str) -> None:
    refused = run(Api(stand_in(ManualClock())).data(RUN, query=query))["bulkOperationRunQuery"]["userErrors"]
    assert refused[0]["code"] == "INVALID"
    assert why in refused[0]["message"]


def test_variants_are_counted_up_to_a_limit() -> None:
    api = Api(stand_in(ManualClock()))
    count = "query Count($limit: Int) { productVariantsCount(limit: $limit) { count precision } }"
    assert run(api.data(count, limit=1))["productVariantsCount"] == {"count": 1, "precision": "AT_LEAST"}
    assert run(api.data(count, limit=None))["productVariantsCount"] == {"count": 2, "precision": "EXACT"}
