"""Which of the warehouses that own stock are Moysklad accounts, and what these are like. They have dice of their own, so that the other warehouses,
and all that happens around these, stay what they were.
"""

from __future__ import annotations

import random
from dataclasses import replace

from channelsync.testing.simulation.plan import DepotPlan, Plan

SHARE = 1 / 3
GARBLED = 0.3


def with_account(plan: Plan) -> Plan:
    dice = random.Random(f"account {plan.seed}")
    if plan.depot is None or dice.random() >= SHARE:
        return plan
    return replace(plan, depot=_account(dice, plan.depot))


def _account(dice: random.Random, depot: DepotPlan) -> DepotPlan:
    dials = {
        "credential": dice.choice(("solution", "solution", "user")),
        "hook_seconds": dice.choice((0.0, 1.0)),
        "stock_hook_seconds": dice.choice((0.2, 5.0)),
        "request_seconds": dice.choice((0.0, 0.02, 0.2)),
        "list_lag_seconds": dice.choice((0.0, 0.0, 6.0)),
        "recalculated_seconds": dice.choice((0.0, 0.0, 1.0)),
        "reserve_in_changed": dice.random() < 0.5,
        "trashed_sync": dice.choice(("conflict", "returns", "creates")),
        "trash_updates": dice.random() < 0.5,
        "shipment_updates": dice.random() < 0.5,
        "audit_tells": dice.random() < 0.5,
    }
    table = {"overlap_minutes": 1.0, "listings_per_page": dice.choice((10, 1000))}
    garbled = dice.uniform(0.01, 0.05) if dice.random() < GARBLED else 0.0
    weather = replace(depot.weather, garbled=garbled)
    return replace(depot, kind="moysklad", dials=dials, table=table, hooks=dice.random() < 0.7, weather=weather)
