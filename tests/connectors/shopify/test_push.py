"""The write: the request that is built, and what each answer says about each write."""

from __future__ import annotations

import json
from typing import Any

import pytest

from channelsync.contract import Call, HttpResponse, Outcome
from channelsync.errors import Misunderstood, NotReached, RateLimited, Unauthorized, Unavailable
from channelsync_shopify import documents
from channelsync_shopify.push import REFUSED, STALE, WHOLE_CALL
from support.shopify import LOCATION, a_call, a_write, answer, page, replayed, run, shared

PREVIOUS_FAILED, MISMATCH, CONCURRENT = WHOLE_CALL


def result(*errors: dict[str, Any], changes: list[dict[str, Any]] | None = None) -> HttpResponse:
    group = None if changes is None else {"id": "gid://shopify/InventoryAdjustmentGroup/1", "changes": changes}
    return answer({"inventorySetQuantities": {"inventoryAdjustmentGroup": group, "userErrors": list(errors)}})


def error(code: str, *field: str) -> dict[str, Any]:
    return {"code": code, "field": list(field) or None, "message": "text"}


def change(number: int, shows: int | None, name: str = "available") -> dict[str, Any]:
    item = {"id": f"gid://shopify/InventoryItem/{number}"}
    return {"name": name, "quantityAfterChange": shows, "item": item, "location": {"id": LOCATION}}


def outcomes(given: HttpResponse, *numbers: int) -> dict[str, Outcome]:
    shop, _ = replayed(given)
    return {each.id: each.outcome for each in run(shop.push(a_call(*numbers)))}


def test_the_request_compares_and_carries_the_key_twice() -> None:
    shop, http = replayed(result())
    run(shop.push(a_call(1, 2)))
    assert http.verbs == ["write"]
    assert http.asked[0].headers["x-request-id"] == "0b5f3c1e"
    assert http.body()["query"] == documents.SET_AVAILABLE.text
    assert http.variables() == {
        "key": "0b5f3c1e",
        "input": {
            "name": "available",
            "reason": "correction",
            "referenceDocumentUri": "gid://channelsync/Push/0b5f3c1e",
            "quantities": [
                {"inventoryItemId": f"gid://shopify/InventoryItem/{n}", "locationId": LOCATION, "quantity": 3, "changeFromQuantity": 10}
                for n in (1, 2)
            ],
        },
    }


def test_a_repeat_is_the_identical_request() -> None:
    shop, http = replayed(result(), result())
    run(shop.push(a_call(1, 2)))
    run(shop.push(a_call(1, 2)))
    assert http.asked[0] == http.asked[1]


def test_done_with_the_number_that_is_shown_now() -> None:
    shop, _ = replayed(result(changes=[change(1, 3), change(1, 7, "on_hand")]))
    (done,) = run(shop.push(a_call(1)))
    assert (done.id, done.outcome, done.shows) == ("w1", Outcome.OK, 3)


def test_no_group_and_no_error_is_done_too() -> None:
    assert outcomes(result(), 1, 2) == {"w1": Outcome.OK, "w2": Outcome.OK}


def test_the_recorded_answer_is_understood() -> None:
    """It names no item and no number; it says that nothing went wrong."""
    body = json.loads(shared("channels/samples/shopify/graphql_set_quantities_ok_inactive_level.json").read_text())
    for each in body["data"]["inventorySetQuantities"]["inventoryAdjustmentGroup"]["changes"]:
        each["name"] = "available"
    assert outcomes(answer(body["data"]), 1) == {"w1": Outcome.OK}


@pytest.mark.parametrize("code", sorted(STALE))
def test_a_stale_write_is_named_and_the_rest_was_not_sent(code: str) -> None:
    found = outcomes(result(error(code, "input", "quantities", "1", "changeFromQuantity")), 1, 2, 3)
    assert found == {"w1": Outcome.NOT_SENT, "w2": Outcome.STALE, "w3": Outcome.NOT_SENT}


@pytest.mark.parametrize("code", sorted(REFUSED))
def test_a_refused_write_is_named_and_the_rest_was_not_sent(code: str) -> None:
    found = outcomes(result(error(code, "input", "quantities", "0", "quantity")), 1, 2)
    assert found == {"w1": Outcome.REFUSED, "w2": Outcome.NOT_SENT}


def test_each_fault_belongs_to_its_own_write() -> None:
    given = result(
        error("CHANGE_FROM_QUANTITY_STALE", "input", "quantities", "2", "changeFromQuantity"),
        error("NON_MUTABLE_INVENTORY_ITEM", "input", "quantities", "0", "inventoryItemId"),
    )
    assert outcomes(given, 1, 2, 3) == {"w1": Outcome.REFUSED, "w2": Outcome.NOT_SENT, "w3": Outcome.STALE}


