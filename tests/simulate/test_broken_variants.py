"""Each broken variant is caught by a seed that the sound engine passes. The seeds are known, so that this is quick."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from channelsync.testing.simulation.network import Weather
from channelsync.testing.simulation.plan import BackRoomRates
from channelsync.testing.simulation.quiet import quiet
from channelsync.testing.simulation.world import World
from channelsync.testing.standins.base import Faults
from simulate import broken, broken_authority, broken_back_room, broken_goods
from simulate.worlds import DEAF, STEADY, STORM, busier, depot, world
from support import planted

PATIENCE = 60.0
CRASHES = (60, 90, 120, 200, 150, 100)
TAKEOVERS = ((6.0, 14.0), (24.0, 12.0))
LOSSY = Weather(answer_lost=0.5, writes_only=True)
TARDY = Faults(webhook_late=0.6, late_seconds=30.0)
LATE_WRITES = Weather(late=0.6, late_seconds=6.5, writes_only=True)
SET = {"SKU-0": 1, "SKU-1": 2}
SHIPPING: dict[str, Any] = {
    "depot": depot(replace(STEADY, receive=0.5, lose=0.0, reserve=0.0, demand=3.0)),
    "rates": busier(cancel=0.0, refund=0.0),
    "stock": 16,
    "seconds": 40.0,
}
"""Nothing goes there without a word of ours: whatever is too much was our own arithmetic."""
WORKED_OUT: dict[str, Any] = {"depot": depot(replace(STEADY, recalculate=0.5)), "stock": 20, "seconds": 40.0}
COUNTING = {"back_room": BackRoomRates(count=0.8, announce=0.0), "rates": busier(ship=0.1, refund=0.0), "stock": 12, "seconds": 60.0}
TAKING_BACK = {
    "back_room": BackRoomRates(count=0.0, announce=1.0, come_back=1.0, inspect=0.5),
    "rates": busier(ship=0.8, cancel=0.05),
    "stock": 12,
    "seconds": 40.0,
}
LATER = {
    "carrier": "adjust",
    "key_memory": None,
    "write_visible_after": 7.0,
    "lag": 0.0,
    "seconds": 60.0,
    "rates": busier(adjust=0.5, receive=0.8),
}
LATE = Weather(late=0.25, late_seconds=6.5, answer_lost=0.1)


@dataclass(frozen=True)
class Case:
    """Which world shows the flaw, and in which seeds, the most telling first. Any change of the engine may shift what a seed does."""

    flaw: Callable[[pytest.MonkeyPatch], None]
    seeds: tuple[int, ...]
    habits: dict[str, Any] = field(default_factory=dict)


CASES = (
    Case(broken.pushes_naively, (1, 2, 3, 5), {"carrier": "set", "key_memory": None}),
    Case(broken.no_overlap, (1, 2, 3, 5), {"faults": DEAF}),
    Case(broken.no_compare, (1, 2, 3, 5), {"faults": DEAF}),
    Case(broken.repeats_blindly, (1, 2, 3), {"carrier": "set", "key_memory": None, "faults": DEAF, "weather": LOSSY, "stock": 8}),
    Case(broken.answers_before_commit, (2, 1, 3, 5), {"crashes": CRASHES}),
    Case(broken.swaps_claims, (1, 2, 3, 5)),
    Case(broken.overwrites_gaps, (1, 2, 3, 5), {"faults": DEAF}),
    Case(broken.opens_without_orders, (6, 1, 2, 3, 5)),
    Case(broken.settles_absolutely, (1, 2, 3, 5), {"carrier": "adjust"}),
    Case(broken.raises_blindly, (1, 2, 3, 5), {"faults": DEAF}),
    Case(broken.no_recheck, (1, 2, 3, 4, 5), {"stock": 8}),
    Case(broken.no_lag, (1, 2, 3, 5), {"faults": DEAF, "lag": 4.0}),
    Case(broken.no_verification, (1, 2, 3, 5), {"carrier": "adjust", "race_seconds": 0.4, "key_memory": None}),
    Case(
        broken.no_drain,
        (1, 2, 3, 4, 5),
        {"carrier": "adjust", "key_memory": None, "weather": LATE_WRITES, "lag": 0.0, "rates": busier(buy=0.2, cancel=0.05)},
    ),
    Case(broken.forgets_attempts, (2, 1, 3, 5), {"carrier": "adjust", "faults": STORM, "weather": LATE}),
    Case(
        broken.unfenced_settle,
        (1, 2, 3, 4, 5, 6),
        {"carrier": "adjust", "key_memory": None, "takeovers": ((3.0, 20.0), (28.0, 20.0)), "seconds": 50.0},
    ),
    Case(broken.older_over_newer, (3, 1, 2, 5), {"faults": TARDY}),
    Case(broken.no_addback, (1, 2, 3, 5), {"withholds": True, "lowers_stock_on": "paid"}),
    Case(broken.cursor_first, (4, 2, 1, 3), {"faults": DEAF, "crashes": CRASHES}),
    Case(
        broken.clamp_raises,
        (18, 19, 22, 8, 3),
        {"carrier": "adjust", "faults": DEAF, "stock": 3, "lag": 4.0, "rates": busier(buy=2.0, adjust=0.8)},
    ),
    Case(broken.adopts_unknown, (1, 2, 3, 5), {"carrier": "adjust", "race_seconds": 0.3, "key_memory": None, "weather": LATE}),
    Case(broken.mixes_directions, (1, 2, 3, 5), {"faults": DEAF, "skus": 2}),
    Case(broken.zombie, (5, 1, 2, 3), {"carrier": "adjust", "key_memory": None, "takeovers": TAKEOVERS}),
    Case(broken_goods.forgets_packs, (1, 2, 3), {"packs": 3, "stock": 8}),
    Case(broken_goods.takes_parts_twice, (1, 2, 3), {"skus": 2, "bundle": SET, "stock": 8}),
    Case(broken_goods.forgets_bundles, (1, 2, 3), {"skus": 2, "bundle": SET, "stock": 8}),
    Case(broken_goods.takes_from_the_default, (1, 2, 3), {"split": True}),
    Case(broken_goods.rounds_shares_up, (1, 2, 3), {"share": 50, "stock": 5}),
    Case(broken_goods.melts_on_the_way, (1, 2, 3), {"weather": LOSSY, "stock": 8, "rates": busier(freeze=0.5)}),
    Case(broken_goods.believes_acceptance, (1, 2, 3, 4, 5), LATER),
    Case(broken_goods.writes_over_open_attempts, (1, 2, 3), LATER),
    Case(broken_authority.debits_early, (1, 2, 3, 4, 5, 6), SHIPPING),
    Case(broken_authority.applies_older_readings, (3, 7, 8, 12, 15, 19), SHIPPING),
    Case(broken_authority.absent_is_zero, (1, 2, 3), WORKED_OUT),
    Case(broken_authority.null_is_zero, (2, 1, 3), WORKED_OUT),
    Case(broken_authority.ours_is_foreign, (1, 2, 3), {"depot": depot(replace(STEADY, demand=0.0))}),
    Case(broken_authority.ignores_foreign, (2, 1, 3), {"depot": depot()}),
    Case(broken_authority.waits_for_the_channel, (1, 2, 3), {"depot": depot()}),
    Case(broken_back_room.counts_forget_what_went, (1, 2, 3, 4, 5), COUNTING),
    Case(broken_back_room.counts_returns_twice, (1, 2, 3, 4, 5), TAKING_BACK),
    Case(broken_back_room.sells_what_is_coming, (1, 2, 3), {"back_room": BackRoomRates(order=0.4)}),
)


def problems(case: Case, seed: int) -> list[str]:
    with quiet():
        return World(world(seed, **case.habits), patience=PATIENCE).run().problems


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.flaw.__name__)
def test_a_broken_variant_is_caught(case: Case, record_property: Callable[[str, object], None]) -> None:
    caught = next((seed for seed in case.seeds if _caught(case, seed)), None)
    record_property(planted.NOTE, planted.of_patch(case.flaw, f"simulator, seed {caught}"))
    assert caught is not None, f"nobody noticed: {case.flaw.__doc__}"
    assert problems(case, caught) == [], "the sound engine fails in this world too: the flaw proves nothing"


def _caught(case: Case, seed: int) -> bool:
    with pytest.MonkeyPatch.context() as patch:
        case.flaw(patch)
        return bool(problems(case, seed))
