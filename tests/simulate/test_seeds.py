"""A hundred and twenty worlds, each another. A failure names its seed; the command in its message replays it step by step.

`make prove` runs the first 280, and CHANNELSYNC_SEEDS and CHANNELSYNC_FIRST_SEED say how many here, and from where on.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from channelsync.testing.commit import commit
from channelsync.testing.simulation.draw import draw
from channelsync.testing.simulation.quiet import quiet
from channelsync.testing.simulation.report import Report
from channelsync.testing.simulation.sparse import DAYS, draw_sparse
from channelsync.testing.simulation.world import World

SEEDS = int(os.environ.get("CHANNELSYNC_SEEDS", "120"))
SPARSE_SEEDS = int(os.environ.get("CHANNELSYNC_SPARSE_SEEDS", "2"))
FIRST = int(os.environ.get("CHANNELSYNC_FIRST_SEED", "1"))


def run(seed: int) -> Report:
    with quiet():
        return World(draw(seed)).run()


@pytest.mark.parametrize("seed", range(FIRST, FIRST + SEEDS))
def test_no_seed_breaks_a_rule(seed: int, record_property: Callable[[str, object], None]) -> None:
    report = run(seed)
    record_property("simulated", report.summary())
    how = f"seed {seed} at {commit()}; replay: python -m channelsync.testing.simulation --seed {seed} --events 100"
    assert not report.problems, "\n".join([how, *report.problems])


def test_among_the_worlds_are_all_platforms_several_shops_with_a_warehouse_and_every_kind_of_goods() -> None:
    plans = [draw(seed) for seed in range(1, 301)]
    kinds = {shop.kind for plan in plans for shop in plan.shops}
    assert kinds >= {"shopify", "woocommerce", "bigcommerce", "moysklad"}
    assert max(len(plan.shops) for plan in plans) == 4
    depots = [plan.depot for plan in plans if plan.depot is not None]
    assert len(depots) > 50
    accounts = [depot for depot in depots if depot.kind == "moysklad"]
    assert len(accounts) > 20
    assert {depot.hooks for depot in accounts} == {True, False}
    for dial in ("list_lag_seconds", "recalculated_seconds", "request_seconds", "trashed_sync", "credential"):
        assert len({depot.dials[dial] for depot in accounts}) > 1, dial
    assert sum(bool(plan.bundles) for plan in plans) > 50
    assert sum(any(shop.packs for shop in plan.shops) for plan in plans) > 50
    assert sum(len(plan.places) > 1 for plan in plans) > 50
    backs = [plan for plan in plans if plan.back_room is not None]
    assert len([plan for plan in backs if plan.depot is None]) > 60
    assert len([plan for plan in backs if plan.depot is None and len(plan.places) > 1]) > 15
    assert sum(plan.routed for plan in plans) > 25


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, SPARSE_SEEDS + 1))
def test_four_days_break_no_rule(seed: int) -> None:
    """Webhooks are up to three days late in them, tasks that nothing wakes look every two minutes, and everything that is due once a day is."""
    with quiet():
        report = World(draw_sparse(seed)).run()
    how = f"seed {seed} at {commit()}; replay: python -m channelsync.testing.simulation --sparse --seed {seed} --events 100"
    assert not report.problems, "\n".join([how, *report.problems])
    assert report.seconds >= DAYS * 86_400


@pytest.mark.parametrize("seed", [5, 22])
def test_a_seed_is_the_same_world_every_time(seed: int) -> None:
    assert run(seed).digest == run(seed).digest


def test_different_seeds_are_different_worlds() -> None:
    assert run(1).digest != run(2).digest
