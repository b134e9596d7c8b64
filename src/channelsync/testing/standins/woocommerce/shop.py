"""`WooCommerceStandIn`: what shoppers and staff do to the shop. They go through the same stock code as REST clients."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from channelsync.clock import Clock
from channelsync.testing.standins.base import AsgiApp, Change, Deliver, Faults, FaultyApp, Item, SoldOut, TrueOrder, run_when_due
from channelsync.testing.standins.refusing import refused_items
from channelsync.testing.standins.woocommerce import orders, stock
from channelsync.testing.standins.woocommerce.courier import Courier
from channelsync.testing.standins.woocommerce.load import Raw, load
from channelsync.testing.standins.woocommerce.refunds import add_refund, remaining
from channelsync.testing.standins.woocommerce.rest import Rest
from channelsync.testing.standins.woocommerce.state import Dials, Order, Product, State, put_meta


class WooCommerceStandIn:
    """A WooCommerce 10.0.2 shop (REST wc/v3 at /wp-json/wc/v3, webhooks) as a `StandIn`. Dials: the fields of `Dials`, by name."""

    def __init__(
        self,
        clock: Clock,
        random: random.Random,
        *,
        faults: Faults = Faults(),  # noqa: B008  frozen
        deliver: Deliver | None = None,
        name: str = "woocommerce",
        **dials: Any,
    ) -> None:
        self.name, self.clock, self.random, self.faults = name, clock, random, faults
        self.mishaps: Counter[str] = Counter()
        self.dials = Dials(**{"home": f"https://{name}.example", **dials})
        key, secret = f"ck_{random.getrandbits(160):040x}", f"cs_{random.getrandbits(160):040x}"
        self.webhook_secret = f"{random.getrandbits(128):032x}"
        self.state = State(clock, random, self.dials, key, secret)
        self.state.refusing = partial(refused_items, self)
        self.rest = Rest(self.state)
        self.courier = Courier(self, self.state, deliver)
        self.app: AsgiApp = FaultyApp(self, self.rest.handle, self.rest.throttled, hang_seconds=self.dials.hang_seconds)

    @property
    def changes(self) -> list[Change]:
        return self.state.changes

    @changes.setter
    def changes(self, value: list[Change]) -> None:
        self.state.changes = value

    @property
    def orders(self) -> dict[str, TrueOrder]:
        return self.state.truth

    @orders.setter
    def orders(self, value: dict[str, TrueOrder]) -> None:
        self.state.truth = value

    def stock(self, items: Iterable[Item]) -> None:
        for item in items:
            now = self.state.now()
            product = Product(self.state.next_id("post"), "simple", item.title or item.sku, item.sku, now, now, price="10")
            product.managed, product.stock = True, item.shows
            stock.follow_stock(product)
            stock.add_product(self.state, product)
            self.state.announce("product.created", product.id)

    def load(self, objects: Iterable[Raw]) -> None:
        """Seed products and orders from captured wc/v3 objects, ids kept."""
        load(self.state, objects)

    def settings(self, url: str) -> dict[str, Any]:
        """For a demo: short waits, since this shop answers at once and never late beyond its own dials."""
        lag = self.dials.visibility_lag
        return {
            "connector": "woocommerce",
            "url": url,
            "allow_http": url.startswith("http://"),
            "consumer_key": self.state.key,
            "consumer_secret": self.state.secret,
            "webhook_secrets": [self.webhook_secret],
            "hold_stock_minutes": self.dials.hold_stock_minutes,
            "visibility_lag_seconds": lag,
            "overlap_seconds": max(10.0, 2 * lag),
            "write_drains_seconds": max(1.0, 10 * self.dials.delta_race_seconds + 2 * self.dials.request_seconds),
        }

    def shows(self, sku: str) -> int:
        keeper = stock.keeper(self.state, self._product(sku))
        if keeper is None:
            raise KeyError(f"{self.name} does not count {sku!r}")
        return keeper.stock

    def withheld(self, sku: str) -> int:
        keeper = stock.keeper(self.state, self._product(sku))
        return stock.withheld(self.state, keeper) if keeper else 0

    def sellable(self, sku: str) -> int:
        return max(0, self.shows(sku) - self.withheld(sku))

    def buy(self, basket: Mapping[str, int], *, paid: bool = True, reservation_ref: str | None = None) -> str:
        """paid=False: a classic checkout that waits for its payment; it withholds its units and is cancelled when the hold ends."""
        self._check_sellable(basket)
        order = orders.new_order(self.state, "checkout")
        for sku, units in basket.items():
            orders.add_line(self.state, order, self._product(sku), units)
        if reservation_ref:
            put_meta(self.state, order.meta, "_reservation_ref", reservation_ref)
        if not paid:
            orders.hold(self.state, order)
        orders.place(self.state, order, "processing" if paid else "pending")
        return str(order.id)

    def _check_sellable(self, basket: Mapping[str, int]) -> None:
        wanted: dict[int, int] = {}
        for sku, units in basket.items():
            keeper = stock.keeper(self.state, self._product(sku))
            if keeper and keeper.backorders == "no":
                wanted[keeper.id] = wanted.get(keeper.id, 0) + units
        for number, units in wanted.items():
            product = self.state.products[number]
            if units > product.stock - stock.withheld(self.state, product):
                raise SoldOut(f"{product.sku}: {units} wanted, {product.stock} shown")

    def sells_on(self, sku: str) -> bool:
        product = self._product(sku)
        return (stock.keeper(self.state, product) or product).backorders != "no"

    def set_sells_on(self, sku: str, *, on: bool) -> None:
        product = self._product(sku)
        product.backorders = "yes" if on else "no"
        stock.follow_stock(product)
        stock.save_product(self.state, product)

    def pay(self, order: str) -> None:
        """An unpaid order becomes a sale; an order that is not waiting for its payment stays as it is."""
        found = self._order(order)
        if found.status in ("pending", "on-hold"):
            self._transition(found, "processing")

    def cancel(self, order: str, *, restock: bool = True) -> None:
        """restock=False: staff set the status to `refunded`, which keeps the units off sale."""
        found = self._order(order)
        keeps = not restock and found.stock_reduced
        self._transition(found, "refunded" if keeps else "cancelled")

    def ship(self, order: str) -> None:
        found = self._order(order)
        if found.status in ("processing", "on-hold"):
            self._transition(found, "completed")

    def _transition(self, order: Order, status: str) -> None:
        orders.set_status(self.state, order, status)
        orders.save_order(self.state, order)

    def refund(self, order: str, sku: str, units: int, *, restock: bool = True) -> None:
        found = self._order(order)
        line = next(line for line in found.lines if line.sku == sku and not line.removed)
        amount = min(remaining(found), line.price * units)
        add_refund(self.state, found, amount, {line.id: units}, restock=restock)
        if remaining(found) <= 0:
            orders.set_status(self.state, found, "refunded")
        orders.save_order(self.state, found)

    def amend(self, order: str, sku: str, units: int) -> None:
        found = self._order(order)
        line = next((line for line in found.lines if line.sku == sku and not line.removed and line.quantity > max(0, -units)), None)
        if line is None or found.status not in ("processing", "on-hold") or line.quantity - line.refunded + units < 1:
            raise ValueError(f"{order} has no line of {sku!r} that {units:+} units could change")
        if units > 0:
            self._check_sellable({sku: units})
        orders.change_quantity(self.state, found, line, line.quantity + units)
        orders.save_order(self.state, found)

    def send_to(self, order: str, country: str, region: str, postcode: str) -> None:
        found = self._order(order)
        whole = {"first_name": "Jane", "last_name": "Doe", "address_1": "Torstrasse 1", "city": "Town", "phone": "030 1"}
        found.extra["shipping"] = {**whole, "country": country, "state": region, "postcode": postcode}
        orders.save_order(self.state, found)

    def edit(self, sku: str, shows: int) -> None:
        keeper = stock.keeper(self.state, self._product(sku))
        if keeper is None:
            raise KeyError(f"{self.name} does not count {sku!r}")
        stock.set_stock(self.state, keeper, shows, "edit")
        stock.save_product(self.state, keeper)

    def rename(self, sku: str, text: str) -> None:
        product = self._product(sku)
        names = (sku, product.sku)
        stock.rename(self.state, product, text)
        self.state.skus |= {name.casefold(): product.id for name in names}
        stock.save_product(self.state, product)

    def untrack(self, sku: str) -> None:
        """Staff switch stock management off for one product."""
        product = self._product(sku)
        product.managed = False
        stock.save_product(self.state, product)

    def delete(self, order: str) -> None:
        """For good, past the trash: WooCommerce announces nothing."""
        orders.delete(self.state, self._order(order))

    def switch_off_hooks(self) -> None:
        for webhook in self.state.webhooks.values():
            webhook.status = "disabled"

    def next_due(self) -> float | None:
        holds = [order.hold_until for order in self.state.held.values()]
        due = self.courier.next_due()
        return min([*holds, *([] if due is None else [due])], default=None)

    async def work(self) -> None:
        orders.expire_holds(self.state)
        await self.courier.work()

    async def run(self) -> None:
        await run_when_due(self)

    def _product(self, sku: str) -> Product:
        product = stock.by_sku(self.state, sku)
        if product is None:
            raise KeyError(f"{self.name} sells no {sku!r}")
        return product

    def _order(self, ref: str) -> Order:
        return self.state.orders[int(ref)]
