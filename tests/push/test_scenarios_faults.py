"""Crashes, lost answers, two nodes, hand edits and late or doubled messages. Numbers refer to the protocol's scenario list."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from push import scenarios_holders, scenarios_messages, scenarios_readings, scenarios_unknown
from support.push import ADOPT, OVERWRITE

Play = Callable[..., None]


def test_09_a_raise_that_was_stored_and_is_no_longer_due_is_never_sent(play: Play) -> None:
    play(scenarios_unknown.a_raise_is_stored_and_no_longer_due)


def test_09_released_but_never_on_the_wire_it_is_bracketed_not_repeated(play: Play) -> None:
    play(scenarios_unknown.a_raise_is_released_never_sent_and_no_longer_due)


def test_10_a_crash_after_the_effect_repeats_with_the_same_key_once(play: Play) -> None:
    play(scenarios_unknown.a_crash_after_the_effect)


def test_11_a_sale_after_a_lost_answer_is_no_drift(play: Play) -> None:
    play(scenarios_unknown.a_sale_after_a_lost_answer, on_edit=ADOPT)


@pytest.mark.parametrize("carrier", ["cas", "adjust", "set"])
def test_13_a_raise_is_checked_again_in_the_step_that_releases_it(play: Play, carrier: str) -> None:
    play(scenarios_holders.the_ledger_moves_before_the_release, carrier)


@pytest.mark.parametrize("carrier", ["cas", "adjust"])
def test_14_a_holder_that_slept_past_its_lease_sends_nothing(play: Play, carrier: str) -> None:
    play(scenarios_holders.a_holder_sleeps_past_its_lease, carrier)


@pytest.mark.parametrize("dialect", ["sqlite"])  # on PostgreSQL the server's own clock ends a lease, and time is virtual here
@pytest.mark.parametrize("carrier", ["adjust", "adjust-keyed", "cas"])
def test_14_a_holder_that_slept_with_a_released_write_sends_nothing(play: Play, carrier: str) -> None:
    """It was sent, and added once more to what the second node had added."""
    play(scenarios_holders.a_holder_sleeps_between_the_release_and_the_bytes, carrier)


def test_14_a_late_settle_of_the_old_holder_is_refused(play: Play) -> None:
    play(scenarios_holders.an_old_holder_settles_late)


@pytest.mark.parametrize("carrier", ["cas", "adjust"])
def test_15_a_new_holder_waits_for_what_the_old_one_left_on_the_wire(play: Play, carrier: str) -> None:
    play(scenarios_holders.a_new_holder_comes_while_a_request_is_on_the_wire, carrier)


@pytest.mark.parametrize(
    ("edit", "policy", "on_hand", "shows"), [(3, "adopt", 3, 3), (3, "overwrite", 2, 2), (1, "adopt", 1, 1), (1, "overwrite", 2, 2)]
)
def test_18_a_hand_edit_is_suspended_then_settled_by_policy(play: Play, edit: int, policy: str, on_hand: int, shows: int) -> None:
    scenario = partial(scenarios_readings.staff_edit_the_number, edit=edit, on_hand=on_hand, shows=shows)
    play(scenario, on_edit=ADOPT if policy == "adopt" else OVERWRITE)


def test_18_by_default_a_lower_number_is_asked_about(play: Play) -> None:
    play(scenarios_readings.staff_lower_the_number_and_nobody_decides)


def test_19_a_hand_edit_that_hides_a_sale_is_repaired_once_the_order_is_in(play: Play) -> None:
    play(scenarios_readings.a_hand_edit_hides_a_sale, on_edit=OVERWRITE)


def test_22_late_doubled_and_reversed_messages_come_to_the_same_end(play: Play) -> None:
    play(scenarios_messages.messages_are_late_doubled_and_reversed)


def test_25_a_webhook_between_pull_and_second_reading_restarts_the_bracket(play: Play) -> None:
    play(scenarios_readings.a_webhook_comes_between_pull_and_second_reading, on_edit=OVERWRITE)


@pytest.mark.parametrize("carrier", ["rmw", "set"])
def test_25_a_cancel_between_pull_and_second_reading_restarts_the_bracket(play: Play, carrier: str) -> None:
    play(scenarios_readings.a_cancel_comes_between_pull_and_second_reading, carrier)


def test_26_an_order_later_than_the_lag_gives_its_adoption_back(play: Play) -> None:
    play(scenarios_readings.an_order_is_later_than_the_lag, on_edit=ADOPT)


@pytest.mark.parametrize("carrier", ["cas", "adjust-keyed", "adjust", "rmw", "set"])
@pytest.mark.parametrize("step", ["armed", "released", "applied", "never"])
@pytest.mark.parametrize("raises", [True, False])
def test_28_a_crash_between_any_two_steps_comes_to_the_same_end(play: Play, carrier: str, step: str, raises: bool) -> None:
    play(partial(scenarios_unknown.a_crash_between_two_steps, step=step, raises=raises), carrier)


def test_states_are_orders(play: Play) -> None:
    """A cancel that arrives before its order nets to nothing, and the late order changes nothing."""
    play(scenarios_messages.a_cancel_comes_before_its_order)
