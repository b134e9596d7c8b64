"""Draws days instead of seconds: the world of a seed with everything that is rare or late in it spread over four days, and few events in an hour."""

from __future__ import annotations

import random
from dataclasses import fields, replace
from typing import Any

from channelsync.testing.simulation.draw import draw
from channelsync.testing.simulation.plan import SPARSE, DepotPlan, Plan, Sale, ShopPlan

DAYS = 4
SECONDS = DAYS * 86_400.0
LATE_SECONDS = 72 * 3600.0
EVENTS_RATIO = 3_000.0
"""How much rarer everything is than in a dense world: some hundred purchases in four days."""

OUTAGE_RATIO, OUTAGE_MAX = 600.0, 8 * 3600.0
LIFE_RATIO = 20
CRON_SECONDS = 600.0
SHARES = ("unpaid",)


def draw_sparse(seed: int, *, seconds: float = SECONDS) -> Plan:
    """The seed's dense world, stretched. Webhooks are lost, doubled and up to three days late in every one of them."""
    dense = draw(seed, seconds=seconds)
    dice = random.Random(f"sparse {seed}")
    return replace(
        dense,
        pace=SPARSE,
        patient=False,
        rates=_rarer(dense.rates),
        shops=tuple(_stretched(dice, shop) for shop in dense.shops),
        depot=_slower(dense.depot),
        back_room=dense.back_room and _rarer(dense.back_room),
        crashes=tuple(life * LIFE_RATIO for life in dense.crashes),
        outages=tuple((at, name, min(length * OUTAGE_RATIO, OUTAGE_MAX)) for at, name, length in dense.outages),
    )


def _rarer(rates: Any) -> Any:
    return replace(rates, **{f.name: getattr(rates, f.name) / EVENTS_RATIO for f in fields(rates) if f.name not in SHARES})


def _stretched(dice: random.Random, shop: ShopPlan) -> ShopPlan:
    dials = {**shop.dials, **({"cron_seconds": CRON_SECONDS} if "cron_seconds" in shop.dials else {})}
    faults = replace(shop.faults, webhook_lost=0.05, webhook_duplicate=0.3, webhook_late=0.2, late_seconds=LATE_SECONDS)
    sale = shop.sale and Sale(dice.uniform(0.1, 0.5) * SECONDS, dice.uniform(2, 20) * 3600.0, shop.sale.show_max)
    return replace(shop, dials=dials, faults=faults, sale=sale)


def _slower(depot: DepotPlan | None) -> DepotPlan | None:
    return depot and replace(depot, rates=_rarer(depot.rates))
