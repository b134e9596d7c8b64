"""Pushes: what a 200 and each kind of 422 mean for every write of a list, and the first number of an item."""

from __future__ import annotations

import pytest

from channelsync.contract import Call, Outcome, ShelfRef
from channelsync.errors import RateLimited
from channelsync.testing.standins.bigcommerce import BigCommerceStandIn
from channelsync.testing.virtual_clock import VirtualClock
from channelsync_bigcommerce import BigCommerceConnector
from channelsync_bigcommerce import push as module
from channelsync_bigcommerce.refusals import Why, named, why
from support.bigcommerce import push, ref, sample, tell, write

OK, STALE, REFUSED, UNKNOWN, NOT_SENT = Outcome.OK, Outcome.STALE, Outcome.REFUSED, Outcome.UNKNOWN, Outcome.NOT_SENT


def causes(standin: BigCommerceStandIn) -> list[tuple[str, str, int]]:
    return [(change.cause, change.location, change.after) for change in standin.changes]


def test_an_accepted_difference_moves_the_number_later(clock: VirtualClock, standin: BigCommerceStandIn) -> None:
    mug = ref(standin, "MUG")

    async def story(bc: BigCommerceConnector) -> None:
        assert await push(bc, write(mug, 7, -3)) == {f"{mug}@1": OK}
        (reading,) = await bc.stock([ShelfRef(mug, "1")])
        assert reading.shows == 10
        standin.buy({"MUG": 2})
        await clock.sleep(2.1)
        (reading,) = await bc.stock([ShelfRef(mug, "1")])
        assert reading.shows == 5

    tell(clock, standin, story)
    assert [change.write for change in standin.changes if change.cause == "write"] == ["k"]


def test_each_location_is_a_request_of_its_own(clock: VirtualClock, standin: BigCommerceStandIn) -> None:
    cup = ref(standin, "CUP")

    async def story(bc: BigCommerceConnector) -> None:
        found = await push(bc, write(cup, 4, -1), write(cup, 1, -2, "2"), write(ref(standin, "MUG"), 9, -1, "77"))
        assert found == {f"{cup}@1": OK, f"{cup}@2": OK, f"{ref(standin, 'MUG')}@77": REFUSED}
        await clock.sleep(5)
        readings = await bc.stock([ShelfRef(cup, "1"), ShelfRef(cup, "2")])
        assert [reading.shows for reading in readings] == [4, 1]

    tell(clock, standin, story)


def test_a_first_number_is_absolute_and_adds_the_stores_own_safety_stock(clock: VirtualClock, standin: BigCommerceStandIn) -> None:
    product = standin.add_product("NEW")
    standin.add_product("SEEN")
    mug, seen = ref(standin, "MUG"), ref(standin, "SEEN")

    async def story(bc: BigCommerceConnector) -> None:
        new = f"p:{product.id}"
        (reading,) = await bc.stock([ShelfRef(new, "1")])
        assert reading.shows == 0
        assert await push(bc, write(new, 4, 4)) == {f"{new}@1": UNKNOWN}
        assert await push(bc, write(new, 3, -1, "1"), key="early") == {f"{new}@1": STALE}, "its first number is still on its way"
        assert await push(bc, write(mug, 11, 1), write(seen, 7, 4)) == {f"{mug}@1": UNKNOWN, f"{seen}@1": STALE}
        await clock.sleep(5)
        assert standin.shows("NEW") == 4
        assert await push(bc, write(new, 6, 2)) == {f"{new}@1": OK}
        await clock.sleep(5)
        assert standin.shows("NEW") == 6

    tell(clock, standin, story)
    assert causes(standin) == [("write", "", 4), ("write", "", 6)]