def test_an_error_that_names_no_write_concerns_all() -> None:
    assert outcomes(result(error("CHANGE_FROM_QUANTITY_STALE")), 1, 2) == {"w1": Outcome.STALE, "w2": Outcome.STALE}
    assert outcomes(result(error("INVALID_REASON", "input", "reason")), 1, 2) == {"w1": Outcome.REFUSED, "w2": Outcome.REFUSED}
    beyond = result(error("CHANGE_FROM_QUANTITY_STALE", "input", "quantities", "7", "quantity"))
    assert outcomes(beyond, 1, 2) == {"w1": Outcome.STALE, "w2": Outcome.STALE}


def test_a_code_from_the_future_leaves_the_outcome_open() -> None:
    given = result(error("SERVICE_UNAVAILABLE", "input", "quantities", "0", "quantity"))
    assert outcomes(given, 1, 2) == {"w1": Outcome.UNKNOWN, "w2": Outcome.NOT_SENT}
    assert outcomes(result(error("SERVICE_UNAVAILABLE")), 1, 2) == {"w1": Outcome.UNKNOWN, "w2": Outcome.UNKNOWN}


def test_a_shop_that_writes_the_good_ones_is_believed() -> None:
    given = result(error("CHANGE_FROM_QUANTITY_STALE", "input", "quantities", "1", "changeFromQuantity"), changes=[change(1, 3)])
    assert outcomes(given, 1, 2, 3) == {"w1": Outcome.OK, "w2": Outcome.STALE, "w3": Outcome.UNKNOWN}


def test_the_three_answers_about_the_key() -> None:
    assert outcomes(result(error(PREVIOUS_FAILED)), 1, 2) == {"w1": Outcome.NOT_SENT, "w2": Outcome.NOT_SENT}
    assert outcomes(result(error(MISMATCH)), 1, 2) == {"w1": Outcome.UNKNOWN, "w2": Outcome.UNKNOWN}
    assert outcomes(result(error(CONCURRENT)), 1, 2) == {"w1": Outcome.UNKNOWN, "w2": Outcome.UNKNOWN}


def test_a_refusal_before_any_effect_is_raised_as_one() -> None:
    shop, _ = replayed(answer(errors=[{"message": "Throttled", "extensions": {"code": "THROTTLED"}}]))
    with pytest.raises(RateLimited):
        run(shop.push(a_call(1)))


def test_what_is_in_doubt_is_raised_as_such() -> None:
    for given, raised in (
        (answer(status=502), Unavailable),
        (HttpResponse(200, {}, b"<html>"), Misunderstood),
        (answer({"inventorySetQuantities": None}), Misunderstood),
        (answer({}), Misunderstood),
    ):
        shop, http = replayed(given)
        with pytest.raises(raised) as caught:
            run(shop.push(a_call(1)))
        assert not isinstance(caught.value, RateLimited | NotReached)
        assert len(http.asked) == 1


def test_an_error_beside_a_write_that_ran_never_says_that_nothing_happened() -> None:
    denied = {"message": "Access denied", "extensions": {"code": "ACCESS_DENIED"}}
    payload: dict[str, Any] = {"inventoryAdjustmentGroup": None, "userErrors": []}
    below = ["inventorySetQuantities", "inventoryAdjustmentGroup", "changes", 0, "item"]
    for data, path in ((payload, ["inventorySetQuantities"]), (payload, below), (None, below)):
        shop, _ = replayed(answer({"inventorySetQuantities": data}, errors=[{**denied, "path": path}]))
        with pytest.raises(Misunderstood, match="the write ran"):
            run(shop.push(a_call(1)))
    for refused in (
        answer({"inventorySetQuantities": None}, errors=[{**denied, "path": ["inventorySetQuantities"]}]),
        answer(errors=[denied]),
    ):
        shop, _ = replayed(refused)
        with pytest.raises(Unauthorized):
            run(shop.push(a_call(1)))


def test_a_location_that_cannot_be_found_out_means_not_sent() -> None:
    shop, http = replayed(answer(status=502), shop_location=None)
    with pytest.raises(NotReached):
        run(shop.push(Call("k", (a_write(1, location=""),))))
    assert http.verbs == ["read"]


def test_the_only_location_is_looked_up_once_and_used_where_the_shelf_names_none() -> None:
    places = answer({"locations": page([{"id": LOCATION, "name": "Warehouse", "isActive": True}])})
    shop, http = replayed(places, result(), result(), shop_location=None)
    call = Call("k", (a_write(1, location=""),))
    run(shop.push(call))
    run(shop.push(call))
    assert http.verbs == ["read", "write", "write"]
    assert http.variables()["input"]["quantities"][0]["locationId"] == LOCATION


def test_an_empty_call_asks_nothing_and_a_too_large_one_does_not_leave() -> None:
    shop, http = replayed()
    assert list(run(shop.push(Call("k", ())))) == []
    with pytest.raises(ValueError, match="251"):
        run(shop.push(a_call(*range(1, 252))))
    assert http.asked == []
