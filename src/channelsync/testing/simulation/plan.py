"""Everything that is decided of a world before the first event: which shops, which habits, which weather, who comes when. `draw` draws it.

Times are short (a shop drains in seconds, a poll is due every ten) so that minutes hold what a real week does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from channelsync.ledger.brackets import OnEdit
from channelsync.testing.simulation.goods import Goods, Left
from channelsync.testing.simulation.network import Weather
from channelsync.testing.simulation.script import Script
from channelsync.testing.standins.base import Faults
from channelsync.testing.virtual_clock import START

TIMEOUT = 3.0
DRAIN = 8.0
LATE_MAX = DRAIN - 1.5
"""A late request takes effect within D of being sent, whatever else slows it down (the dial's `slow`, the shop's own work)."""

SECONDS = 25.0
"""How long the shops trade. Longer finds little more per second; more seeds do."""

NAMES = ("north", "south", "west")
DEPOT = "depot"
MAIN, EAST = "main", "east"

Feeds = Mapping[tuple[str, str], tuple[dict[str, int], ...]]
"""(shop, item) -> for each ledger location that feeds it, the units in one piece."""


@dataclass(frozen=True, slots=True)
class Sale:
    """For so many seconds, `after` seconds from the start of the world, the shop shows at most that."""

    after: float
    seconds: float
    show_max: int


@dataclass(frozen=True, slots=True)
class ShopPlan:
    """kind: memory, shopify, woocommerce, bigcommerce. dials: the stand-in's own. table: settings over what the stand-in says. lag: L as declared.

    exclusive: no sale can slip inside a write. skew: how far the shop's clock is off.
    packs: what the shop sells beside the plain SKUs: item -> (SKU, units in it). A pack of one is a second listing of the SKU.
    bundles: which of the plan's bundles it sells, by their names.
    places: the shop's own locations, and the ledger's that feed each of them; its orders are taken from the first.
    share: of what there is, in percent. show_max: it never shows more. sale: a window with a rule of its own.
    sells: which of the plan's SKUs; None: all. shows: (item, own location) -> the number it begins with, in a world whose script has levels.
    poll, sweep: if not the plan's pace. timeout: how long we wait for its answers.
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
    bundles: tuple[str, ...] = ()
    share: int = 100
    show_max: int | None = None
    sale: Sale | None = None
    sells: tuple[str, ...] | None = None
    shows: Mapping[tuple[str, str], int] = field(default_factory=dict)
    poll: float | None = None
    sweep: float | None = None
    timeout: float = TIMEOUT

    def most(self, pool: int, pack: int, *, sale: bool) -> int:
        """What it may show of `pool` units that feed a shelf, in pieces of `pack` units."""
        shared = pool * self.share // 100 if pool > 0 else pool
        shown = max(0, shared - self.safety_stock) // pack
        limit = self.sale.show_max if sale and self.sale else self.show_max
        return shown if limit is None else min(shown, limit)

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
    move: float = 0.0
    route: float = 0.0
    freeze: float = 0.0
    retry: float = 0.0
    amend: float = 0.0
    relist: float = 0.0
    rename: float = 0.0


@dataclass(frozen=True, slots=True)
class DepotRates:
    """Events per second at the warehouse. give_back: of goods that a shop has restocked and the warehouse has not; take_back: of shipments."""

    receive: float = 0.15
    lose: float = 0.05
    reserve: float = 0.1
    demand: float = 0.25
    give_back: float = 0.05
    take_back: float = 0.02
    delete: float = 0.02
    recalculate: float = 0.05
    lose_answer: float = 0.05


@dataclass(frozen=True, slots=True)
class DepotPlan:
    """A warehouse system that owns what lies at the main place. kind: memory or moysklad. dials: the stand-in's own. table: settings over what the
    stand-in says. opens: its goods make the ledger's SKUs. hooks: it tells us by webhooks that something has changed.
    """

    dials: dict[str, Any]
    faults: Faults
    weather: Weather
    rates: DepotRates = DepotRates()
    opens: bool = True
    kind: str = "memory"
    table: Mapping[str, Any] = field(default_factory=dict)
    hooks: bool = False


@dataclass(frozen=True, slots=True)
class BackRoomRates:
    """Documents per second: purchase orders and what arrives of them, transfers and what arrives of these, counts, returns from word to verdict."""

    order: float = 0.12
    arrive: float = 0.2
    ship: float = 0.15
    land: float = 0.2
    count: float = 0.12
    announce: float = 0.15
    come_back: float = 0.25
    inspect: float = 0.25


