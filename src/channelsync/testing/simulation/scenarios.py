"""Four small worlds without any trouble of their own, which together pass through all that a daemon does. For `every_step`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from channelsync.ledger.brackets import EditPolicy, OnEdit
from channelsync.testing.simulation.network import Weather
from channelsync.testing.simulation.plan import DRAIN, EAST, MAIN, BackRoomRates, DepotPlan, DepotRates, Pace, Plan, Rates, ShopPlan
from channelsync.testing.standins.base import Faults

PACE = Pace(tick=3.0, poll=6.0, sweep=30.0, house_poll=5.0, house_full=15.0, audit=8.0, patience=300.0, step=5.0)
SELLING = Rates(buy=0.5, unpaid=0.3, cancel=0.15, refund=0.0, ship=0.2, receive=0.3, adjust=0.1, reserve=0.3, edit=0.1)
CALLING_OFF = Rates(buy=0.6, unpaid=0.0, cancel=0.4, refund=0.4, ship=0.2, receive=0.1, adjust=0.0, reserve=0.0)
SHIPPING = Rates(buy=0.6, unpaid=0.0, cancel=0.15, refund=0.15, ship=0.3, receive=0.0, adjust=0.0, reserve=0.1)
MOVING = Rates(buy=0.3, unpaid=0.0, cancel=0.05, refund=0.1, ship=0.3, receive=0.3, adjust=0.0, reserve=0.1)
OVERWRITE = OnEdit(lower=EditPolicy.OVERWRITE, higher=EditPolicy.OVERWRITE)
OVERLAP = 10.0


def _shop(name: str, kind: str, dials: dict[str, Any], table: dict[str, Any], *, exclusive: bool) -> ShopPlan:
    lag = float(table["visibility_lag_seconds"])
    return ShopPlan(name, kind, dials, table, lag, exclusive, Faults(), Weather(), 0.0, 0, OVERWRITE)


def _memory(name: str, **dials: Any) -> ShopPlan:
    table = {"visibility_lag_seconds": 1.0, "overlap_seconds": OVERLAP, "write_drains_seconds": DRAIN}
    dials = {"carrier": "compare_and_set", "key_memory": 3600.0, "visibility_lag": 1.0, "webhook_seconds": 0.5} | dials
    return _shop(name, "memory", dials, table, exclusive="race_seconds" not in dials)


def _split(name: str) -> ShopPlan:
    """With a location of its own for each of ours."""
    return replace(_memory(name, locations=("here", "there")), places={"here": (MAIN,), "there": (EAST,)})


def _shopify(name: str) -> ShopPlan:
    table = {"visibility_lag_seconds": 2, "overlap_seconds": int(OVERLAP), "write_drains_seconds": int(DRAIN)}
    return _shop(name, "shopify", {"visibility_lag": 1.0}, table, exclusive=True)


def _woocommerce(name: str) -> ShopPlan:
    table = {"visibility_lag_seconds": 1.0, "overlap_seconds": OVERLAP, "write_drains_seconds": DRAIN}
    return _shop(name, "woocommerce", {"visibility_lag": 1.0, "cron_seconds": 1.0}, table, exclusive=False)


def _plan(seed: int, rates: Rates, *shops: ShopPlan, **habits: Any) -> Plan:
    wanted: dict[str, Any] = {"skus": ("SKU-0",), "stock": 6, "seconds": 6.0, "pace": PACE, **habits}
    return Plan(seed=seed, shops=shops, rates=rates, **wanted)


_DEPOT = DepotPlan(
    {},
    Faults(),
    Weather(),
    DepotRates(receive=0.2, lose=0.1, reserve=0.2, demand=0.4, give_back=0.1, take_back=0.0, delete=0.0, recalculate=0.0),
)

SCENARIOS: Mapping[str, Plan] = {
    "shops": _plan(16, SELLING, _memory("north"), _memory("south"), hold=3.0),
    "platforms": _plan(19, CALLING_OFF, _shopify("north"), _woocommerce("south")),
    "documents": _plan(
        21,
        MOVING,
        _split("north"),
        _memory("south"),
        places=(MAIN, EAST),
        back_room=BackRoomRates(order=0.5, arrive=0.6, ship=0.5, land=0.6, count=0.3, announce=0.4, come_back=0.5, inspect=0.5),
    ),
    "warehouse": _plan(18, SHIPPING, _memory("north", carrier="adjust", key_memory=None, race_seconds=0.1), depot=_DEPOT),
}
