"""Bugs that no rig of its own plants, each caught by a quick test of the house, which is run with and without it.

The table of all planted bugs and what caught them: `make planted`.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import pytest

from channelsync.ledger.orders import Verdict
from support import mutants, planted

FAILS = (Exception, pytest.fail.Exception)


@dataclass(frozen=True)
class Case:
    """test: module and function that must fail. given: its parameters that are no fixtures. home: where its fixtures are, beside its module."""

    plant: planted.Plant
    test: str
    given: Mapping[str, Any] = field(default_factory=dict)
    home: str = ""


PLAY = "push.conftest"
CASES = (
    Case(mutants.answers_before_it_has_stored, "shell.test_receiver.test_it_answers_only_after_the_commit"),
    Case(mutants.answers_though_it_has_not_stored, "shell.test_receiver.test_what_cannot_be_stored_is_not_acknowledged"),
    Case(
        mutants.takes_any_secret_in_the_address,
        "shell.test_receiver.test_a_secret_in_the_address_is_needed_exactly_where_it_is_set",
        {"path": "/webhooks/unsigned/guess", "status": 401},
    ),
    Case(mutants.tells_unknown_channels_apart, "shell.test_receiver.test_an_unknown_channel_costs_a_signature_over_the_body_too"),
    Case(
        mutants.believes_the_announced_length,
        "shell.test_receiver.test_a_body_over_the_limit_is_refused_by_its_announcement_and_by_its_bytes",
    ),
    Case(mutants.cuts_long_delivery_keys, "ledger.test_inbox.test_keys_of_any_length_are_told_apart"),
    Case(mutants.tries_again_at_once, "ledger.test_inbox.test_a_failure_comes_again_later_each_time_and_then_goes_aside"),
    Case(mutants.tries_for_ever, "ledger.test_inbox.test_a_delivery_that_kills_its_worker_every_time_is_set_aside"),
    Case(mutants.settles_what_failed, "push.test_garbage_deliveries.test_what_cannot_be_read_goes_aside_and_the_rest_goes_on", home=PLAY),
    Case(mutants.marks_each_page_as_the_last, "ledger.test_shops.test_a_cursor_resumes_within_a_run_and_moves_its_mark_at_the_end"),
    Case(mutants.applies_every_repeat, "ledger.test_keys.test_a_repeat_gets_the_first_answer_and_changes_nothing"),
    Case(mutants.forgets_kept_keys, "ledger.test_keys.test_keys_are_forgotten_after_a_week_unless_they_are_kept"),
    Case(
        mutants.the_last_answer_wins,
        "ledger.test_orders.test_of_two_versions_of_one_moment_the_later_look_counts",
        {"direct": True, "read_seq": 4, "verdict": Verdict.OLDER},
    ),
    Case(mutants.revives_deleted_orders, "ledger.test_orders.test_a_late_webhook_does_not_revive_a_deleted_order_but_a_look_does"),
    Case(mutants.takes_the_recipe_of_today, "ledger.test_bundles.test_a_bundle_that_moves_keeps_its_recipe"),
    Case(mutants.keeps_adoptions, "ledger.test_brackets.test_an_adoption_is_given_back_to_the_order_that_it_was"),
    Case(mutants.ends_holds_by_our_clock, "ledger.test_hold_end.test_a_hold_ends_by_its_shops_clock_and_not_by_ours"),
    Case(mutants.lets_shortages_fail, "ledger.test_orders.test_shipping_more_than_was_counted_is_a_shortage_that_people_see"),
    Case(mutants.says_nothing_of_oversells, "ledger.test_orders.test_selling_more_than_there_is_is_recorded_until_units_come"),
    Case(
        mutants.ignores_freezes,
        "ledger.test_freezing.test_nothing_is_computed_for_it_and_its_target_is_kept",
        {"units": 3, "frozen_first": True},
    ),
    Case(mutants.settles_under_a_lost_lease, "ledger.test_settle.test_an_answer_under_a_lost_lease_changes_nothing"),
    Case(mutants.settles_under_a_lost_lease, "ledger.test_brackets.test_without_the_lease_nothing_closes"),
    Case(mutants.gives_a_lease_to_two, "ledger.test_shops.test_one_holder_at_a_time_and_a_new_version_for_each"),
    Case(mutants.trusts_missing_triggers, "ledger.test_triggers.test_every_trigger_counts_and_is_named_when_it_is_missing"),
    Case(mutants.takes_absence_for_deletion, "push.test_vanished.test_a_listing_that_a_run_missed_but_the_shop_knows_stays", home=PLAY),
    Case(
        mutants.masks_known_secrets_only,
        "shell.test_log.test_shapes_of_unknown_secrets_are_masked",
        {"text": "https://admin:unknown-pw@shop.example/x"},
    ),
    Case(mutants.cuts_before_it_masks, "shell.test_log.test_a_huge_text_is_cut_after_redaction"),
)


@pytest.mark.parametrize("dialect", ["sqlite"])
@pytest.mark.parametrize("sound", [False, True], ids=["planted", "sound"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.plant.__name__} {case.test.rpartition('.')[2][5:]}")
def test_a_planted_bug_is_caught(
    case: Case, sound: bool, dialect: str, request: pytest.FixtureRequest, record_property: Callable[[str, object], None]
) -> None:
    run = _borrowed(case, request)
    if sound:
        run()
        return
    record_property(planted.NOTE, planted.of_patch(case.plant, case.test))
    with pytest.MonkeyPatch.context() as patch:
        case.plant(patch)
        with pytest.raises(FAILS):
            run()


def _borrowed(case: Case, request: pytest.FixtureRequest) -> Callable[[], None]:
    """The test with its fixtures set up, those of its module and home included."""
    name, _, function = case.test.rpartition(".")
    module = importlib.import_module(name)
    for holder in filter(None, (case.home, name)):
        request.session._fixturemanager.parsefactories(holder=importlib.import_module(holder), node=request.node)
    for fixture in _automatic(module):
        request.getfixturevalue(fixture)
    test = getattr(module, function)
    wanted = [name for name in inspect.signature(test).parameters if name not in case.given]
    given = {name: request.getfixturevalue(name) for name in wanted}
    return lambda: test(**given, **case.given)


def _automatic(module: ModuleType) -> list[str]:
    fixtures = {name: getattr(value, "_fixture_function_marker", None) for name, value in vars(module).items()}
    return [marker.name or name for name, marker in fixtures.items() if marker is not None and marker.autouse]