@dataclass(frozen=True, slots=True)
class Pace:
    """How often everybody looks, in seconds. tick: a task of the daemon that nothing woke. audit: the checks while the shops trade.

    patience: of quiet, within which everything must be at rest. reading: by then the warehouse has been asked again, whatever its rows and the way to
    it were like. kicked: a shop does its own work when something has happened, and not fifty times a second.
    """

    tick: float = 1.0
    poll: float = 10.0
    sweep: float = 30.0
    house_poll: float = 5.0
    house_full: float = 20.0
    audit: float = 15.0
    patience: float = 900.0
    step: float = 5.0
    reading: float = 60.0
    kicked: bool = False


DENSE = Pace()
SPARSE = Pace(
    tick=1800.0,
    poll=1800.0,
    sweep=4 * 3600.0,
    house_poll=1800.0,
    house_full=12 * 3600.0,
    audit=6 * 3600.0,
    patience=12 * 3600.0,
    step=600.0,
    reading=6 * 3600.0,
    kicked=True,
)
"""Slower than in life: days of trade, in which a task that nothing wakes looks every half an hour."""


@dataclass(frozen=True, slots=True)
class Turn:
    """Summer time begins or ends at the shops `after` seconds from the start of the world, at the instant `at`. back: their clocks go back."""

    at: datetime
    after: float
    back: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """crashes: steps that each life of the daemon lasts. takeovers, outages, revocations, jumps: (second, ...) from the start of trading.

    bundles: SKUs that are made of others, and of how many of each. depot: the warehouse system that owns what lies at the main place.
    back_room: staff move goods by documents.
    routed: the ledger says from which of its places an order is shipped; every shop shows what all of them have.
    patient: rest is only reached when every delivery is settled, even one that waits minutes for its next try.
    hold: for how many seconds a cart of our own storefront holds its units.
    script: deeds at given times, beside what the rates bring.
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
    revocations: tuple[tuple[float, str, float], ...] = ()
    jumps: tuple[tuple[float, float], ...] = ()
    patient: bool = False
    places: tuple[str, ...] = (MAIN,)
    bundles: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    depot: DepotPlan | None = None
    back_room: BackRoomRates | None = None
    routed: bool = False
    pace: Pace = DENSE
    hold: float = 20.0
    script: Script | None = None
    turn: Turn | None = None

    @property
    def has_levels(self) -> bool:
        """Its script says what is there on the first day."""
        return self.script is not None and self.script.levels is not None

    @property
    def begins(self) -> datetime:
        """The date and time at which the world begins."""
        return self.turn.at - timedelta(seconds=self.turn.after) if self.turn else START

    def items(self, shop: ShopPlan) -> tuple[str, ...]:
        """All that a shop sells."""
        return (*(self.skus if shop.sells is None else shop.sells), *shop.packs, *shop.bundles)

    def parts(self, shop: ShopPlan, item: str) -> Mapping[str, int]:
        """SKU -> how many are in one piece."""
        if item in self.bundles:
            return self.bundles[item]
        sku, units = shop.packs.get(item, (item, 1))
        return {sku: units}

    def goods(self) -> Goods:
        """What every item is made of, and how much of it its shop may offer. Where orders are routed, a unit is one wherever it lies."""
        located = len(self.places) > 1 and not self.routed
        goods = Goods(located=located, split=frozenset(shop.name for shop in self.shops if shop.split))
        feeds: dict[tuple[str, str], tuple[dict[str, int], ...]] = {}
        for shop in self.shops:
            for name in self.items(shop):
                for own, places in shop.places.items():
                    made = tuple(
                        {goods.unit(sku, place): n for sku, n in self.parts(shop, name).items()}
                        for place in (places[:1] if self.routed else places)
                    )
                    feeds[shop.name, goods.item(shop.name, name, own)] = made
        recipes = {key: made[0] for key, made in feeds.items()}
        owned = frozenset({MAIN} if self.depot else ())
        return replace(goods, recipes=recipes, feeds=feeds, offers=partial(self._offers, feeds), owned=owned)

    def _offers(self, feeds: Feeds, shop: str, item: str, left: Left, sale: bool | None = None) -> int:
        """sale None: nobody can know whether the shop's window is open for this number yet, so it may be either."""
        made = feeds[shop, item]
        plan = next(plan for plan in self.shops if plan.name == shop)
        if len(made[0]) > 1:  # a bundle: at each place as many as the scarcest part allows
            pool, pack = sum(min(left(unit) // count for unit, count in place.items()) for place in made), 1
        else:
            pool, pack = sum(left(unit) for place in made for unit in place), next(iter(made[0].values()))
        open_or_not = (True, False) if sale is None else (sale,)
        return max(plan.most(pool, pack, sale=each) for each in open_or_not)