def test_falling_below_the_stores_own_safety_stock_is_stale_and_changes_nothing(clock: VirtualClock, standin: BigCommerceStandIn) -> None:
    standin.row("MUG").safety = 4
    mug = ref(standin, "MUG")

    async def story(bc: BigCommerceConnector) -> None:
        (reading,) = await bc.stock([ShelfRef(mug, "1")])
        assert reading.shows == 6
        assert await push(bc, write(mug, 0, -7)) == {f"{mug}@1": STALE}
        await clock.sleep(5)
        assert standin.shows("MUG") == 6

    tell(clock, standin, story)


def test_a_variant_of_a_product_that_is_counted_as_a_whole_is_refused_alone(clock: VirtualClock, standin: BigCommerceStandIn) -> None:
    shirt = standin.add_product("SHIRT", options=("SHIRT-S", "SHIRT-M"))
    small, mug = f"v:{shirt.variants[0].id}", ref(standin, "MUG")

    async def story(bc: BigCommerceConnector) -> None:
        assert await push(bc, write(mug, 9, -1), write(small, 3, -1)) == {f"{mug}@1": UNKNOWN, f"{small}@1": REFUSED}

    tell(clock, standin, story)


def test_where_a_refusal_applies_nothing_the_others_are_not_sent(clock: VirtualClock, standin: BigCommerceStandIn) -> None:
    mug = ref(standin, "MUG")

    async def story(bc: BigCommerceConnector) -> None:
        assert await push(bc, write(mug, 9, -1), write("p:999", 3, -1)) == {f"{mug}@1": NOT_SENT, "p:999@1": REFUSED}

    tell(clock, standin, story, rejects_whole_batch=True)


def test_a_refusal_that_names_nobody_is_found_by_smaller_lists(
    clock: VirtualClock, standin: BigCommerceStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One bad item must not block the others for ever, even where the store's words for it are not understood."""
    monkeypatch.setattr(module, "named", lambda _title: set())
    products = [standin.add_product(f"X{number}") for number in range(20)]
    writes = [write(f"p:{product.id}", 1, 1) for product in products]
    for number in range(1, 20):
        standin.row(f"X{number}")
    standin.untrack("X0")

    async def story(bc: BigCommerceConnector) -> None:
        assert set((await push(bc, *writes)).values()) == {UNKNOWN}
        second = await push(bc, *writes)
        assert second[f"p:{products[0].id}@1"] is REFUSED
        assert set(list(second.values())[1:]) == {OK}
        sent = standin.state.queue[-1].items
        assert set((await push(bc, *writes[1:])).values()) == {OK}
        assert len(standin.state.queue[-1].items) == 19 > len(sent), "those that went well travel together again"

    tell(clock, standin, story)


def test_throttled_before_anything_left_is_raised_and_later_it_is_said(clock: VirtualClock, standin: BigCommerceStandIn) -> None:
    mug, cup = ref(standin, "MUG"), ref(standin, "CUP")

    async def story(bc: BigCommerceConnector) -> None:
        standin.dials.quota = 1
        await clock.sleep(31)
        found = {result.id: result.outcome for result in await bc.push(Call("k", (write(mug, 9, -1), write(cup, 2, -1, "2"))))}
        assert found == {f"{mug}@1": OK, f"{cup}@2": NOT_SENT}
        try:
            await bc.push(Call("k2", (write(mug, 8, -1),)))
        except RateLimited as error:
            assert error.retry_after is not None
            assert 20 < error.retry_after < 30.1, "until the window ends"
        else:
            raise AssertionError("the quota is used up")

    tell(clock, standin, story)


def test_the_vendors_own_words_are_understood() -> None:
    prefix = "v3_inventory_adjustment_"
    mode = sample(f"{prefix}relative_422_item_has_another_tracking_mode_error.json")["title"]
    first = sample(f"{prefix}relative_422_item_requires_absolute_adjustment_before_relative_error.json")["title"]
    place = sample(f"{prefix}absolute_422_location_not_found.json")["title"]
    assert (why(mode), named(mode)) == (Why.ITEM, {("variant_id", 106)})
    assert (why(first), named(first)) == (Why.NO_NUMBER_YET, {("product_id", 113)})
    assert (why(place), named(place)) == (Why.LOCATION, set())
