"""Everything a seed decides before the first event: which shops, which habits, which weather, who comes when. Only numbers are drawn here.

Times are short (a shop drains in seconds, a poll is due every ten) so that minutes hold what a real week does.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from channelsync.ledger.brackets import EditPolicy, OnEdit
from channelsync.testing.simulation.goods import Goods, Left
from channelsync.testing.simulation.network import Weather
from channelsync.testing.standins.base import Faults

TIMEOUT = 3.0
DRAIN = 8.0
LATE_MAX = DRAIN - 1.5
"""A late request takes effect within D of being sent, whatever else slows it down (the dial's `slow`, the shop's own work)."""

SECONDS = 25.0
"""How long the shops trade. Longer finds little more per second; more seeds do."""

NAMES = ("north", "south", "west")
MAIN, EAST = "main", "east"


@dataclass(frozen=True, slots=True)
class ShopPlan:
    """kind: memory, shopify, woocommerce. dials: the stand-in's own. table: settings over what the stand-in says. lag: L as declared.

    exclusive: no sale can slip inside a write. skew: how far the shop's clock is off.
    packs: what the shop sells beside the plain SKUs: item -> (SKU, units in it). A pack of one is a second listing of the SKU.
    places: the shop's own locations, and the ledger's that feed each of them; its orders are taken from the first.
    """

    name: str
    kind: str
    dials: dict[str, Any]
    table: dict[str, Any]
    lag: float
    exclusive: bool
    faults: Faults
    weather: Weather
    skew: float
    safety_stock: int
    on_edit: OnEdit
    packs: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    places: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: {"": (MAIN,)})

    @property
    def split(self) -> bool:
        """It keeps a number for each of its own locations."""
        return len(self.places) > 1


@dataclass(frozen=True, slots=True)
class Rates:
    """Events per second over the whole world."""

    buy: float = 0.25
    unpaid: float = 0.15  # share of purchases that are not paid at once
    cancel: float = 0.12
    refund: float = 0.04
    ship: float = 0.1
    receive: float = 0.1
    adjust: float = 0.04
    reserve: float = 0.06
    edit: float = 0.0


@dataclass(frozen=True, slots=True)
class Plan:
    """crashes: steps that each life of the daemon lasts. takeovers, outages, jumps: (second, ...) from the start of trading.

    patient: rest is only reached when every delivery is settled, even one that waits minutes for its next try.
    """

    seed: int
    shops: tuple[ShopPlan, ...]
    skus: tuple[str, ...]
    stock: int
    seconds: float
    rates: Rates
    crashes: tuple[int, ...] = ()
    takeovers: tuple[tuple[float, float], ...] = ()
    outages: tuple[tuple[float, str, float], ...] = ()
    jumps: tuple[tuple[float, float], ...] = ()
    patient: bool = False
    places: tuple[str, ...] = (MAIN,)

    def items(self, shop: ShopPlan) -> tuple[str, ...]:
        """All that a shop sells."""
        return (*self.skus, *shop.packs)

    def goods(self) -> Goods:
        """What every item is made of, and how much of it its shop may offer."""
        located = len(self.places) > 1
        goods = Goods(located=located, split=frozenset(shop.name for shop in self.shops if shop.split))
        recipes: dict[tuple[str, str], dict[str, int]] = {}
        feeds: dict[tuple[str, str], tuple[dict[str, int], ...]] = {}
        for shop in self.shops:
            for name in self.items(shop):
                sku, units = shop.packs.get(name, (name, 1))
                for own, places in shop.places.items():
                    made = tuple({goods.unit(sku, place): units} for place in places)
                    recipes[shop.name, goods.item(shop.name, name, own)] = made[0]
                    feeds[shop.name, goods.item(shop.name, name, own)] = made
        safety = {shop.name: shop.safety_stock for shop in self.shops}

        def offers(shop: str, item: str, left: Left) -> int:
            """Of one kind of unit: all of it that feeds the shelf, less the safety stock, in whole pieces."""
            made = feeds[shop, item]
            units = sum(left(unit) for place in made for unit in place)
            return (units - safety[shop]) // next(iter(made[0].values()))

        return replace(goods, recipes=recipes, offers=offers)


def draw(seed: int, *, seconds: float = SECONDS) -> Plan:
    """The world of a seed. Each kind of trouble is on in some seeds only, so that a quiet one can show what the noisy ones hide."""
    dice = random.Random(f"plan {seed}")
    stormy = dice.random() < 0.6
    shops = tuple(_shop(dice, name, stormy=stormy) for name in NAMES[: dice.choice((2, 2, 3))])
    rates = Rates(edit=0.03 if dice.random() < 0.25 else 0.0)
    rates = replace(rates, buy=dice.choice((0.3, 0.5, 0.9)), receive=dice.choice((0.08, 0.2, 0.4)))
    skus = tuple(f"SKU-{number}" for number in range(dice.choice((1, 2, 3))))
    return Plan(
        seed=seed,
        shops=_with_places(seed, _with_packs(seed, shops, skus)),
        skus=skus,
        stock=dice.choice((1, 2, 4, 8)),
        seconds=seconds,
        rates=rates,
        crashes=tuple(dice.randint(30, 700) for _ in range(4)) if dice.random() < 0.5 else (),
        takeovers=tuple((_moment(dice, seconds), dice.uniform(6, 18)) for _ in range(2)) if dice.random() < 0.25 else (),
        outages=((_moment(dice, seconds), dice.choice(shops).name, dice.uniform(3, 20)),) if dice.random() < 0.3 else (),
        jumps=((_moment(dice, seconds), dice.choice((-70.0, -20.0, 20.0, 86400.0))),) if dice.random() < 0.15 else (),
        patient=seed % 10 == 0,
        places=(MAIN, EAST) if _located(seed) else (MAIN,),
    )


def _with_packs(seed: int, shops: tuple[ShopPlan, ...], skus: tuple[str, ...]) -> tuple[ShopPlan, ...]:
    """In some worlds the other shops sell packs, or the same unit twice. The first one opens the ledger and sells it plainly."""
    dice = random.Random(f"packs {seed}")
    if dice.random() >= 0.4:
        return shops
    return (shops[0], *(replace(shop, packs=_packs(dice, skus)) for shop in shops[1:]))


def _packs(dice: random.Random, skus: tuple[str, ...]) -> dict[str, tuple[str, int]]:
    return {f"{sku}-x{units}": (sku, units) for sku in skus if dice.random() < 0.7 for units in (dice.choice((1, 2, 3)),)}


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
    kind = dice.choice(("shopify", "woocommerce", "memory", "memory"))
    dials, table, exclusive = {"shopify": _shopify, "woocommerce": _woocommerce, "memory": _memory}[kind](dice, lag)
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
