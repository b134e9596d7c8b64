"""The memory shop as a `StandIn`: the wiring of its parts, and what shoppers, staff and tests do to it."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from channelsync.clock import Clock
from channelsync.testing.standins.base import AsgiApp, Change, Deliver, Faults, FaultyApp, Item, TrueOrder, run_when_due
from channelsync.testing.standins.memory.api import HANG_SECONDS, Api, item_row, order_row
from channelsync.testing.standins.memory.dials import Dials
from channelsync.testing.standins.memory.gate import Gate
from channelsync.testing.standins.memory.hooks import Hooks
from channelsync.testing.standins.memory.index import OrderIndex
from channelsync.testing.standins.memory.orders import Order, Orders
from channelsync.testing.standins.memory.shelves import Shelves
from channelsync.testing.standins.memory.writes import Writes
from channelsync.testing.standins.refusing import refused_items


class MemoryStandIn:
    """A shop with the habits its `Dials` say, given as keywords: `MemoryStandIn(clock, random, carrier="adjust", key_memory=None)`.

    Beyond `StandIn`: `gate` stops writes on their way, `writes.seen` lists them, `edit(..., location=)`, `untrack`, `delete` and
    `switch_off_hooks` do what staff can do.
    """

    def __init__(
        self,
        clock: Clock,
        random: random.Random,
        *,
        faults: Faults | None = None,
        deliver: Deliver | None = None,
        name: str = "memory",
        **dials: Any,
    ) -> None:
        self.clock, self.random, self.name = clock, random, name
        self.faults = faults or Faults()
        self.mishaps: Counter[str] = Counter()
        self.dials = Dials(**dials)
        self.identity, self.token, self.secret = f"{name}.memory.example", f"token-of-{name}", f"secret-of-{name}"
        self.changes: list[Change] = []
        self.orders: dict[str, TrueOrder] = {}
        self.gate = Gate()
        self.hooks = Hooks(self, self.secret, deliver, self.dials.webhook_seconds)
        self.index = OrderIndex(clock, random, self.dials)
        self.book = Orders(clock, self.dials, lambda: self.shelves, self.orders, self._order_changed)
        self.shelves = Shelves(clock, self.dials.locations, self.changes, self.book.withheld, self._level_moved)
        self.writes = Writes(clock, self.dials, self.shelves, self.gate)
        self.writes.refusing = partial(refused_items, self)
        api = Api(self)
        self.app: AsgiApp = FaultyApp(self, api.handle, api.throttled, hang_seconds=HANG_SECONDS)

    def settings(self, url: str) -> dict[str, Any]:
        dials = self.dials
        return {
            "connector": "memory",
            "url": url,
            "token": self.token,
            "webhook_secrets": [self.secret],
            "carrier": dials.carrier,
            "atomic": dials.atomic,
            "key_memory_seconds": dials.key_memory,
            "write_visible_seconds": dials.write_visible_after,
            "visibility_lag_seconds": dials.visibility_lag,
            "lowers_stock_on": dials.lowers_stock_on,
            "restores_on_cancel": dials.restores_on_cancel,
            "withholds": dials.withholds,
            "writes_per_call": dials.writes_per_call,
            "readings_per_call": dials.levels_per_call,
        }

    def stock(self, items: Iterable[Item]) -> None:
        for product in self.shelves.add(items):
            self.hooks.announce("listing.changed", {"item": item_row(self, product)})

    def shows(self, sku: str) -> int:
        self.catch_up()
        return self.shelves.shows(sku)

    def places(self) -> tuple[str, ...]:
        return self.dials.locations

    def shows_at(self, sku: str, location: str) -> int:
        self.catch_up()
        return self.shelves.level(sku, location)

    def sellable(self, sku: str) -> int:
        self.catch_up()
        return self.shelves.sellable(sku)

    def withheld(self, sku: str) -> int:
        self.catch_up()
        return self.book.withheld(sku)

    def buy(self, basket: Mapping[str, int], *, paid: bool = True, reservation_ref: str | None = None) -> str:
        self.catch_up()
        return self.book.buy(basket, paid=paid, reservation_ref=reservation_ref).ref

    def pay(self, order: str) -> None:
        self.catch_up()
        self.book.pay(order)

    def cancel(self, order: str, *, restock: bool = True) -> None:
        self.catch_up()
        self.book.cancel(order, restock=restock)

    def ship(self, order: str) -> None:
        """What still is open leaves the house. A shop that lowers its number on shipping does so now."""
        self.catch_up()
        self.book.ship(order)

    def refund(self, order: str, sku: str, units: int, *, restock: bool = True) -> None:
        self.catch_up()
        self.book.refund(order, sku, units, restock=restock)

    def edit(self, sku: str, shows: int, *, location: str | None = None) -> None:
        self.catch_up()
        if self.shelves.products[sku].gone:
            return  # nobody finds it
        self.shelves.set(sku, self.dials.locations[0] if location is None else location, shows, "edit")

    def amend(self, order: str, sku: str, units: int) -> None:
        self.catch_up()
        self.book.amend(order, sku, units)

    def move(self, order: str, location: str) -> None:
        """Staff have another location ship what is open of an order."""
        self.catch_up()
        self.book.move(order, location)

    def send_to(self, order: str, country: str, region: str, postcode: str) -> None:
        self.catch_up()
        whole = {"name": "Jane Doe", "street": "Torstrasse 1", "latitude": 52.530812, "longitude": 13.384567}
        self.book.send_to(order, {**whole, "country": country, "region": region, "postcode": postcode})

    def rename(self, sku: str, text: str) -> None:
        self._retell(sku, text=text)

    def sells(self, sku: str) -> bool:
        product = self.shelves.products.get(sku)
        return product is not None and not product.gone

    def take_off(self, sku: str) -> None:
        self.catch_up()
        product = self.shelves.remove(sku)
        self.hooks.announce("listing.changed", {"item": item_row(self, product)})

    def enter_again(self, sku: str) -> None:
        self.stock([Item(sku, 0)])

    def untrack(self, sku: str) -> None:
        """Staff switch counting off for a product."""
        self._retell(sku, tracked=False)

    def sells_on(self, sku: str) -> bool:
        switch = self.shelves.products[sku].sells_on
        return self.dials.backorders if switch is None else switch

    def set_sells_on(self, sku: str, *, on: bool) -> None:
        """The product has a switch of its own from then on."""
        self._retell(sku, sells_on=on)

    def _retell(self, sku: str, **changes: Any) -> None:
        product = self.shelves.products[sku]
        for name, value in changes.items():
            setattr(product, name, value)
        product.changed_at = self.clock.now()
        self.hooks.announce("listing.changed", {"item": item_row(self, product)})

    def delete(self, order: str) -> None:
        """Staff delete an order for good, silently; its units stay where they are."""
        self.book.delete(order)
        self.index.forget(order)

    def switch_off_hooks(self) -> None:
        for hook in self.hooks.hooks.values():
            hook.active = False

    def catch_up(self) -> None:
        """What time alone brings: accepted writes are applied, holds end. Done before anybody looks."""
        self.writes.catch_up()
        self.book.expire()

    def next_due(self) -> float | None:
        dues = (self.hooks.postman.next_due(), self.writes.next_due(), self.book.next_expiry())
        return min((due for due in dues if due is not None), default=None)

    async def work(self) -> None:
        self.catch_up()
        await self.hooks.postman.send_due()

    async def run(self) -> None:
        await run_when_due(self)

    def _order_changed(self, order: Order) -> None:
        order.modified_at = max(order.modified_at, self.clock.now().replace(microsecond=0))
        row = order_row(self, order)
        self.index.put(order.ref, order.modified_at, row, can_change=any(line.true.open for line in order.lines))
        self.hooks.announce("order.changed", {"order": row})

    def _level_moved(self, sku: str, location: str) -> None:
        shows = self.shelves.level(sku, location)
        self.hooks.announce("stock.changed", {"item": self.shelves.products[sku].ref, "location": location, "shows": shows})
