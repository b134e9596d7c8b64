"""The shop's own backorder switch at WooCommerce: what is asked, what is written, and what the answers mean."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from channelsync.contract import Cursor, Switch, SwitchResult
from channelsync.errors import Misunderstood, Unauthorized, Unavailable
from channelsync.testing.standins.woocommerce import WooCommerceStandIn
from channelsync.testing.virtual_clock import VirtualClock
from channelsync_woocommerce import WooCommerceConnector
from support.woocommerce import ScriptedHttp, answer, connected
from support.woocommerce_live import ref, tell

STAMPS = {"date_created_gmt": "2025-01-01T00:00:00", "date_modified_gmt": "2025-01-01T00:00:00"}


def product(standin: WooCommerceStandIn, sku: str) -> Any:
    return next(each for each in standin.state.products.values() if each.sku == sku)


@pytest.mark.parametrize("word", ["notify", "yes"])
def test_what_staff_have_switched_on_keeps_their_word(clock: VirtualClock, standin: WooCommerceStandIn, word: str) -> None:
    product(standin, "MUG").backorders = word
    mug, cup = ref(standin, "MUG"), ref(standin, "CUP")

    async def story(woo: WooCommerceConnector) -> None:
        assert await woo.turn([Switch(mug, True), Switch(cup, True)]) == [SwitchResult(mug, True), SwitchResult(cup, True)]

    tell(clock, standin, story)
    assert [product(standin, sku).backorders for sku in ("MUG", "CUP")] == [word, "notify"]


def test_it_is_switched_off_and_the_catalogue_says_so(clock: VirtualClock, standin: WooCommerceStandIn) -> None:
    product(standin, "MUG").backorders = "yes"
    mug, shows = ref(standin, "MUG"), standin.shows("MUG")

    async def story(woo: WooCommerceConnector) -> None:
        assert await woo.turn([Switch(mug, False)]) == [SwitchResult(mug, False)]
        told = {each.ref: each.sells_below_zero async for page in woo.listings(Cursor()) for each in page.items}
        assert told[mug] is False

    tell(clock, standin, story)
    assert (product(standin, "MUG").backorders, standin.shows("MUG"), standin.changes) == ("no", shows, [])


def test_a_variation_with_a_number_of_its_own_is_turned_at_its_parent(clock: VirtualClock, standin: WooCommerceStandIn) -> None:
    rows = [
        {"id": 30, "name": "Shirt", "type": "variable", "sku": "SHIRT", "manage_stock": False},
        {"id": 31, "name": "S", "type": "variation", "sku": "SHIRT-S", "parent_id": 30, "manage_stock": True, "stock_quantity": 4},
        {"id": 32, "name": "M", "type": "variation", "sku": "SHIRT-M", "parent_id": 30, "manage_stock": True, "stock_quantity": 4},
        {"id": 40, "name": "Scarf", "type": "variable", "sku": "SCARF", "manage_stock": True, "stock_quantity": 6},
        {"id": 41, "name": "Red", "type": "variation", "sku": "SCARF-RED", "parent_id": 40, "manage_stock": "parent"},
        {"id": 50, "name": "Poster", "type": "simple", "sku": "POSTER", "manage_stock": False},
    ]
    standin.load([row | STAMPS for row in rows])

    async def story(woo: WooCommerceConnector) -> None:
        results = await woo.turn([Switch(name, True) for name in ("30:31", "40", "40:41", "50", "odd")])
        told = {each.listing: each for each in results}
        assert {name: each.sells_on for name, each in told.items()} == {"30:31": True, "40": True, "40:41": None, "50": None, "odd": None}
        assert "does not count it" in told["50"].reason
        assert "no WooCommerce listing" in told["odd"].reason

    tell(clock, standin, story)
    assert [product(standin, sku).backorders for sku in ("SHIRT-S", "SHIRT-M", "SCARF", "POSTER")] == ["notify", "no", "notify", "no"]


def test_a_parent_that_is_gone_holds_up_no_other(clock: VirtualClock, standin: WooCommerceStandIn) -> None:
    mug = ref(standin, "MUG")

    async def story(woo: WooCommerceConnector) -> None:
        gone, done = await woo.turn([Switch("999:7", True), Switch(mug, True)])
        assert (gone.sells_on, done) == (None, SwitchResult(mug, True))
        assert "404" in gone.reason

    tell(clock, standin, story)


def test_a_key_that_may_not_write_is_wrong_credentials(clock: VirtualClock, standin: WooCommerceStandIn) -> None:
    standin.dials.permissions = "read"
    mug = ref(standin, "MUG")

    async def story(woo: WooCommerceConnector) -> None:
        with pytest.raises(Unauthorized):
            await woo.turn([Switch(mug, True)])

    tell(clock, standin, story)
    assert not standin.sells_on("MUG")


def row(*, on: bool, **more: Any) -> dict[str, Any]:
    return {"id": 7, "manage_stock": True, "backorders_allowed": on, **more}


def told(clock: VirtualClock, *answers: Any) -> tuple[SwitchResult, ScriptedHttp]:
    http = ScriptedHttp(*answers)
    [result] = clock.run(connected(http, clock).turn([Switch("7", True)]))
    return result, http


def test_the_write_names_the_switch_and_no_number(clock: VirtualClock) -> None:
    result, http = told(clock, answer([row(on=False)]), answer({"update": [row(on=True)]}))
    assert result == SwitchResult("7", True)
    assert json.loads(http.requests[-1].body or b"") == {"update": [{"id": 7, "backorders": "notify"}]}


def test_what_the_shop_says_counts_and_not_that_it_answered(clock: VirtualClock) -> None:
    result, _ = told(clock, answer([row(on=False)]), answer({"update": [row(on=False)]}))
    assert result == SwitchResult("7", False)
    locked = {"id": 7, "error": {"code": "locked", "message": "somebody edits it", "data": {"status": 403}}}
    result, _ = told(clock, answer([row(on=False)]), answer({"update": [locked]}))
    assert result == SwitchResult("7", None, "locked: somebody edits it")


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ([answer({"odd": 1})], Misunderstood),
        ([answer([{"id": "x"}])], Misunderstood),
        ([answer([row(on=False)]), answer({"update": 5})], Misunderstood),
        ([answer([row(on=False)]), answer({"update": [5]})], Misunderstood),
        ([answer([row(on=False)]), answer(b"<html>", status=500)], Unavailable),
    ],
)
def test_an_answer_that_is_none_is_an_error(clock: VirtualClock, answers: Sequence[Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        told(clock, *answers)
