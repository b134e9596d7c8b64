"""Worlds made for one purpose: two memory shops with a chosen habit, one SKU that sells fast, and only the trouble that is asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from channelsync.ledger.brackets import EditPolicy, OnEdit
from channelsync.testing.simulation.network import Weather
from channelsync.testing.simulation.plan import DRAIN, Plan, Rates, ShopPlan
from channelsync.testing.standins.base import Faults

CALM = Faults()
STORM = Faults(server_error_after=0.08, drop_after=0.08, webhook_lost=0.5, webhook_late=0.3, late_seconds=8.0, webhook_duplicate=0.3)
DEAF = Faults(webhook_lost=1.0)
"""No webhook ever arrives: what a poll does not bring is not known."""


def world(
    seed: int,
    *,
    seconds: float = 25.0,
    faults: Faults = CALM,
    weather: Weather | None = None,
    lag: float = 2.0,
    crashes: tuple[int, ...] = (),
    takeovers: tuple[tuple[float, float], ...] = (),
    stock: int = 4,
    skus: int = 1,
    rates: Rates | None = None,
    on_edit: OnEdit | None = None,
    **dials: Any,
) -> Plan:
    dials = {"carrier": "compare_and_set", "key_memory": 3600.0, "visibility_lag": lag, "lag_varies": True, "webhook_seconds": 1.0} | dials
    exclusive = dials["carrier"] != "set" and "race_seconds" not in dials
    table = {"visibility_lag_seconds": lag, "overlap_seconds": 10.0, "write_drains_seconds": DRAIN}
    edits = on_edit or OnEdit(lower=EditPolicy.OVERWRITE, higher=EditPolicy.OVERWRITE)
    shops = tuple(
        ShopPlan(name, "memory", dict(dials), table, lag, exclusive, faults, weather or Weather(), 0.0, 0, edits)
        for name in ("north", "south")
    )
    busy = Rates(buy=0.8, cancel=0.3, refund=0.05, ship=0.15, receive=0.4, adjust=0.15, reserve=0.05)
    return Plan(
        seed=seed,
        shops=shops,
        skus=tuple(f"SKU-{number}" for number in range(skus)),
        stock=stock,
        seconds=seconds,
        rates=rates or busy,
        crashes=crashes,
        takeovers=takeovers,
    )


def busier(**changes: float) -> Rates:
    return replace(Rates(buy=0.8, cancel=0.3, refund=0.05, ship=0.15, receive=0.4, adjust=0.15, reserve=0.05), **changes)
