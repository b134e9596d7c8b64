"""In which worlds the ledger says where an order is shipped from. They have dice of their own, so that what is sold and broken elsewhere stays what it was.

No set is sold there: it is put together at one place, and this world does not say at which.
"""

from __future__ import annotations

import random
from dataclasses import replace

from channelsync.testing.simulation.plan import EAST, MAIN, Plan

SHARE = 0.8
PLATFORMS = frozenset({"memory", "shopify", "woocommerce", "bigcommerce"})


def with_routing(plan: Plan) -> Plan:
    """Where one location was all there was, and nobody else owns it."""
    if random.Random(f"routed {plan.seed}").random() >= SHARE or plan.depot is not None or plan.places != (MAIN,) or plan.bundles:
        return plan
    if not {shop.kind for shop in plan.shops} <= PLATFORMS:
        return plan
    places = (MAIN, EAST)
    shops = tuple(replace(shop, places={"": places}) for shop in plan.shops)
    return replace(plan, routed=True, places=places, shops=shops, rates=replace(plan.rates, route=0.2))
