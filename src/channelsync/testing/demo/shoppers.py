"""Who is in the shops: shoppers who buy, staff who cancel, ship and refund, and with faults a hand that types numbers.

Every kind of thing happens in every run: what becomes of an order goes by its turn, what is in it by the seed.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from channelsync.clock import Clock
from channelsync.testing.demo.warehouse import Warehouse
from channelsync.testing.standins.base import Item, SoldOut, StandIn
from channelsync.testing.standins.moysklad import MoyskladStandIn

Moved = Callable[[str, int], None]
"""Units of a SKU can be sold again although their shop has not put them back (> 0)."""

FATES = (
    "ship", "", "cancel", "", "ship+return", "unpaid", "", "cancel quietly", "leave+ship", "", "refund one", "ship+keep", "unpaid+cancel", "", "ship",
)  # fmt: skip
"""What becomes of the 1st, 2nd, ... order, over and over; "" stays open."""

EVENTS_KEPT = 12
RECEIPT_EVERY = 3.0
EDIT_EVERY = 4.0
FATE_WITHIN = 4.0
GAP = (0.2, 1.8)
"""Between two orders, in parts of the mean: the seed says who comes, not how many."""


@dataclass(slots=True)
class Truth:
    """What physically is there and unsold, SKU by SKU. It goes below zero when more is sold than there was."""

    left: dict[str, int] = field(default_factory=dict)
    orders: int = 0
    units_sold: int = 0
    oversold: int = 0
    turned_away: int = 0
    events: deque[str] = field(default_factory=lambda: deque(maxlen=EVENTS_KEPT))

    def sold(self, sku: str, units: int) -> None:
        self.left[sku] -= units
        self.units_sold += units
        self.oversold += min(units, max(0, -self.left[sku]))

    def back(self, sku: str, units: int) -> None:
        self.left[sku] += units


class Crowd:
    """Everybody who is not us. `run` for as long as they come; `finish` lets the staff end what they have begun."""

    def __init__(
        self, clock: Clock, source: random.Random, shops: Mapping[str, StandIn], account: MoyskladStandIn, items: list[Item], moved: Moved
    ) -> None:
        self._clock, self._random, self._shops, self._moved = clock, source, dict(shops), moved
        self.warehouse = Warehouse(clock, random.Random(source.random()), account, shops, self._stock_moved)
        self._skus = [item.sku for item in items]
        self._weights = [1.0 / (1 + index) ** 0.7 for index in range(len(items))]  # a few SKUs sell best
        self._chores: set[asyncio.Task[None]] = set()
        self.truth = Truth({item.sku: item.shows for item in items})

    async def run(self, rate: float, seconds: float, *, edits: bool) -> None:
        others = [asyncio.create_task(self._receipts()), asyncio.create_task(self.warehouse.run(self._skus))]
        if edits:
            others.append(asyncio.create_task(self._edits()))
        until = self._clock.monotonic() + seconds
        due = self._clock.monotonic()
        try:
            while True:
                due += self._random.uniform(*GAP) / rate
                if due >= until:
                    break
                await self._clock.sleep(max(0.0, due - self._clock.monotonic()))
                self._order()
        finally:
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)

    async def finish(self) -> None:
        await asyncio.gather(*self._chores)
        await self.warehouse.finish()

    def _order(self) -> None:
        name = self._random.choice(sorted(self._shops))
        shop = self._shops[name]
        basket = self._basket()
        fate = FATES[self.truth.orders % len(FATES)]
        wait = self._random.uniform(0.5, FATE_WITHIN)
        try:
            ref = shop.buy(basket, paid=not fate.startswith("unpaid"))
        except SoldOut:
            self.truth.turned_away += 1
            return
        self.truth.orders += 1
        for sku, units in basket.items():
            self.truth.sold(sku, units)
        self._say(f"{name} sells {_in_words(basket)}")
        if fate:
            chore = asyncio.create_task(self._fulfil_fate(name, ref, basket, fate, wait))
            self._chores.add(chore)
            chore.add_done_callback(self._chores.discard)

    def _basket(self) -> dict[str, int]:
        kinds = 1 if self._random.random() < 0.7 else 2
        chosen = set(self._random.choices(self._skus, self._weights, k=kinds))
        return {sku: 1 if self._random.random() < 0.7 else 2 for sku in sorted(chosen)}

    async def _fulfil_fate(self, name: str, ref: str, basket: Mapping[str, int], fate: str, wait: float) -> None:
        shop = self._shops[name]
        sku, units = next(iter(basket.items()))
        await self._clock.sleep(wait)
        match fate:
            case "cancel" | "unpaid+cancel":
                self._undo(name, ref, basket, lambda: shop.cancel(ref))
            case "cancel quietly":
                self._undo(name, ref, basket, lambda: shop.cancel(ref, restock=False))
            case "unpaid":
                shop.pay(ref)
            case "refund one":
                self._undo(name, ref, {sku: 1}, lambda: shop.refund(ref, sku, 1))
            case _:
                if fate == "leave+ship":
                    self.warehouse.ship_first(name, ref)
                    await self._clock.sleep(wait / 2)
                shop.ship(ref)
                await self._clock.sleep(wait / 4)
                if fate == "ship+return":
                    self._undo(name, ref, {sku: units}, lambda: shop.refund(ref, sku, units))
                    self.warehouse.came_back(name, ref, sku, units)
                elif fate == "ship+keep":
                    shop.refund(ref, sku, 1, restock=False)
        self._say(f"{name}: {fate} {_in_words(basket)}")

    def _undo(self, name: str, ref: str, basket: Mapping[str, int], act: Callable[[], None]) -> None:
        """Units that are sold no more. They can be sold again, whether their shop has put them back on sale or not."""
        changes = self._shops[name].changes
        seen = len(changes)
        act()
        for sku, units in basket.items():
            restored = sum(c.after - c.before for c in changes[seen:] if (c.order, c.sku, c.cause) == (ref, sku, "restore"))
            self.truth.back(sku, units)
            if units != restored:
                self._moved(sku, units - restored)

    def _stock_moved(self, sku: str, units: int) -> None:
        self.truth.back(sku, units)
        self._moved(sku, units)

    async def _receipts(self) -> None:
        while True:
            await self._clock.sleep(RECEIPT_EVERY * self._random.uniform(0.5, 1.5))
            sku, units = self._random.choices(self._skus, self._weights)[0], self._random.randint(2, 8)
            self.warehouse.receive(sku, units)
            self._say(f"warehouse receives {units} x {sku}")

    async def _edits(self) -> None:
        while True:
            await self._clock.sleep(EDIT_EVERY * self._random.uniform(0.5, 1.5))
            name, sku = self._random.choice(sorted(self._shops)), self._random.choice(self._skus)
            shows = max(0, self._shops[name].shows(sku) + self._random.choice((-3, -1, 1, 2)))
            self._shops[name].edit(sku, shows)
            self._say(f"{name}: somebody types {shows} into {sku}")

    def _say(self, text: str) -> None:
        self.truth.events.append(text)


def _in_words(basket: Mapping[str, int]) -> str:
    return ", ".join(f"{units} x {sku}" for sku, units in basket.items())
