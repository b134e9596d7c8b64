"""Sales that the ledger has not seen: whatever a push does, it must not put them back on sale. Numbers refer to the protocol's scenario list."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from push import scenarios_readings, scenarios_sales, scenarios_unknown, scenarios_withheld
from support.push import ADOPT, OVERWRITE

Play = Callable[..., None]
DELTA_CARRIERS = ["cas", "adjust-keyed", "adjust"]
CHECKOUTS = {"withholds": True, "lowers_stock_on": "paid", "hold_seconds": 600.0}


@pytest.mark.parametrize("carrier", DELTA_CARRIERS)
def test_01_an_unseen_sale_survives_a_raise(play: Play, carrier: str) -> None:
    play(scenarios_sales.an_unseen_sale_survives_a_raise, carrier)


def test_02_a_gap_stays_suspended_while_the_order_may_still_be_on_its_way(play: Play) -> None:
    play(scenarios_readings.a_gap_stays_while_the_order_may_still_be_on_its_way)


def test_02_a_bracket_waits_until_the_list_must_show_the_sale(play: Play) -> None:
    play(scenarios_readings.a_sale_is_not_in_the_list_yet_when_a_bracket_begins, on_edit=OVERWRITE)


@pytest.mark.parametrize("carrier", ["cas", "adjust", "rmw"])
def test_03_an_order_ingested_while_the_push_is_on_the_wire_is_not_forgotten(play: Play, carrier: str) -> None:
    play(scenarios_sales.an_order_is_ingested_while_the_push_is_on_the_wire, carrier)


@pytest.mark.parametrize("carrier", ["cas", "adjust", "rmw"])
def test_03_a_cancel_ingested_while_the_push_is_on_the_wire_is_not_forgotten(play: Play, carrier: str) -> None:
    play(scenarios_sales.a_cancel_is_ingested_while_the_push_is_on_the_wire, carrier)


def test_04_a_relative_write_is_counted_from_the_book_never_from_a_reading(play: Play) -> None:
    play(scenarios_sales.a_sale_is_undone_between_reading_and_pull, "adjust")


@pytest.mark.parametrize("carrier", ["rmw", "set"])
def test_05_a_swallowed_sale_is_found_although_the_book_says_done(play: Play, carrier: str) -> None:
    play(scenarios_sales.a_sale_is_swallowed_by_a_write, carrier, on_edit=ADOPT)


@pytest.mark.parametrize("carrier", ["rmw", "set", "adjust"])
def test_06_an_unanswered_write_is_not_repeated_blindly(play: Play, carrier: str) -> None:
    play(scenarios_unknown.a_lower_is_unanswered_and_a_unit_is_sold, carrier)


def test_07_a_lost_answer_of_a_relative_raise_has_one_effect(play: Play) -> None:
    play(scenarios_unknown.a_raise_is_unanswered_after_an_unseen_sale, "adjust")


def test_08_a_write_that_is_applied_after_the_first_reading_has_one_effect(play: Play) -> None:
    play(scenarios_unknown.a_write_is_applied_after_the_first_reading, "adjust")


def test_12_a_raise_looks_at_the_other_shops_first(play: Play) -> None:
    play(scenarios_sales.another_shop_has_sold)


@pytest.mark.parametrize("carrier", DELTA_CARRIERS)
def test_16_a_negative_number_is_not_repaired_upwards(play: Play, carrier: str) -> None:
    play(scenarios_sales.an_oversold_shop_is_swept, carrier, on_edit=OVERWRITE)


@pytest.mark.parametrize("carrier", [*DELTA_CARRIERS, "rmw", "set"])
def test_16_an_oversold_shop_that_gets_a_cancel_has_nothing_to_sell(play: Play, carrier: str) -> None:
    play(scenarios_sales.an_oversold_shop_gets_a_cancel, carrier, backorders=True)


@pytest.mark.parametrize("carrier", DELTA_CARRIERS)
def test_17_a_reading_that_equals_the_target_confirms_nothing(play: Play, carrier: str) -> None:
    play(scenarios_sales.a_reading_equals_the_target_by_accident, carrier)


def test_20_units_that_the_shop_withholds_itself_are_not_subtracted_twice(play: Play) -> None:
    play(scenarios_withheld.a_checkout_is_paid, "rmw", **CHECKOUTS)


def test_20_a_hold_that_expires_comes_back_everywhere(play: Play) -> None:
    play(scenarios_withheld.a_checkout_expires, "rmw", **CHECKOUTS)


def test_20_a_checkout_that_nobody_saw_pending_ends_the_same(play: Play) -> None:
    play(scenarios_withheld.a_checkout_is_paid_before_anybody_sees_it, "rmw", **CHECKOUTS)


def test_24_an_absolute_raise_waits_for_a_quiet_reading(play: Play) -> None:
    play(scenarios_sales.a_pull_explains_a_reading_by_accident, "set")


@pytest.mark.parametrize("carrier", [*DELTA_CARRIERS, "rmw", "set"])
def test_24_an_absolute_raise_waits_although_its_pull_explains_the_reading(play: Play, carrier: str) -> None:
    play(scenarios_sales.a_pull_explains_the_reading_of_an_absolute_raise, carrier)


def test_24_an_absolute_raise_waits_although_its_pull_explains_what_staff_made_of_it(play: Play) -> None:
    play(scenarios_sales.a_pull_explains_an_edited_reading_of_an_absolute_raise, "set", on_edit=OVERWRITE)
