"""The traps of inventorySetQuantities, one by one."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from channelsync.testing.standins.base import Item
from channelsync.testing.standins.shopify import ShopifyStandIn
from channelsync.testing.virtual_clock import VirtualClock
from support.clock import ManualClock
from support.shopify import Api, run, stand_in

RESULT = (
    "{ inventoryAdjustmentGroup { id reason referenceDocumentUri changes { name delta quantityAfterChange item { id } location { id } } } "
    "userErrors { code field message } }"
)
SET = f"mutation($input: InventorySetQuantitiesInput!, $key: String!) {{ inventorySetQuantities(input: $input) @idempotent(key: $key) {RESULT} }}"
BARE = f"mutation($input: InventorySetQuantitiesInput!) {{ inventorySetQuantities(input: $input) {RESULT} }}"


@pytest.fixture
def shop(clock: ManualClock) -> ShopifyStandIn:
    return stand_in(clock)


@pytest.fixture
def api(shop: ShopifyStandIn) -> Api:
    return Api(shop)


def quantity(shop: ShopifyStandIn, sku: str, value: int, compare: int | None, **more: Any) -> dict[str, Any]:
    item = shop.variant(sku).inventory_item.id
    return {"inventoryItemId": item, "locationId": shop.location.id, "quantity": value, "changeFromQuantity": compare, **more}


def wanted(*quantities: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": "available", "reason": "correction", "quantities": list(quantities), **more}


def put(api: Api, key: str, *quantities: dict[str, Any], **more: Any) -> Any:
    return run(api.data(SET, input=wanted(*quantities, **more), key=key))["inventorySetQuantities"]


def codes(result: Any) -> list[str]:
    return [error["code"] for error in result["userErrors"]]


def test_a_set_needs_the_directive(api: Api) -> None:
    assert run(api.code(BARE, input=wanted(quantity(api.shop, "MUG", 3, 10)))) == "BAD_REQUEST"
    assert run(api.code(SET, input=wanted(quantity(api.shop, "MUG", 3, 10)), key=" ")) == "BAD_REQUEST"
    assert api.shop.shows("MUG") == 10


def test_the_compare_field_must_be_there_though_the_schema_lets_it_go(api: Api) -> None:
    left_out = quantity(api.shop, "MUG", 3, 10)
    del left_out["changeFromQuantity"]
    answer = run(api.ask(SET, input=wanted(quantity(api.shop, "CUP", 1, 5), left_out), key="k"))
    assert answer["errors"][0]["extensions"]["code"] == "INVALID_FIELD_ARGUMENTS"
    assert answer["errors"][0]["message"].endswith("must include the following argument: changeFromQuantity.")
    assert (api.shop.shows("MUG"), api.shop.shows("CUP")) == (10, 5)


def test_an_explicit_null_skips_the_check(api: Api) -> None:
    assert codes(put(api, "k", quantity(api.shop, "MUG", 3, None))) == []
    assert api.shop.shows("MUG") == 3


def test_a_fitting_compare_writes_and_says_what_changed(api: Api) -> None:
    result = put(api, "k", quantity(api.shop, "MUG", 3, 10), referenceDocumentUri="gid://channelsync/Push/k")
    group = result["inventoryAdjustmentGroup"]
    assert group["referenceDocumentUri"] == "gid://channelsync/Push/k"
    assert [(c["name"], c["delta"], c["quantityAfterChange"]) for c in group["changes"]] == [("available", -7, 3), ("on_hand", -7, 3)]
    change = api.shop.changes[-1]
    assert (change.sku, change.before, change.after, change.cause, change.write) == ("MUG", 10, 3, "write", "k")


def test_an_unchanged_number_is_success_without_a_group(api: Api) -> None:
    assert put(api, "k", quantity(api.shop, "MUG", 10, 10)) == {"inventoryAdjustmentGroup": None, "userErrors": []}
    assert api.shop.changes == []


def test_a_stale_compare_names_its_place_and_nothing_of_the_call_is_written(api: Api) -> None:
    api.shop.buy({"CUP": 1})
    result = put(api, "k", quantity(api.shop, "MUG", 3, 10), quantity(api.shop, "CUP", 2, 5))
    assert codes(result) == ["CHANGE_FROM_QUANTITY_STALE"]
    assert result["userErrors"][0]["field"] == ["input", "quantities", "1", "changeFromQuantity"]
    assert result["inventoryAdjustmentGroup"] is None
    assert (api.shop.shows("MUG"), api.shop.shows("CUP")) == (10, 4)


def test_the_other_reading_writes_the_good_ones(clock: ManualClock) -> None:
    api = Api(stand_in(clock, partial_sets=True))
    api.shop.buy({"CUP": 1})
    result = put(api, "k", quantity(api.shop, "MUG", 3, 10), quantity(api.shop, "CUP", 2, 5))
    assert codes(result) == ["CHANGE_FROM_QUANTITY_STALE"]
    assert {change["item"]["id"] for change in result["inventoryAdjustmentGroup"]["changes"]} == {api.shop.variant("MUG").inventory_item.id}
    assert (api.shop.shows("MUG"), api.shop.shows("CUP")) == (3, 4)


def test_a_repeat_returns_the_first_result_without_a_second_effect(api: Api) -> None:
    first = put(api, "k", quantity(api.shop, "MUG", 3, 10))
    api.shop.edit("MUG", 10)
    assert put(api, "k", quantity(api.shop, "MUG", 3, 10)) == first
    assert api.shop.shows("MUG") == 10


def test_a_key_with_other_parameters_is_a_mismatch(api: Api) -> None:
    put(api, "k", quantity(api.shop, "MUG", 3, 10))
    assert codes(put(api, "k", quantity(api.shop, "MUG", 2, 3))) == ["IDEMPOTENCY_KEY_PARAMETER_MISMATCH"]
    assert api.shop.shows("MUG") == 3


def test_a_failed_key_stays_failed_even_when_it_would_fit_now(api: Api) -> None:
    stale = quantity(api.shop, "MUG", 3, 9)
    assert codes(put(api, "k", stale)) == ["CHANGE_FROM_QUANTITY_STALE"]
    api.shop.buy({"MUG": 1})
    assert codes(put(api, "k", stale)) == ["IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED"]
    assert api.shop.shows("MUG") == 9
    assert codes(put(api, "k2", stale)) == []


def test_keys_are_forgotten_after_24_hours(clock: ManualClock) -> None:
    api = Api(stand_in(clock))
    put(api, "k", quantity(api.shop, "MUG", 3, 10))
    clock.advance(24 * 3600 - 1)
    api.shop.edit("MUG", 10)
    put(api, "k", quantity(api.shop, "MUG", 3, 10))
    assert api.shop.shows("MUG") == 10
    clock.advance(2)
    put(api, "k", quantity(api.shop, "MUG", 3, 10))
    assert api.shop.shows("MUG") == 3


def test_a_repeat_while_the_first_is_in_flight_is_refused() -> None:
    clock = VirtualClock()
    api = Api(stand_in(clock, write_seconds=10.0))
    variables = {"input": wanted(quantity(api.shop, "MUG", 3, 10)), "key": "k"}

    async def both() -> tuple[Any, Any]:
        first = asyncio.create_task(api.data(SET, **variables))
        await clock.sleep(0.01)
        second = await api.data(SET, **variables)
        assert api.shop.shows("MUG") == 10
        return await first, second

    first, second = run(both(), clock)
    assert codes(first["inventorySetQuantities"]) == []
    assert codes(second["inventorySetQuantities"]) == ["IDEMPOTENCY_CONCURRENT_REQUEST"]
    assert api.shop.shows("MUG") == 3


def test_an_order_in_flight_makes_a_slow_set_stale() -> None:
    """The compare happens when the write lands, not when it arrives."""
    clock = VirtualClock()
    api = Api(stand_in(clock, write_seconds=10.0))

    async def both() -> Any:
        slow = asyncio.create_task(api.data(SET, input=wanted(quantity(api.shop, "MUG", 3, 10)), key="k"))
        await clock.sleep(0.01)
        api.shop.buy({"MUG": 1})
        return await slow

    assert codes(run(both(), clock)["inventorySetQuantities"]) == ["CHANGE_FROM_QUANTITY_STALE"]
    assert api.shop.shows("MUG") == 9


def test_what_cannot_be_set(api: Api) -> None:
    shop = api.shop
    shop.stock([Item("SET", 2), Item("FREE", 2)])
    shop.variant("SET").inventory_item.requires_components = True
    shop.untrack("FREE")
    cases = [
        (quantity(shop, "MUG", -1, 10), "INVALID_QUANTITY_NEGATIVE"),
        (quantity(shop, "MUG", 1_000_000_001, 10), "INVALID_QUANTITY_TOO_HIGH"),
        (quantity(shop, "MUG", 1, 10, inventoryItemId="gid://shopify/InventoryItem/1"), "INVALID_INVENTORY_ITEM"),
        (quantity(shop, "MUG", 1, 10, locationId="gid://shopify/Location/1"), "INVALID_LOCATION"),
        (quantity(shop, "SET", 1, 2), "NON_MUTABLE_INVENTORY_ITEM"),
        (quantity(shop, "FREE", 1, 2), "NON_MUTABLE_INVENTORY_ITEM"),
    ]
    for number, (bad, code) in enumerate(cases):
        result = put(api, f"k{number}", quantity(shop, "CUP", 4, 5), bad)
        assert codes(result) == [code]
        assert result["userErrors"][0]["field"][:3] == ["input", "quantities", "1"]
    assert [change for change in shop.changes if change.cause == "write"] == []


def test_what_is_wrong_with_the_call_itself(api: Api) -> None:
    good = quantity(api.shop, "MUG", 3, 10)
    assert codes(put(api, "a", good, name="committed")) == ["INVALID_NAME"]
    assert codes(put(api, "b", good, reason="because")) == ["INVALID_REASON"]
    assert codes(put(api, "c", good, referenceDocumentUri="no uri")) == ["INVALID_REFERENCE_DOCUMENT"]
    assert codes(put(api, "d", good, good)) == ["NO_DUPLICATE_INVENTORY_ITEM_ID_GROUP_ID_PAIR"]
    assert api.shop.shows("MUG") == 10
    assert run(api.code(SET, input=wanted(*[good] * 251), key="e")) == "MAX_INPUT_SIZE_EXCEEDED"


def test_on_hand_counts_what_is_committed(api: Api) -> None:
    api.shop.buy({"MUG": 4})
    assert codes(put(api, "k", quantity(api.shop, "MUG", 8, 10), name="on_hand")) == []
    assert api.shop.shows("MUG") == 4


def test_a_set_where_the_item_is_not_stocked_succeeds_and_sells_nothing(clock: ManualClock) -> None:
    api = Api(stand_in(clock, more_locations=("Shop window",)))
    other = next(ref for ref in api.shop.locations if ref != api.shop.location.id)
    assert codes(put(api, "k", quantity(api.shop, "MUG", 50, 0, locationId=other))) == []
    level = api.shop.variant("MUG").inventory_item.levels[other]
    assert (level.available, level.is_active) == (50, False)
    assert (api.shop.shows("MUG"), api.shop.sellable("MUG")) == (10, 10)
    assert api.shop.changes == []
