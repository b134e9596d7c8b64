"""What staff do at the shops in some worlds only, drawn with dice of its own for each."""

from __future__ import annotations

import random
from dataclasses import replace

from channelsync.testing.simulation.plan import Plan

AMENDED = 0.25
"""How many worlds have it."""


def with_staff(plan: Plan) -> Plan:
    return _amended(plan)


def _amended(plan: Plan) -> Plan:
    """Orders that are placed get a piece more or one less."""
    if random.Random(f"amended {plan.seed}").random() >= AMENDED:
        return plan
    return replace(plan, rates=replace(plan.rates, amend=0.3))
