"""Everybody who acts on the shops and the warehouse: shoppers, staff, storefronts. Each comes at times drawn from the seed."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any

from channelsync.clock import Clock
from channelsync.ledger import freezing, reservations, stock
from channelsync.ledger.freezing import Freeze, Scope, Thaw
from channelsync.ledger.holds import Which
from channelsync.ledger.refusals import Refusal
from channelsync.ledger.reservations import Line, Release, Reserve
from channelsync.ledger.stock import Change
from channelsync.testing.simulation.plan import MAIN, Plan
from channelsync.testing.standins.base import SoldOut, StandIn
from channelsync.testing.standins.memory import MemoryStandIn

Ask = Callable[[Any, Any], Awaitable[Any]]
"""Asks a daemon to apply one verb, again and again until one has answered. Raises the verb's Refusal."""


class People:
    """`acted` counts what they did. went_already: (shop, order) -> a warehouse has sent the parcel off from another place than the shop names."""

    def __init__(self, plan: Plan, clock: Clock, shops: Mapping[str, StandIn], ask: Ask, passed: Callable[[], None]) -> None:
        self._plan, self._clock, self._shops, self._ask, self._passed = plan, clock, shops, ask, passed
        self._dice = random.Random(f"people {plan.seed}")
        self._split = {shop.name for shop in plan.shops if shop.split}
        self._plans = {shop.name: shop for shop in plan.shops}
        self._items = {shop.name: plan.items(shop) for shop in plan.shops}
        self._orders: list[tuple[str, str]] = []
        self._carts: list[tuple[str, str, int]] = []
        self._serial = 0
        self._frozen: set[str] = set()
        self._counted = [place for place in plan.places if plan.depot is None or place != MAIN]
        self.went_already: Callable[[str, str], bool] = lambda _shop, _ref: False
        self.acted: Counter[str] = Counter()

    def jobs(self) -> dict[Callable[[], Awaitable[None]], float]:
        """Every kind of action and how often a second it happens."""
        rates = self._plan.rates
        return {
            self.buy: rates.buy,
            self.pay: rates.buy * rates.unpaid,
            self.cancel: rates.cancel,
            self.refund: rates.refund,
            self.ship: rates.ship,
            self.receive: rates.receive,
            self.adjust: rates.adjust,
            self.reserve: rates.reserve,
            self.resolve: rates.reserve,
            self.edit: rates.edit,
            self.move: rates.move,
            self.freeze: rates.freeze,
        }

    async def trade(self, job: Callable[[], Awaitable[None]], rate: float, until: float) -> None:
        """Do one kind of action at random times."""
        while rate:
            await self._clock.sleep(self._dice.expovariate(rate))
            if self._clock.monotonic() >= until:
                return
            await job()
            self._passed()

    # -- in the shops ------------------------------------------------------------------------------------------------------------------------

    async def buy(self) -> None:
        name, shop = self._shop()
        items = self._items[name]
        wanted = self._dice.sample(items, self._dice.choice((1, 1, len(items))))
        basket = {item: self._dice.choice((1, 1, 1, 2)) for item in self._told_apart(name, wanted)}
        try:
            self._orders.append((name, shop.buy(basket, paid=self._dice.random() >= self._plan.rates.unpaid)))
            self.acted["bought"] += 1
        except SoldOut:
            self.acted["sold out"] += 1

    def _told_apart(self, shop: str, wanted: list[str]) -> list[str]:
        """Where a warehouse documents our orders per SKU: no two items of a basket that are made of the same."""
        if self._plan.depot is None:
            return wanted
        chosen: list[str] = []
        taken: set[str] = set()
        for item in wanted:
            parts = set(self._plan.parts(self._plans[shop], item))
            if not parts & taken:
                chosen.append(item)
                taken |= parts
        return chosen

    async def pay(self) -> None:
        if picked := self._pick():
            picked[0].pay(picked[1])
            self.acted["paid"] += 1

    async def cancel(self) -> None:
        if picked := self._pick():
            shop, ref = picked
            if any(line.open for line in shop.orders[ref].lines) and not any(line.shipped for line in shop.orders[ref].lines):
                shop.cancel(ref, restock=self._dice.random() < 0.7)
                self.acted["cancelled"] += 1

    async def refund(self) -> None:
        if picked := self._pick():
            shop, ref = picked
            left = [line for line in shop.orders[ref].lines if line.quantity - line.cancelled - line.returned > 0]
            if left and not shop.orders[ref].pending:
                shop.refund(ref, self._dice.choice(left).sku, 1, restock=self._dice.random() < 0.5)
                self.acted["refunded"] += 1

    async def ship(self) -> None:
        if picked := self._pick():
            shop, ref = picked
            if not shop.orders[ref].pending and not self.went_already(shop.name, ref):
                shop.ship(ref)
                self.acted["shipped"] += 1

    async def move(self) -> None:
        """Staff have the other location ship an order."""
        if not (picked := self._pick()):
            return
        shop, ref = picked
        if isinstance(shop, MemoryStandIn) and shop.name in self._split and not shop.orders[ref].pending:
            shop.move(ref, self._dice.choice(shop.places()))
            self.acted["moved order"] += 1

    async def edit(self) -> None:
        """Staff type a number into the shop's admin, a little off what it shows."""
        name, shop = self._shop()
        sku = self._dice.choice(self._items[name])
        change = self._dice.choice((-2, -1, 1, 2))
        if name in self._split and isinstance(shop, MemoryStandIn):
            location = self._dice.choice(shop.places())
            shop.edit(sku, max(0, shop.shows_at(sku, location) + change), location=location)
        else:
            shop.edit(sku, max(0, shop.shows(sku) + change))
        self.acted["edited"] += 1

    async def freeze(self) -> None:
        """Somebody counts on the shelf and wants nothing written meanwhile, or is done."""
        sku = self._dice.choice(self._plan.skus)
        if sku in self._frozen:
            await self._ask(freezing.thaw, Thaw(Scope(sku)))
            self._frozen.discard(sku)
        else:
            self._frozen.add(sku)
            await self._ask(freezing.freeze, Freeze(Scope(sku), "counting"))
        self.acted["froze or thawed"] += 1

    # -- in the warehouse and at storefronts of our own ----------------------------------------------------------------------------------------

    async def receive(self) -> None:
        await self._move(stock.receive, self._dice.choice((1, 1, 2, 3)))

    async def adjust(self) -> None:
        await self._move(stock.adjust, self._dice.choice((-1, -1, 1)))

    async def _move(self, verb: Any, units: int) -> None:
        if not self._counted:
            return
        self._serial += 1
        change = Change(
            self._dice.choice(self._plan.skus),
            self._dice.choice(self._counted),
            units,
            reason="counted again",
            key=f"people-{self._serial}",
        )
        try:
            await self._ask(verb, change)
            self.acted["moved"] += 1
        except Refusal:
            self.acted["refused"] += 1

    async def reserve(self) -> None:
        self._serial += 1
        reference, sku = f"cart-{self._serial}", self._dice.choice(self._plan.skus)
        wanted = Reserve(reference, (Line(sku, MAIN, 1),), ttl=timedelta(seconds=self._plan.hold), key=f"people-{self._serial}")
        try:
            await self._ask(reservations.reserve, wanted)
            self._carts.append((reference, sku, 1))
            self.acted["reserved"] += 1
        except Refusal:
            self.acted["refused"] += 1

    async def resolve(self) -> None:
        """A cart becomes an order in one of the shops, or is given up."""
        if not self._carts:
            return
        reference, sku, units = self._carts.pop(self._dice.randrange(len(self._carts)))
        if self._dice.random() < 0.5:
            self._serial += 1
            await self._ask(reservations.release, Release(Which(reference=reference), key=f"people-{self._serial}"))
            return
        name, shop = self._shop()
        try:
            self._orders.append((name, shop.buy({sku: units}, reservation_ref=reference)))
            self.acted["carts bought"] += 1
        except SoldOut:
            self.acted["sold out"] += 1

    # -- helpers ---------------------------------------------------------------------------------------------------------------------------

    def _shop(self) -> tuple[str, StandIn]:
        return self._dice.choice(list(self._shops.items()))

    def _pick(self) -> tuple[StandIn, str] | None:
        if not self._orders:
            return None
        name, ref = self._dice.choice(self._orders[-40:])
        return (self._shops[name], ref) if ref in self._shops[name].orders else None
