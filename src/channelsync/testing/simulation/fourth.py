"""A Moysklad account beside the shops, in some worlds: it sells by customer orders and lowers its number when they are shipped, and we write it by
documents. It has dice of its own, so that what the other shops do stays what it was.
"""

from __future__ import annotations

import random
from dataclasses import replace

from channelsync.ledger.brackets import EditPolicy, OnEdit
from channelsync.testing.simulation.plan import MAIN, Plan, ShopPlan

NAME = "stall"
SHARE = 0.2
LAG = 1.0


def with_fourth(plan: Plan) -> Plan:
    """Only where one ledger location is all there is, and no other warehouse owns it."""
    dice = random.Random(f"fourth {plan.seed}")
    if dice.random() >= SHARE or plan.depot is not None or plan.places != (MAIN,):
        return plan
    beside = plan.shops[-1]
    account = ShopPlan(
        name=NAME,
        kind="moysklad",
        dials={
            "credential": dice.choice(("solution", "user")),
            "stock_hook_seconds": dice.choice((0.2, 5.0)),
            "shipment_updates": dice.random() < 0.5,
            "trashed_sync": dice.choice(("conflict", "returns")),
        },
        table={"corrections": "enter_loss", "visibility_lag_seconds": LAG, "overlap_minutes": 1.0},
        lag=LAG,
        exclusive=True,
        faults=beside.faults,
        weather=beside.weather,
        skew=0.0,
        safety_stock=dice.choice((0, 0, 1)),
        on_edit=OnEdit(EditPolicy.OVERWRITE, EditPolicy.OVERWRITE),
    )
    return replace(plan, shops=(*plan.shops, account))
