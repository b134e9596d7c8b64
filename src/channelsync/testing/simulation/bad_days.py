"""Troubles that come on top of a drawn world, each in some seeds only and with dice of its own: what it was without them, it stays beside them."""

from __future__ import annotations

import random
from dataclasses import replace

from channelsync.testing.simulation.plan import Plan, ShopPlan

GARBLED, REVOKED, SWIZZLED, PICKY = 0.25, 0.15, 0.15, 0.25
"""How many worlds have them."""


def with_bad_days(plan: Plan) -> Plan:
    return _picky(_swizzled(_revoked(_garbled(plan))))


def _garbled(plan: Plan) -> Plan:
    """Something between us and the shops puts its own words in the place of their answers."""
    dice = random.Random(f"garbled {plan.seed}")
    if dice.random() >= GARBLED:
        return plan

    def under(shop: ShopPlan) -> ShopPlan:
        return replace(shop, weather=replace(shop.weather, garbled=dice.uniform(0.01, 0.1)))

    return replace(plan, shops=tuple(under(shop) for shop in plan.shops))


def _revoked(plan: Plan) -> Plan:
    """A shop forgets our credentials for a while, and knows them again."""
    dice = random.Random(f"revoked {plan.seed}")
    if dice.random() >= REVOKED:
        return plan
    shop = dice.choice(plan.shops).name
    return replace(plan, revocations=((dice.uniform(0.1, 0.6) * plan.seconds, shop, dice.uniform(0.1, 0.6) * plan.seconds),))


def _swizzled(plan: Plan) -> Plan:
    """Every shop goes from the net, one after the other, and they come back in another order."""
    dice = random.Random(f"swizzled {plan.seed}")
    if dice.random() >= SWIZZLED:
        return plan
    gone = sorted(dice.uniform(0.1, 0.4) * plan.seconds for _ in plan.shops)
    back = [dice.uniform(0.45, 0.8) * plan.seconds for _ in plan.shops]
    names = dice.sample([shop.name for shop in plan.shops], len(plan.shops))
    outages = tuple((start, name, end - start) for start, name, end in zip(gone, names, back, strict=True))
    return replace(plan, outages=(*plan.outages, *outages))


def _picky(plan: Plan) -> Plan:
    """The shops refuse some writes of a request and take the others; now and then a person has what was refused tried again."""
    dice = random.Random(f"picky {plan.seed}")
    if dice.random() >= PICKY:
        return plan
    shops = tuple(replace(shop, faults=replace(shop.faults, item_refused=dice.uniform(0.05, 0.3))) for shop in plan.shops)
    return replace(plan, shops=shops, rates=replace(plan.rates, retry=0.2))
