"""`BigCommerceStandIn`: the wiring of the store, and what shoppers and staff do to it. They go through the same stock code as API clients."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from channelsync.clock import Clock
from channelsync.testing.standins.base import AsgiApp, Change, Deliver, Faults, FaultyApp, Item, SoldOut, TrueOrder, run_when_due
from channelsync.testing.standins.bigcommerce import orders, stock
from channelsync.testing.standins.bigcommerce.courier import Courier
from channelsync.testing.standins.bigcommerce.rest import Rest
from channelsync.testing.standins.bigcommerce.state import DEFAULT_LOCATION, Dials, Line, Location, Order, Product, Row, State, Variant
from channelsync.testing.standins.refusing import refused_items

UNPLACED = (0, 4, 5, 6)


class BigCommerceStandIn:
    """A BigCommerce store (v2 and v3 under /stores/<hash>, webhooks) as a `StandIn`. Dials: the fields of `Dials`, by name."""

    def __init__(
        self,
        clock: Clock,
        random: random.Random,
        *,
        faults: Faults = Faults(),  # noqa: B008  frozen
        deliver: Deliver | None = None,
        name: str = "bigcommerce",
        **dials: Any,
    ) -> None:
        self.name, self.clock, self.random, self.faults = name, clock, random, faults
        self.mishaps: Counter[str] = Counter()
        self.dials = Dials(**{"domain": f"{name}.example", **dials})
        token, client_id, client_secret = (f"{random.getrandbits(160):040x}" for _ in range(3))
        self.webhook_secret = f"{random.getrandbits(128):032x}"
        self.state = State(clock, random, self.dials, f"s{random.getrandbits(40):010x}", token, client_id, client_secret)
        self.state.refusing = partial(refused_items, self)
        self.rest = Rest(self.state)
        self.courier = Courier(self, self.state, deliver)
        self.app: AsgiApp = FaultyApp(self, self.rest.handle, self.rest.throttled, hang_seconds=self.dials.hang_seconds)

    @property
    def changes(self) -> list[Change]:
        stock.apply_due(self.state)
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

    def settings(self, url: str) -> dict[str, Any]:
        """For a demo: short waits, since this store is never later than its own dials."""
        lag = self.dials.visibility_lag
        return {
            "connector": "bigcommerce",
            "api_url": url,
            "allow_http": url.startswith("http://"),
            "store_hash": self.state.store_hash,
            "access_token": self.state.token,
            "client_secret": self.state.client_secret,
            "webhook_secrets": [self.webhook_secret],
            "visibility_lag_seconds": lag,
            "overlap_seconds": max(10.0, 2 * lag),
            "write_visible_seconds": max(1.0, 2 * self.dials.apply_seconds),
            "write_drains_seconds": max(2.0, 4 * self.dials.apply_seconds),
        }

    # -- the catalogue ---------------------------------------------------------------------------------------------------------------------

    def stock(self, items: Iterable[Item]) -> None:
        """Products without options, counted by product. Further locations are made as they are named."""
        for item in items:
            self.add_product(item.sku, title=item.title)
            key = stock.item_by_sku(self.state, item.sku)
            self.state.rows[key, DEFAULT_LOCATION] = Row(item.shows)
            for name, shows in item.at:
                self.state.rows[key, self.location(name).id] = Row(shows)

    def add_product(self, sku: str, *, tracking: str = "product", title: str = "", options: Iterable[str] = ()) -> Product:
        """options: SKUs of its variants. No item of it has a number yet."""
        state = self.state
        product = Product(state.next_id("product"), title or sku, sku, tracking, state.now(), options=bool(tuple(options)))
        for name in tuple(options) or (sku,):
            variant = Variant(state.next_id("variant"), product.id, name, state.next_id("sku") if product.options else None)
            variant.option = name if product.options else ""
            product.variants.append(variant)
            state.variants[variant.id] = variant
        state.products[product.id] = product
        state.announce("store/product/created", {"type": "product", "id": product.id})
        return product

    def location(self, name: str, *, enabled: bool = True) -> Location:
        found = next((place for place in self.state.locations.values() if place.code == name), None)
        if found is None:
            number = max(self.state.locations) + 1
            found = self.state.locations[number] = Location(number, name, name)
        found.enabled = enabled
        return found

    def row(self, sku: str, location: int = DEFAULT_LOCATION) -> Row:
        """The stock row of a SKU, made if it has none."""
        return self.state.rows.setdefault((stock.item_by_sku(self.state, sku), location), Row(0))

    # -- shoppers --------------------------------------------------------------------------------------------------------------------------

    def shows(self, sku: str) -> int:
        return self.shows_at(sku, str(DEFAULT_LOCATION))

    def places(self) -> tuple[str, ...]:
        return tuple(str(number) for number, place in self.state.locations.items() if place.enabled)

    def shows_at(self, sku: str, location: str) -> int:
        stock.apply_due(self.state)
        found = self.state.rows.get((stock.item_by_sku(self.state, sku), int(location)))
        return found.available if found else 0

    def withheld(self, sku: str) -> int:
        """Nothing: the store knows no cart or checkout holds."""
        return 0

    def sellable(self, sku: str) -> int:
        return max(0, self.shows(sku))

    def buy(
        self,
        basket: Mapping[str, int],
        *,
        paid: bool = True,
        reservation_ref: str | None = None,
        pickup: int | None = None,
        status: int | None = None,
    ) -> str:
        """status: the order's first one. paid=False: `unpaid_status`, an offline payment that is awaited."""
        stock.apply_due(self.state)
        lines = [(stock.by_sku(self.state, sku), units) for sku, units in basket.items()]
        for variant, units in lines:
            item = stock.item_of(self.state, variant)
            row = self.state.rows.get((item, pickup or DEFAULT_LOCATION)) if item else None
            if item and (row is None or row.available < units):
                raise SoldOut(f"{variant.sku}: {units} wanted")
        first = status if status is not None else 11 if paid else self.dials.unpaid_status
        return str(orders.new_order(self.state, lines, first, external=reservation_ref or "", pickup=pickup).id)

    # -- staff -----------------------------------------------------------------------------------------------------------------------------

    def set_status(self, order: str, status: int) -> None:
        stock.apply_due(self.state)
        orders.set_status(self.state, self._order(order), status)

    def pay(self, order: str) -> None:
        if self._order(order).status in (0, 1, 7, 12):
            self.set_status(order, 11)

    def cancel(self, order: str, *, restock: bool = True) -> None:
        """restock=False: everything is refunded instead, which never gives units back."""
        found = self._order(order)
        if restock:
            self.set_status(order, 5)
            return
        stock.apply_due(self.state)
        orders.refund(self.state, found, {line.id: line.quantity - line.refunded for line in found.lines})
        orders.save(self.state, found)

    def ship(self, order: str) -> None:
        if self._order(order).status not in UNPLACED:
            self.set_status(order, 2)

    def ship_some(self, order: str, sku: str, units: int) -> None:
        stock.apply_due(self.state)
        found = self._order(order)
        orders.ship_some(self.state, found, {self._line(found, sku).id: units})

    def refund(self, order: str, sku: str, units: int, *, restock: bool = True) -> None:
        """The store never restocks on a refund, whatever staff wanted."""
        stock.apply_due(self.state)
        found = self._order(order)
        orders.refund(self.state, found, {self._line(found, sku).id: units})

    def edit_order(self, order: str, sku: str, quantity: int) -> None:
        stock.apply_due(self.state)
        found = self._order(order)
        orders.edit_line(self.state, found, self._line(found, sku), quantity)

    def amend(self, order: str, sku: str, units: int) -> None:
        """By staff who have the store adjust its stock with the order."""
        found = self._order(order)
        line = next((line for line in found.lines if line.sku == sku and line.quantity - line.shipped > max(0, -units)), None)
        if line is None or found.status in orders.DEAD or line.refunded or not self.dials.edit_order_stock_adjustment:
            raise ValueError(f"{order} has no line of {sku!r} that {units:+} units could change")
        if units > 0 and self.sellable(sku) < units:
            raise SoldOut(sku)
        orders.edit_line(self.state, found, line, line.quantity + units)

    def edit(self, sku: str, shows: int, *, location: str | None = None) -> None:
        stock.apply_due(self.state)
        place = DEFAULT_LOCATION if location is None else int(location)
        safety = self.row(sku, place).safety
        stock.set_on_hand(self.state, stock.item_by_sku(self.state, sku), place, shows + safety, "edit")

    def send_to(self, order: str, country: str, region: str, postcode: str) -> None:
        """The state is a name here, where the store knows one; otherwise it is told as it is."""
        stock.apply_due(self.state)
        found = self._order(order)
        whole = {"first_name": "Jane", "last_name": "Doe", "street_1": "Torstrasse 1", "city": "Town", "email": "jane@shop.test"}
        found.address = {**whole, "state": region, "zip": postcode, "country": "Somewhere", "country_iso2": country}
        orders.save(self.state, found)

    def untrack(self, sku: str) -> None:
        product = self.state.products[stock.by_sku(self.state, sku).product_id]
        product.tracking, product.modified = "none", self.state.now()
        self.state.announce("store/product/updated", {"type": "product", "id": product.id})

    def archive(self, order: str) -> None:
        """What the control panel and the API call deleting: it stays readable, and no stock moves."""
        orders.archive(self.state, self._order(order))

    def delete(self, order: str) -> None:
        """Gone for good, silently, as no API client can do it; its units stay where they are."""
        for line in self.state.truth[order].lines:
            line.cancelled = line.quantity - line.shipped
        del self.state.orders[int(order)]

    def switch_off_hooks(self) -> None:
        for hook in self.state.hooks.values():
            hook.is_active = False

    # -- time ------------------------------------------------------------------------------------------------------------------------------

    def next_due(self) -> float | None:
        self.courier.post_events()
        dues = [self.courier.postman.next_due(), self.state.queue[0].due if self.state.queue else None]
        return min((due for due in dues if due is not None), default=None)

    async def work(self) -> None:
        stock.apply_due(self.state)
        self.courier.post_events()
        await self.courier.postman.send_due()
        self.courier.post_events()

    async def run(self) -> None:
        await run_when_due(self)

    def _order(self, ref: str) -> Order:
        return self.state.orders[int(ref)]

    def _line(self, order: Order, sku: str) -> Line:
        return next(line for line in order.lines if line.sku == sku)
