"""A failing world is made smaller as long as it fails, and what was left out is said."""

from __future__ import annotations

from dataclasses import replace

from channelsync.testing.simulation.draw import draw
from channelsync.testing.simulation.plan import Plan
from channelsync.testing.simulation.shrink import left_out, shrink
from channelsync.testing.standins.base import Faults


def busy() -> Plan:
    """Three shops, several SKUs, crashes and an outage."""
    found = next(plan for seed in range(1, 500) if len((plan := draw(seed)).shops) == 3 and plan.crashes and plan.outages and plan.depot)
    return replace(found, outages=tuple((1.0, shop.name, 2.0) for shop in found.shops))


def test_what_a_failure_does_not_need_is_left_out() -> None:
    plan = busy()
    last = plan.shops[-1].name
    small = shrink(plan, lambda smaller: any(name == last for _, name, _ in smaller.outages), tries=500)
    assert {shop.name for shop in small.shops} == {plan.shops[0].name, last}
    assert {name for _, name, _ in small.outages} == {plan.shops[0].name, last}  # a kind of trouble goes as a whole
    assert (small.crashes, small.depot, small.seconds <= 2) == ((), None, True)
    assert all(shop.faults == Faults() for shop in small.shops)
    said = left_out(plan, small)
    assert "crashes" in said
    assert f"shop {plan.shops[1].name}" in said


def test_what_fails_as_it_is_stays_as_it_is() -> None:
    plan = busy()
    assert shrink(plan, lambda smaller: smaller == plan) is plan
    assert left_out(plan, plan) == []


def test_no_more_worlds_are_run_than_allowed() -> None:
    runs = []

    def fails(smaller: Plan) -> bool:
        runs.append(smaller)
        return True

    shrink(busy(), fails, tries=7)
    assert len(runs) == 7


def test_every_smaller_plan_is_a_world() -> None:
    """No trouble is left that names a shop that is gone."""
    tried: list[Plan] = []

    def fails(smaller: Plan) -> bool:
        tried.append(smaller)
        return len(tried) % 2 == 0

    shrink(busy(), fails, tries=500)
    assert len(tried) > 20
    for plan in tried:
        names = {shop.name for shop in plan.shops}
        assert {name for _, name, _ in (*plan.outages, *plan.revocations)} <= names
        assert all(set(parts) <= set(plan.skus) for parts in plan.bundles.values())
