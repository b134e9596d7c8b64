"""Worlds made for one purpose: two memory shops with a chosen habit, one SKU that sells fast, and only the trouble that is asked for.

Where a warehouse owns the stock, it is a memory warehouse without moods of its own but those that are asked for.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from channelsync.ledger.brackets import EditPolicy, OnEdit
from channelsync.testing.simulation.network import Weather
from channelsync.testing.simulation.plan import DRAIN, EAST, MAIN, BackRoomRates, DepotPlan, DepotRates, Plan, Rates, ShopPlan
from channelsync.testing.standins.base import Faults

CALM = Faults()
STORM = Faults(server_error_after=0.08, drop_after=0.08, webhook_lost=0.5, webhook_late=0.3, late_seconds=8.0, webhook_duplicate=0.3)
DEAF = Faults(webhook_lost=1.0)
"""No webhook ever arrives: what a poll does not bring is not known."""
STEADY = DepotRates(
    receive=0.3, lose=0.1, reserve=0.2, demand=0.4, give_back=0.1, take_back=0.0, delete=0.0, recalculate=0.0, lose_answer=0.0
)


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
    packs: int = 1,
    bundle: dict[str, int] | None = None,
    share: int = 100,
    split: bool = False,
    depot: DepotPlan | None = None,
    back_room: BackRoomRates | None = None,
    **dials: Any,
) -> Plan:
    """packs: the second shop sells such packs, too. bundle: a set that both sell. split: the shops know two places and a number for each."""
    dials = {"carrier": "compare_and_set", "key_memory": 3600.0, "visibility_lag": lag, "lag_varies": True, "webhook_seconds": 1.0} | dials
    exclusive = dials["carrier"] != "set" and "race_seconds" not in dials
    table = {"visibility_lag_seconds": lag, "overlap_seconds": 10.0, "write_drains_seconds": DRAIN}
    edits = on_edit or OnEdit(lower=EditPolicy.OVERWRITE, higher=EditPolicy.OVERWRITE)
    places = {"here": (MAIN,), "there": (EAST,)} if split else {"": (MAIN,)}
    if split:
        dials |= {"locations": tuple(places)}
    bundles = {"SET": bundle} if bundle else {}
    shops = tuple(
        ShopPlan(
            name,
            "memory",
            dict(dials),
            table,
            lag,
            exclusive,
            faults,
            weather or Weather(),
            0.0,
            0,
            edits,
            packs={f"SKU-0-x{packs}": ("SKU-0", packs)} if packs > 1 and name == "south" else {},
            places=places,
            bundles=tuple(bundles),
            share=share,
        )
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
        places=(MAIN, EAST) if split else (MAIN,),
        bundles=bundles,
        depot=depot,
        back_room=back_room,
    )


def depot(rates: DepotRates | None = None, **dials: Any) -> DepotPlan:
    return DepotPlan(dials, CALM, Weather(), rates or STEADY)


def busier(**changes: float) -> Rates:
    return replace(Rates(buy=0.8, cancel=0.3, refund=0.05, ship=0.15, receive=0.4, adjust=0.15, reserve=0.05), **changes)
