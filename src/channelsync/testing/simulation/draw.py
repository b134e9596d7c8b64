"""Draws the plan of a seed. Only numbers are drawn here; what they mean is in `plan`."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

from channelsync.ledger.brackets import EditPolicy, OnEdit
from channelsync.testing.simulation.accounts import with_account
from channelsync.testing.simulation.back_room.days import with_back_room
from channelsync.testing.simulation.bad_days import with_bad_days
from channelsync.testing.simulation.fourth import with_fourth
from channelsync.testing.simulation.network import Weather
from channelsync.testing.simulation.plan import (
    DRAIN,
    EAST,
    LATE_MAX,
    MAIN,
    NAMES,
    SECONDS,
    DepotPlan,
    Plan,
    Rates,
    Sale,
    ShopPlan,
)
from channelsync.testing.simulation.routed import with_routing
from channelsync.testing.simulation.staff_days import with_staff
from channelsync.testing.simulation.summer_time import with_summer_time
from channelsync.testing.standins.base import Faults


def draw(seed: int, *, seconds: float = SECONDS) -> Plan:
    """The world of a seed. Each kind of trouble is on in some seeds only, so that a quiet one can show what the noisy ones hide."""
    dice = random.Random(f"plan {seed}")
    stormy = dice.random() < 0.6
    shops = tuple(_shop(dice, name, stormy=stormy) for name in NAMES[: dice.choice((2, 2, 3))])
    rates = Rates(edit=0.03 if dice.random() < 0.25 else 0.0)
    rates = replace(rates, buy=dice.choice((0.3, 0.5, 0.9)), receive=dice.choice((0.08, 0.2, 0.4)))
    skus = tuple(f"SKU-{number}" for number in range(dice.choice((1, 2, 3))))
    bundles = _bundles(seed, skus)
    shops = _with_rules(seed, _with_bundles(seed, _with_places(seed, _with_packs(seed, shops, skus)), bundles))
    plan = Plan(
        seed=seed,
        shops=shops,
        skus=skus,
        stock=dice.choice((1, 2, 4, 8)),
        seconds=seconds,
        rates=replace(rates, freeze=0.04 if seed % 4 == 0 else 0.0, move=0.1 if _located(seed) else 0.0),
        crashes=tuple(dice.randint(30, 700) for _ in range(4)) if dice.random() < 0.5 else (),
        takeovers=tuple((_moment(dice, seconds), dice.uniform(6, 18)) for _ in range(2)) if dice.random() < 0.25 else (),
        outages=((_moment(dice, seconds), dice.choice(shops).name, dice.uniform(3, 20)),) if dice.random() < 0.3 else (),
        jumps=((_moment(dice, seconds), dice.choice((-70.0, -20.0, 20.0, 86400.0))),) if dice.random() < 0.15 else (),
        patient=seed % 10 == 0,
        places=(MAIN, EAST) if _located(seed) else (MAIN,),
        bundles=bundles,
        depot=_depot(seed, stormy=stormy),
    )
    return with_routing(with_back_room(with_summer_time(with_staff(with_bad_days(with_account(with_fourth(plan)))))))


def _with_packs(seed: int, shops: tuple[ShopPlan, ...], skus: tuple[str, ...]) -> tuple[ShopPlan, ...]:
    """In some worlds the other shops sell packs, or the same unit twice. The first one opens the ledger and sells it plainly."""
    dice = random.Random(f"packs {seed}")
    if dice.random() >= 0.4:
        return shops
    return (shops[0], *(replace(shop, packs=_packs(dice, skus)) for shop in shops[1:]))


def _packs(dice: random.Random, skus: tuple[str, ...]) -> dict[str, tuple[str, int]]:
    return {f"{sku}-x{units}": (sku, units) for sku in skus if dice.random() < 0.7 for units in (dice.choice((1, 2, 3)),)}


def _bundles(seed: int, skus: tuple[str, ...]) -> dict[str, dict[str, int]]:
    """In some worlds with several SKUs there are sets of them."""
    dice = random.Random(f"bundles {seed}")
    if len(skus) < 2 or dice.random() >= 0.6:
        return {}
    return {f"SET-{n}": {sku: dice.choice((1, 1, 2)) for sku in dice.sample(skus, 2)} for n in range(dice.choice((1, 1, 2)))}


def _with_bundles(seed: int, shops: tuple[ShopPlan, ...], bundles: dict[str, dict[str, int]]) -> tuple[ShopPlan, ...]:
    dice = random.Random(f"sets {seed}")
    return tuple(replace(shop, bundles=tuple(name for name in bundles if dice.random() < 0.6)) for shop in shops)


def _with_rules(seed: int, shops: tuple[ShopPlan, ...]) -> tuple[ShopPlan, ...]:
    """Some shops sell from a share of the stock, show no more than so many, or do so for a while."""
    dice = random.Random(f"rules {seed}")
    if dice.random() >= 0.4:
        return shops
    return tuple(
        replace(
            shop,
            share=dice.choice((100, 100, 50, 67)),
            show_max=dice.choice((None, None, 1, 3)),
            sale=Sale(dice.uniform(8, 20), dice.uniform(3, 15), dice.choice((0, 1, 2))) if dice.random() < 0.3 else None,
        )
        for shop in shops
    )


def _depot(seed: int, *, stormy: bool) -> DepotPlan | None:
    """In a third of the worlds a warehouse system owns what lies at the main place."""
    dice = random.Random(f"depot {seed}")
    if dice.random() >= 0.33:
        return None
    share = dice.uniform(0.0, 1.0) if stormy else 0.0
    dials = {
        "page_size": dice.choice((1, 2, 50)),
        "late_documents": dice.choice((0.0, 0.0, 6.0)),
        "gap": dice.choice((0.0, 0.05, 0.5)),
    }
    weather = Weather(0.02 * share, 0.04 * share, LATE_MAX, 0.01 * share, 0.02 * share)
    return DepotPlan(dials, _faults(share), weather, opens=dice.random() < 0.7)


def _located(seed: int) -> bool:
    return random.Random(f"places {seed}").random() < 0.3


def _with_places(seed: int, shops: tuple[ShopPlan, ...]) -> tuple[ShopPlan, ...]:
    """In some worlds stock lies at two places: the first shop knows both, others know one number, fed by one or by both."""
    if not _located(seed):
        return shops
    dice = random.Random(f"feeds {seed}")
    return (_split(dice, shops[0]), *(_split(dice, shop) if dice.random() < 0.4 else _fed(dice, shop) for shop in shops[1:]))


def _split(dice: random.Random, shop: ShopPlan) -> ShopPlan:
    """A shop with two locations of its own; only the memory shop keeps a number for each."""
    dials, table, exclusive = _memory(dice, shop.lag)
    dials |= {"locations": ("here", "there"), "withholds": False, "visibility_lag": shop.lag}
    places = {"here": (MAIN,), "there": (EAST,)}
    return replace(
        shop, kind="memory", dials=dials, table={**table, "visibility_lag_seconds": shop.lag}, exclusive=exclusive, places=places
    )


def _fed(dice: random.Random, shop: ShopPlan) -> ShopPlan:
    return replace(shop, places={"": dice.choice(((MAIN,), (MAIN, EAST)))})


def _moment(dice: random.Random, seconds: float) -> float:
    return dice.uniform(0.1, 0.7) * seconds


def _shop(dice: random.Random, name: str, *, stormy: bool) -> ShopPlan:
    lag = dice.choice((0.0, 1.0, 2.0))
    kind = dice.choice(("shopify", "woocommerce", "bigcommerce", "memory", "memory"))
    habits = {"shopify": _shopify, "woocommerce": _woocommerce, "bigcommerce": _bigcommerce, "memory": _memory}
    dials, table, exclusive = habits[kind](dice, lag)
    share = dice.uniform(0.0, 1.0) if stormy else 0.0
    higher = dice.choice((EditPolicy.OVERWRITE, EditPolicy.OVERWRITE, EditPolicy.ASK))
    lower = dice.choice((EditPolicy.ASK, EditPolicy.OVERWRITE))
    return ShopPlan(
        name=name,
        kind=kind,
        dials=dials,
        table=table,
        lag=float(table["visibility_lag_seconds"]),
        exclusive=exclusive,
        faults=_faults(share),
        weather=Weather(0.02 * share, 0.04 * share, LATE_MAX, 0.01 * share, 0.02 * share),
        skew=dice.choice((0.0, 0.0, -0.7, 1.3)),
        safety_stock=dice.choice((0, 0, 0, 1)),
        on_edit=OnEdit(lower=lower, higher=higher),
    )


def _faults(share: float) -> Faults:
    bad = replace(Faults.some(), slow_seconds=0.3, late_seconds=8.0, webhook_lost=0.15, webhook_late=0.2)
    return Faults(**{name: getattr(bad, name) * (share if not name.endswith("seconds") else 1.0) for name in Faults.__slots__})


Habits = tuple[dict[str, Any], dict[str, Any], bool]
"""Dials of the stand-in, settings of the connector, and whether its writes are exclusive."""


def _shopify(dice: random.Random, lag: float) -> Habits:
    dials = {"visibility_lag": lag, "bucket_size": dice.choice((1000, 2000)), "hang_seconds": 30.0}
    table = {"visibility_lag_seconds": int(lag) + 1, "overlap_seconds": 10, "write_drains_seconds": int(DRAIN)}
    return dials, table, True


def _woocommerce(dice: random.Random, lag: float) -> Habits:
    dials = {
        "visibility_lag": lag,
        "delta_race_seconds": dice.choice((0.01, 0.2)),
        "cron_seconds": dice.choice((0.05, 5.0)),
        "hold_stock_minutes": dice.choice((1, 60, 60, 60)),
    }
    table = {"visibility_lag_seconds": lag, "overlap_seconds": 10.0, "write_drains_seconds": DRAIN}
    return dials, table, False


def _bigcommerce(dice: random.Random, lag: float) -> Habits:
    apply = dice.choice((0.05, 0.3, 2.0))
    dials = {
        "visibility_lag": lag,
        "apply_seconds": apply,
        "update_stock_behavior": dice.choice(("order_placed", "order_completed_or_shipped")),
        "partial_on_422": dice.random() < 0.5,
        "refunds_bump": dice.random() < 0.5,
        "quota": 1000,
    }
    visible = max(0.5, 2 * apply)
    drains = DRAIN + visible
    table = {"visibility_lag_seconds": lag, "overlap_seconds": 10.0, "write_visible_seconds": visible, "write_drains_seconds": drains}
    return dials, table, True


def _memory(dice: random.Random, lag: float) -> Habits:
    dials: dict[str, Any] = {
        "carrier": dice.choice(("compare_and_set", "adjust", "adjust", "set")),
        "key_memory": dice.choice((None, 3600.0)),
        "visibility_lag": lag,
        "lag_varies": True,
        "withholds": dice.random() < 0.3,
        "hold_seconds": dice.choice((15.0, 3600.0, 3600.0)),
        "lowers_stock_on": dice.choice(("placed", "placed", "paid", "shipped")),
        "restores_on_cancel": dice.choice(("per order", "yes", "no")),
        "all_or_nothing": dice.random() < 0.5,
        "request_seconds": dice.choice((0.0, 0.02)),
        "webhook_seconds": dice.choice((0.05, 2.0)),
        "page_size": dice.choice((2, 50)),
    }
    if dials["carrier"] == "adjust" and dice.random() < 0.4:
        dials |= {"race_seconds": 0.2, "key_memory": None}
    elif dice.random() < 0.2 and dials["carrier"] != "compare_and_set":  # compared now and written later is no compare-and-set
        dials["write_visible_after"] = 2.0
    exclusive = dials["carrier"] != "set" and "race_seconds" not in dials
    return dials, {"visibility_lag_seconds": lag, "overlap_seconds": 10.0, "write_drains_seconds": DRAIN}, exclusive
