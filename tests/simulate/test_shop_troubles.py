"""What goes wrong or is changed at the shops themselves happens in some worlds, is counted, and leaves everything right in the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import Connection

from channelsync.ledger import vanished
from channelsync.testing.simulation.draw import draw
from channelsync.testing.simulation.network import Weather
from channelsync.testing.simulation.plan import Plan, Rates
from channelsync.testing.simulation.quiet import quiet
from channelsync.testing.simulation.report import Report
from channelsync.testing.simulation.shrink import left_out, shrink
from channelsync.testing.simulation.world import World
from channelsync.testing.standins.base import Faults
from simulate.worlds import CALM, STORM, world

BUSY = Rates(buy=0.8, cancel=0.2, ship=0.15, receive=0.4, adjust=0.15)
Has = Callable[[Plan], bool]

TROUBLES: dict[str, Has] = {
    "writes refused item by item": lambda plan: any(shop.faults.item_refused for shop in plan.shops) and plan.rates.retry > 0,
    "orders amended": lambda plan: plan.rates.amend > 0,
    "articles renamed": lambda plan: plan.rates.rename > 0,
    "a change to or from summer time": lambda plan: plan.turn is not None,
    "articles deleted and entered again": lambda plan: plan.rates.relist > 0,
}


def run(plan: Plan) -> Report:
    with quiet():
        report = World(plan).run()
    assert not report.problems, "\n".join([f"seed {plan.seed}", *report.problems])
    return report


@pytest.mark.parametrize("has", TROUBLES.values(), ids=TROUBLES.keys())
def test_each_trouble_is_in_some_of_three_hundred_worlds_and_not_in_all(has: Has) -> None:
    assert 30 < sum(has(draw(seed)) for seed in range(1, 301)) < 120


def test_refused_items_meet_every_platform_that_writes_lists() -> None:
    plans = [plan for seed in range(1, 301) if TROUBLES["writes refused item by item"](plan := draw(seed))]
    assert {shop.kind for plan in plans for shop in plan.shops} >= {"shopify", "woocommerce", "bigcommerce", "memory"}


def test_what_the_fault_dial_did_is_counted() -> None:
    faults = replace(STORM, slow=0.2, throttle=0.1, server_error_before=0.1, drop_before=0.05, html=0.05, truncated=0.05)
    met = run(world(1, faults=faults)).faults + run(world(2, faults=faults)).faults
    assert set(met) >= {
        *("webhook lost", "webhook doubled", "webhook late", "webhook out of order"),
        *("status 502 before the effect", "status 500 after the effect", "dropped before the effect", "dropped after the effect"),
        *("slow", "throttled", "html with 200", "truncated"),
    }


def test_a_calm_world_counts_no_fault() -> None:
    assert not run(world(1, faults=CALM)).faults


@pytest.mark.parametrize("habits", [{"all_or_nothing": True}, {"carrier": "adjust", "key_memory": None}])
def test_some_writes_of_a_request_are_refused_and_a_person_has_them_tried_again(habits: dict[str, Any]) -> None:
    report = run(world(1, skus=3, stock=12, faults=Faults(item_refused=0.4), rates=replace(BUSY, retry=0.4), **habits))
    assert report.faults["write refused in part"]
    assert report.faults["write refused"]
    assert report.acted["had a refused write tried again"]


@pytest.mark.parametrize("habits", [{}, {"lowers_stock_on": "shipped"}, {"restores_on_cancel": "no"}, {"withholds": True}])
def test_staff_change_how_many_units_an_order_has(habits: dict[str, Any]) -> None:
    acted = run(world(1, skus=2, stock=12, faults=STORM, rates=replace(BUSY, amend=1.0), **habits)).acted
    assert acted["raised an order"]
    assert acted["lowered an order"]


def test_a_renamed_article_stays_what_it_is() -> None:
    assert run(world(1, skus=2, faults=STORM, rates=replace(BUSY, rename=0.4))).acted["renamed an article"] >= 2


@pytest.mark.parametrize("split", [False, True])
def test_a_deleted_article_is_entered_again_and_two_listings_become_one(split: bool) -> None:
    plan = world(4, skus=2, stock=8, faults=STORM, split=split, rates=replace(BUSY, relist=0.6))
    north, south = plan.shops
    acted = run(replace(plan, shops=(north, replace(south, packs={"SKU-0-again": ("SKU-0", 1)})))).acted
    assert acted["entered an article again"]
    assert acted["merged two listings"]


def test_a_ledger_that_never_takes_a_deleted_article_off_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def remove(_conn: Connection, items: Sequence[vanished.Vanished], _now: datetime) -> list[vanished.Removal]:
        return [vanished.Removal(0) for _ in items]

    monkeypatch.setattr(vanished, "remove", remove)
    with quiet():
        report = World(world(4, seconds=12.0, rates=replace(BUSY, relist=0.6)), patience=40.0).run()
    assert report.acted["entered an article again"]
    assert any("listed twice" in problem for problem in report.problems)


def test_summer_time_begins_and_ends_while_shops_trade() -> None:
    plans = [plan for seed in range(1, 301) if (plan := draw(seed)).turn is not None]
    assert {plan.turn.back for plan in plans if plan.turn} == {True, False}
    assert all(any(shop.kind == "woocommerce" for shop in plan.shops) for plan in plans)


@pytest.mark.parametrize("back", [True, False])
def test_a_shop_sells_on_while_its_clocks_change_whatever_our_own_zone_is(back: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    plans = (draw(seed, seconds=6.0) for seed in range(1, 301))
    plan = next(plan for plan in plans if plan.turn and plan.turn.back is back and not plan.jumps and not plan.crashes and not plan.outages)
    plan = replace(plan, takeovers=(), revocations=(), shops=tuple(replace(shop, weather=Weather()) for shop in plan.shops))
    here = run(plan)
    assert here.faults["summer time ends" if back else "summer time begins"] == 1
    try:
        monkeypatch.setenv("TZ", "America/New_York")
        time.tzset()
        assert run(plan).digest == here.digest
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_world_that_fails_without_them_loses_them() -> None:
    rates = replace(BUSY, retry=0.2, amend=0.2, rename=0.2, relist=0.2)
    plan = world(1, faults=Faults(item_refused=0.2), rates=rates)
    small = shrink(plan, lambda _smaller: True, tries=500)
    assert (small.rates.retry, small.rates.amend, small.rates.rename, small.rates.relist) == (0.0, 0.0, 0.0, 0.0)
    assert all(not shop.faults.item_refused for shop in small.shops)
    said = left_out(plan, small)
    assert {"retrys", "amends", "renames", "relists", "the faults of north"} <= set(said)
