"""What staff do at the shops in some worlds only, drawn with dice of its own for each."""

from __future__ import annotations

import random
from dataclasses import replace

from channelsync.testing.simulation.plan import Plan

AMENDED, RENAMED, RELISTED = 0.25, 0.2, 0.2
"""How many worlds have them."""


def with_staff(plan: Plan) -> Plan:
    return _relisted(_renamed(_amended(plan)))


def _amended(plan: Plan) -> Plan:
    """Orders that are placed get a piece more or one less."""
    if random.Random(f"amended {plan.seed}").random() >= AMENDED:
        return plan
    return replace(plan, rates=replace(plan.rates, amend=0.3))


def _renamed(plan: Plan) -> Plan:
    """SKU texts change at a shop, and change back."""
    if random.Random(f"renamed {plan.seed}").random() >= RENAMED:
        return plan
    return replace(plan, rates=replace(plan.rates, rename=0.15))


def _relisted(plan: Plan) -> Plan:
    """Articles are deleted at a shop and entered again, and two listings of one unit become one."""
    if random.Random(f"relisted {plan.seed}").random() >= RELISTED:
        return plan
    return replace(plan, rates=replace(plan.rates, relist=0.15))
