"""Every flaw of a plausible first draft, planted one at a time: its own trace must show its own harm, and the scenario must notice.

The same trace without the flaw is clean, so a plant that does nothing fails too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from push import scenarios_holders, scenarios_readings, scenarios_sales, scenarios_unknown
from support import flaws, planted
from support.harm import restored_unit_is_sold_twice, sold_unit_is_back_on_sale, sold_unit_stays_on_sale
from support.push import ADOPT, OVERWRITE, Bench, Scenario

Play = Callable[..., None]


@dataclass(frozen=True)
class Case:
    """One flaw, the trace that brings it out (with the carrier and habits of its shop), and the harm it does there."""

    plant: Callable[[pytest.MonkeyPatch], None]
    trace: Scenario
    carrier: str = "cas"
    harm: Callable[[Bench], bool] = sold_unit_is_back_on_sale
    opening: dict[str, Any] = field(default_factory=dict)


CASES = [
    Case(flaws.f1_stale_writes_the_target_over_the_reading, scenarios_sales.an_unseen_sale_survives_a_raise),
    Case(flaws.f2_settles_to_the_target, scenarios_sales.a_cancel_is_ingested_while_the_push_is_on_the_wire, "adjust"),
    Case(flaws.f3_relative_from_the_reading, scenarios_sales.a_sale_is_undone_between_reading_and_pull, "adjust"),
    Case(
        flaws.f4_drift_after_the_next_pull,
        scenarios_readings.a_sale_is_not_in_the_list_yet_when_a_bracket_begins,
        opening={"on_edit": OVERWRITE},
    ),
    Case(flaws.f5_repeats_absolute_writes, scenarios_unknown.a_lower_is_unanswered_and_a_unit_is_sold, "set"),
    Case(flaws.f6_judges_an_unknown_by_one_reading, scenarios_unknown.a_raise_is_unanswered_after_an_unseen_sale, "adjust"),
    Case(flaws.f7_repeats_what_is_no_longer_due, scenarios_unknown.a_raise_is_released_never_sent_and_no_longer_due),
    Case(flaws.f8_raises_without_asking_the_others, scenarios_sales.another_shop_has_sold),
    Case(flaws.f9_sends_what_was_computed, scenarios_holders.the_ledger_moves_before_the_release),
    Case(
        flaws.f10_the_pull_explained_it,
        scenarios_sales.a_pull_explains_an_edited_reading_of_an_absolute_raise,
        "set",
        opening={"on_edit": OVERWRITE},
    ),
    Case(
        flaws.f11_believes_absolute_writes,
        scenarios_sales.a_sale_is_swallowed_by_a_write,
        "set",
        sold_unit_stays_on_sale,
        {"on_edit": ADOPT},
    ),
    Case(flaws.f12_the_target_confirms_itself, scenarios_sales.a_reading_equals_the_target_by_accident),
    Case(
        flaws.f13_repairs_negative_numbers,
        scenarios_sales.an_oversold_shop_gets_a_cancel,
        harm=restored_unit_is_sold_twice,
        opening={"backorders": True},
    ),
    Case(flaws.f14_fenced_in_the_ledger_only, scenarios_holders.a_holder_sleeps_past_its_lease, "adjust"),
    Case(flaws.f16_leaves_whatever_became_of_the_lease, scenarios_holders.a_holder_sleeps_between_the_release_and_the_bytes, "adjust"),
    Case(flaws.f15_quiet_until_the_pull, scenarios_readings.a_cancel_comes_between_pull_and_second_reading, "rmw"),
]


@pytest.mark.parametrize("dialect", ["sqlite"])
@pytest.mark.parametrize("sound", [False, True], ids=["planted", "clean"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.plant.__name__)
def test_the_flaw_does_its_harm_and_is_noticed(
    play: Play, monkeypatch: pytest.MonkeyPatch, case: Case, sound: bool, record_property: Callable[[str, object], None]
) -> None:
    if not sound:
        record_property(planted.NOTE, planted.of_patch(case.plant, f"push scenario {case.trace.__name__}"))

    async def scenario(bench: Bench) -> None:
        if not sound:
            case.plant(monkeypatch)
            with pytest.raises(AssertionError):
                await case.trace(bench)
        else:
            await case.trace(bench)
        assert case.harm(bench) is not sound

    play(scenario, case.carrier, **case.opening)
