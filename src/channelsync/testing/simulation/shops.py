"""Stand-ins as a plan describes them, with webhooks that lead to whichever daemon is alive."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from channelsync.testing.simulation.clocks import SkewedClock
from channelsync.testing.simulation.houses import House, MemoryHouse
from channelsync.testing.simulation.moysklad_house import MoyskladHouse
from channelsync.testing.simulation.plan import DEPOT, DepotPlan, ShopPlan
from channelsync.testing.standins.base import Deliver, Faults, StandIn
from channelsync.testing.standins.bigcommerce import BigCommerceStandIn
from channelsync.testing.standins.memory import MemoryStandIn, MemoryWarehouse
from channelsync.testing.standins.moysklad import MoyskladStandIn
from channelsync.testing.standins.shopify import ShopifyStandIn
from channelsync.testing.standins.woocommerce import WooCommerceStandIn

_KINDS: Mapping[str, type[Any]] = {
    "bigcommerce": BigCommerceStandIn,
    "memory": MemoryStandIn,
    "moysklad": MoyskladStandIn,
    "shopify": ShopifyStandIn,
    "woocommerce": WooCommerceStandIn,
}


def build(plan: ShopPlan, clock: SkewedClock, seed: int, deliver: Deliver) -> StandIn:
    """Faults are off until the trade begins."""
    shop: StandIn = _KINDS[plan.kind](
        clock, random.Random(f"{seed} {plan.name}"), faults=Faults(), deliver=deliver, name=plan.name, **plan.dials
    )
    return shop


def build_depot(plan: DepotPlan, clock: SkewedClock, seed: int, deliver: Deliver) -> House:
    source = random.Random(f"{seed} {DEPOT}")
    if plan.kind == "moysklad":
        account = MoyskladStandIn(clock, source, faults=Faults(), deliver=deliver, name=DEPOT, **plan.dials)
        return MoyskladHouse(account, random.Random(f"{seed} {DEPOT} desk"))
    return MemoryHouse(MemoryWarehouse(clock, source, faults=Faults(), name=DEPOT, **plan.dials))


def depot_settings(plan: DepotPlan, house: House) -> dict[str, Any]:
    table = {**house.standin.settings(f"https://{DEPOT}.test"), **plan.table}
    return {name: value for name, value in table.items() if name not in {"connector", "role"}}


def settings(plan: ShopPlan, shop: StandIn) -> dict[str, Any]:
    """The channel's table as the config would have it, without the engine's own keys."""
    table = {**shop.settings(f"https://{plan.name}.test"), **plan.table}
    del table["connector"]
    return table


def places(plan: ShopPlan, shop: StandIn) -> Mapping[str, tuple[str, ...]]:
    """The shop's own locations, and the ledger's that feed each of them."""
    if isinstance(shop, ShopifyStandIn):
        [fed_by] = plan.places.values()
        return {shop.location.id: fed_by}
    if isinstance(shop, (BigCommerceStandIn, MoyskladStandIn)):
        [fed_by] = plan.places.values()
        return dict.fromkeys(shop.places(), fed_by)
    return plan.places
