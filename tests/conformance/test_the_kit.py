"""The kit goes red: each planted mistake breaks the promise that names it, and for that reason."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

import pytest

from channelsync.errors import ChannelError
from channelsync.testing.conformance import ConnectorSuite
from channelsync_memory import MemoryConnector
from conformance import mistakes_of_locations as locations
from conformance import mistakes_of_reading as reading
from conformance import mistakes_of_switches as switches
from conformance import mistakes_of_webhooks as webhooks
from conformance import mistakes_of_writing as writing
from conformance.memory_shops import Kind, memory_world
from support import planted


class Planted(NamedTuple):
    """why: a piece of what the broken promise says."""

    mistaken: type[MemoryConnector]
    promise: str
    shop: str
    why: str


PLANTED = [
    Planted(reading.OpenLowerBound, "test_an_order_of_the_same_second_is_not_lost", "compare_and_set", "assert 'order-1002' in"),
    Planted(reading.NoOverlap, "test_an_order_that_the_list_shows_late_is_not_lost", "slow and late", "Extra items in the right set"),
    Planted(reading.IgnoresWiden, "test_widening_reaches_further_back", "compare_and_set", "assert 'order-1001' in"),
    Planted(reading.HighWaterOnTheFirstPage, "test_a_first_run_brings_every_open_order", "compare_and_set", "the run was not complete"),
    Planted(
        reading.ForgetsWhereTheRunBegan,
        "test_a_broken_run_of_orders_goes_on_where_it_stopped_and_loses_nothing",
        "compare_and_set",
        "between the two halves",
    ),
    Planted(reading.FirstPageOnly, "test_a_run_brings_every_listing", "compare_and_set", "Extra items in the right set"),
    Planted(
        reading.SwallowsATruncatedPage, "test_a_page_of_orders_that_was_cut_short_never_looks_complete", "compare_and_set", "DID NOT RAISE"
    ),
    Planted(reading.SkuInsteadOfRef, "test_every_location_of_a_listing_can_be_read", "compare_and_set", "Extra items in the right set"),
    Planted(reading.ForgetsAliases, "test_order_lines_name_exactly_one_listing", "withholds", "names 'variant-1'"),
    Planted(reading.GoneByStatus, "test_only_the_shop_itself_says_that_an_order_is_gone", "compare_and_set", "DID NOT RAISE"),
    Planted(reading.CancelledCountsAsRestocked, "test_partly_refunded_before_shipping_with_restock", "compare_and_set", "does not add up"),
    Planted(reading.CancelledCountsAsRestocked, "test_list_and_direct_reading_agree", "compare_and_set", "Differing attributes"),
    Planted(reading.EverythingCancelledIsBackOnSale, "test_cancelled_without_restock", "compare_and_set", "on sale again"),
    Planted(reading.EffectsAtTheTimeOfTheOrder, "test_placed", "compare_and_set", "the effects tell of 3 units"),
    Planted(reading.EffectsAtTheTimeOfTheOrder, "test_unpaid_then_paid", "withholds", "the effects tell of 3 units"),
    Planted(reading.EffectsFromTheStatus, "test_unpaid_then_paid", "withholds", "channel_took"),
    Planted(reading.EffectsFromTheStatus, "test_it_lowers_its_number_when_it_says", "lowers on shipping", "assert 3 == 0"),
    Planted(reading.SeesNothingWithheld, "test_it_withholds_as_it_says", "withholds", "assert 0 == 3"),
    Planted(reading.TellsTheVeryHouse, "test_of_an_address_it_tells_no_more_than_routing_needs", "compare_and_set", "it knows the person"),
    Planted(
        reading.TakesTheRegionForTheCountry, "test_of_an_address_it_tells_no_more_than_routing_needs", "compare_and_set", "assert ('BE'"
    ),
    Planted(reading.AbsentReadsAsZero, "test_an_unknown_shelf_is_absent", "compare_and_set", "item-99999983"),
    Planted(reading.UncountedReadsAsZero, "test_what_is_not_counted_does_not_read_as_zero", "compare_and_set", "assert 0 is None"),
    Planted(reading.OneBatchOnly, "test_any_number_of_shelves_can_be_asked_for", "compare_and_set", "10 more items"),
    Planted(writing.BlindCompareAndSet, "test_compare_and_set_refuses_what_is_stale", "compare_and_set", "Outcome.STALE"),
    Planted(writing.RepeatsInsidePush, "test_an_answer_that_proves_nothing_leaves_the_outcome_unknown", "adjust", "a write is sent once"),
    Planted(
        writing.RepeatsInsidePush,
        "test_an_answer_that_proves_nothing_leaves_the_outcome_unknown",
        "compare_and_set",
        "a write is sent once",
    ),
    Planted(writing.RepeatsInsidePush, "test_a_request_that_nobody_answers_leaves_the_outcome_unknown", "set", "a write is sent once"),
    Planted(writing.OkOnTimeOut, "test_a_request_that_nobody_answers_leaves_the_outcome_unknown", "compare_and_set", "Outcome.OK"),
    Planted(writing.OkOnTimeOut, "test_nothing_but_declared_errors_in_a_storm_and_no_outcome_lies", "adjust, keyed", "said OK, 0 effects"),
    Planted(
        writing.NotSentAfterAnError, "test_an_answer_that_proves_nothing_leaves_the_outcome_unknown", "compare_and_set", "Outcome.NOT_SENT"
    ),
    Planted(writing.EveryFailureIsUnknown, "test_a_refused_connection_is_known_to_have_had_no_effect", "adjust", "DID NOT RAISE"),
    Planted(writing.EveryFailureIsUnknown, "test_a_throttled_call_is_raised_and_has_no_effect", "adjust", "DID NOT RAISE"),
    Planted(writing.ResultsByPosition, "test_outcomes_belong_to_the_writes_they_name", "compare_and_set", "Outcome.REFUSED"),
    Planted(
        writing.OneBadWriteSpoilsTheReport,
        "test_an_unknown_shelf_is_refused_alone",
        "adjust",
        "good is said to be refused and has had an effect",
    ),
    Planted(writing.NewKeyForEachTry, "test_a_repeat_has_one_effect_and_the_same_answer", "adjust, keyed", "assert 0 == 1"),
    Planted(writing.NewKeyForEachTry, "test_the_shop_can_name_the_call_behind_a_change", "set", "named-0b5f3"),
    Planted(webhooks.VerifiesParsedJson, "test_the_raw_body_is_what_is_signed", "compare_and_set", "DID NOT RAISE"),
    Planted(webhooks.ComparesSignaturesInTheOpen, "test_signatures_are_compared_in_constant_time", "compare_and_set", "compare_digest"),
    Planted(webhooks.TakesUnsignedDeliveries, "test_without_a_signature_nothing_verifies", "compare_and_set", "DID NOT RAISE"),
    Planted(webhooks.KeyFromTheTimeOfArrival, "test_repeats_have_the_same_key_whenever_they_come", "compare_and_set", "00:00' == "),
    Planted(webhooks.OneKeyPerTopic, "test_other_facts_have_other_keys", "compare_and_set", "order.changed"),
    Planted(
        webhooks.TrustsTheShapeOfADelivery, "test_garbage_raises_declared_errors_only", "compare_and_set", "parse raised JSONDecodeError"
    ),
    Planted(webhooks.SubscribesAgainAndAgain, "test_subscribing_twice_changes_nothing", "compare_and_set", "Extra items in the left set"),
    Planted(
        webhooks.LeavesHooksSwitchedOff,
        "test_a_hook_that_was_switched_off_is_armed_again",
        "compare_and_set",
        "Extra items in the right set",
    ),
    Planted(
        locations.TellsOneLocation, "test_the_shop_tells_its_locations_with_their_names", "two locations", "an active location is missing"
    ),
    Planted(
        locations.ListsTheFirstLocation,
        "test_a_listing_names_every_location_that_keeps_a_number_for_it",
        "two locations",
        "Extra items in the right set",
    ),
    Planted(locations.ReadsTheFirstLocation, "test_the_numbers_of_two_locations_are_read_apart", "two locations", "Differing items"),
    Planted(locations.WritesTheFirstLocation, "test_a_write_at_one_location_leaves_the_others_alone", "two locations", "Outcome.STALE"),
    Planted(locations.WritesTheFirstLocation, "test_one_call_may_write_both_locations_of_a_listing", "two locations", "assert"),
    Planted(
        locations.LinesWithoutALocation, "test_a_line_names_the_location_it_is_taken_from", "two locations", "each line at its own location"
    ),
    Planted(locations.LinesWithoutALocation, "test_a_move_to_another_location_shows", "two locations", "assert {None:"),
    Planted(locations.DatesAMoveAtTheOrder, "test_a_move_to_another_location_shows", "two locations", "not when it was placed"),
    Planted(switches.SaysWhatItWasTold, "test_a_switch_is_turned_and_the_catalogue_says_so", "compare_and_set", "and no other"),
    Planted(switches.TurnsAllOfThem, "test_a_switch_is_turned_and_the_catalogue_says_so", "compare_and_set", "and no other"),
    Planted(switches.TouchesTheNumber, "test_no_number_moves_with_a_switch", "compare_and_set", "assert 4 == 3"),
    Planted(switches.Toggles, "test_a_switch_that_says_it_already_is_confirmed", "compare_and_set", "assert [False] == [True]"),
    Planted(
        switches.OneUnknownSpoilsAll,
        "test_what_the_shop_does_not_know_keeps_nothing_else_from_being_turned",
        "compare_and_set",
        "is not known",
    ),
    Planted(locations.RaisesOnWrongCredentials, "test_wrong_credentials_are_a_finding_and_no_exception", "compare_and_set", "our token"),
    Planted(locations.AnOutageIsHealth, "test_a_shop_that_cannot_be_reached_is_no_finding", "compare_and_set", "DID NOT RAISE"),
    Planted(locations.RepairsWhileItLooks, "test_a_checkup_changes_nothing", "compare_and_set", "a webhook changed"),
    Planted(locations.CriesWolf, "test_a_healthy_shop_gives_no_error_and_no_warning", "compare_and_set", "webhook"),
    Planted(
        reading.RetryStorm, "test_an_outage_is_unavailable_and_costs_few_requests", "compare_and_set", "calls of check during an outage"
    ),
    Planted(
        reading.WrongCredentialsAreAnOutage,
        "test_wrong_credentials_are_called_by_their_name",
        "compare_and_set",
        "does not accept our token",
    ),
    Planted(reading.LetsForeignErrorsOut, "test_nothing_but_declared_errors_in_a_storm_and_no_outcome_lies", "compare_and_set", "id"),
]


@pytest.mark.parametrize("mistake", PLANTED, ids=lambda mistake: f"{mistake.mistaken.__name__} {mistake.promise[5:]}")
def test_a_planted_mistake_is_found(mistake: Planted, record_property: Callable[[str, object], None]) -> None:
    rig = f"conformance, {mistake.promise}"
    record_property(planted.NOTE, planted.of_connector(mistake.mistaken, rig))
    world = memory_world(mistake.shop, Kind(mistake.mistaken))
    with pytest.raises((AssertionError, pytest.fail.Exception, ChannelError, KeyError), match=re.escape(mistake.why)):
        getattr(ConnectorSuite(), mistake.promise)(world)


@pytest.mark.parametrize(("promise", "shop"), sorted({(mistake.promise, mistake.shop) for mistake in PLANTED}))
def test_the_sound_connector_keeps_the_same_promise(promise: str, shop: str) -> None:
    getattr(ConnectorSuite(), promise)(memory_world(shop))


def test_a_sound_connector_that_tells_its_locations_keeps_the_promise_about_them() -> None:
    ConnectorSuite().test_the_shop_tells_its_locations_with_their_names(memory_world("two locations", Kind(locations.TellsItsLocations)))


def test_every_promise_of_the_suite_has_a_name_of_its_own() -> None:
    """Two groups with one name for a promise would hide one of them."""
    groups = ConnectorSuite.__bases__
    names = [name for group in groups for name in vars(group) if name.startswith("test_")]
    assert len(names) == len(set(names))
    assert len(names) > 60
