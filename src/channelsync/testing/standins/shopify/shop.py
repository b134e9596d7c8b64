"""The stand-in itself: a Shopify shop with its stocked locations, what people do to it, and the truth it remembers.

Its API lives in `admin`, its order book in `desk`, its webhooks in `hooks`; this class ties them to one clock and one random source.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from channelsync.clock import Clock
from channelsync.testing.standins.base import AsgiApp, Change, Deliver, Faults, FaultyApp, Item, TrueOrder, run_when_due
from channelsync.testing.standins.refusing import refused_items
from channelsync.testing.standins.shopify import payloads
from channelsync.testing.standins.shopify.access import Bucket, Tokens
from channelsync.testing.standins.shopify.admin import Admin
from channelsync.testing.standins.shopify.bulk import BulkOperations
from channelsync.testing.standins.shopify.hooks import Hooks
from channelsync.testing.standins.shopify.idempotency import Memory
from channelsync.testing.standins.shopify.inventory import SetQuantities
from channelsync.testing.standins.shopify.records import Ids, InventoryItem, InventoryLevel, Location, Order, Product, ProductVariant
from channelsync.testing.standins.shopify.search import OrderIndex
from channelsync.testing.standins.shopify.staff import StaffDesk

SCOPES = (
    *(
        "read_products",
        "write_products",
        "read_inventory",
        "write_inventory",
        "read_locations",
        "read_orders",
        "read_all_orders",
        "read_returns",
    ),
    *("read_assigned_fulfillment_orders", "read_merchant_managed_fulfillment_orders", "read_third_party_fulfillment_orders"),
)
RECENT = timedelta(days=60)
VERSIONS = ("2026-01", "2026-04", "2026-07", "2026-10")


class ShopifyStandIn:
    """A Shopify shop in memory. Dials, each for a fact of the platform:

    bucket_size, restore_rate: the cost bucket in points and points per second. visibility_lag: seconds until `orders(...)` has certainly
    seen a change. webhook_delay: seconds a webhook may take. write_seconds: how long a set may be in flight (a repeat meanwhile is
    IDEMPOTENCY_CONCURRENT_REQUEST). partial_sets: good items of a call with a bad one are written. untracked_refused: an item
    that is not tracked refuses writes (what Shopify does then is not documented). login: "token" (lasting) or
    "client_credentials" (tokens live token_seconds). versions: supported API versions, oldest first; any other falls forward to the oldest.
    scopes: what the app was granted. locations: names of those that stock everything; all units lie at the first unless the item says
    otherwise. more_locations: further active locations, which stock nothing.
    orders_protected: the app has the scope, and was not approved for protected customer data.
    bulk_seconds: how long a bulk operation runs. bulk_at_once: how many may run (1 before API version 2026-01).
    """

    def __init__(
        self,
        clock: Clock,
        random: random.Random,
        *,
        faults: Faults | None = None,
        deliver: Deliver | None = None,
        name: str = "shopify",
        bucket_size: float = 2000,
        restore_rate: float = 100,
        visibility_lag: float = 1.0,
        webhook_delay: float = 0.05,
        write_seconds: float = 0.0,
        partial_sets: bool = False,
        untracked_refused: bool = True,
        login: str = "token",
        token_seconds: float = 86_400,
        versions: Sequence[str] = VERSIONS,
        scopes: Sequence[str] = SCOPES,
        locations: Sequence[str] = ("Warehouse",),
        more_locations: Sequence[str] = (),
        orders_protected: bool = False,
        bulk_seconds: float = 0.0,
        bulk_at_once: int = 5,
        hang_seconds: float = 30.0,
    ) -> None:
        self.name, self.clock, self.random, self.faults = name, clock, random, faults or Faults()
        self.mishaps: Counter[str] = Counter()
        self.domain, self.login, self.versions, self.write_seconds = f"{name}.myshopify.com", login, tuple(versions), write_seconds
        self.orders_protected = orders_protected
        self.changes: list[Change] = []
        self.orders: dict[str, TrueOrder] = {}
        self.variants: dict[str, ProductVariant] = {}  # by SKU
        self.variants_by_ref: dict[str, ProductVariant] = {}
        self.items: dict[str, InventoryItem] = {}  # by GID
        self.ids = Ids()
        self.number = self.ids.next("Shop")
        self.stocked = [Location(self.ids.next("Location"), title) for title in locations]
        self.location = self.stocked[0]
        others = [Location(self.ids.next("Location"), title) for title in more_locations]
        self.locations = {place.id: place for place in (*self.stocked, *others)}
        self.tokens = Tokens(clock, random, seconds=token_seconds, scopes=frozenset(scopes))
        self.bucket = Bucket(clock, size=bucket_size, rate=restore_rate)
        self.index = OrderIndex(clock, random, visibility_lag)
        version = {"handle": "2026-07", "displayName": "2026-07", "supported": True}
        self.hooks = Hooks(
            self, self.ids, deliver=deliver, delay=webhook_delay, domain=self.domain, secret=self.tokens.client_secret, api_version=version
        )
        self.desk = StaffDesk(self, self.ids, self.hooks, self.index)
        self.set_quantities = SetQuantities(
            self.items,
            self.locations,
            Memory(clock),
            self._written,
            self._group,
            partial=partial_sets,
            untracked_refused=untracked_refused,
        )
        self.set_quantities.refusing = partial(refused_items, self)
        self.bulk = BulkOperations(self, seconds=bulk_seconds, at_once=bulk_at_once)
        self.admin = Admin(self)
        self.app: AsgiApp = FaultyApp(self, self.admin.handle, self.admin.throttled, hang_seconds=hang_seconds)

    # What a connector is told

    def settings(self, url: str) -> dict[str, Any]:
        """With one stocked location that one is named; with several none is, and the channel's own table decides."""
        table: dict[str, Any] = {"connector": "shopify", "shop": self.domain, "url": url}
        if len(self.stocked) == 1:
            table["shop_location"] = self.location.id
        if self.login == "client_credentials":
            return {**table, "client_id": self.tokens.client_id, "client_secret": self.tokens.client_secret}
        return {**table, "access_token": self.tokens.lasting, "webhook_secrets": [self.tokens.client_secret]}

    # What staff and shoppers do

    def stock(self, items: Iterable[Item]) -> None:
        for item in items:
            self._add(item)

    def _add(self, item: Item) -> None:
        now = self.seconds()
        inventory = InventoryItem(self.ids.next("InventoryItem"), item.sku, now, now)
        numbers = {self.location.name: item.shows, **dict(item.at)}
        for place in self.stocked:
            level = InventoryLevel(place.number, inventory, place, now, now, available=numbers.get(place.name, 0))
            inventory.levels[place.id] = level
        product = Product(self.ids.next("Product"), item.title or item.sku)
        variant = ProductVariant(self.ids.next("ProductVariant"), product, inventory, now, now)
        self.variants[item.sku] = self.variants_by_ref[variant.id] = variant
        self.items[inventory.id] = inventory
        event = self.hooks.event()
        self.hooks.fire("PRODUCTS_CREATE", lambda: payloads.product(variant), event)
        self.hooks.fire("INVENTORY_ITEMS_CREATE", lambda: payloads.item(inventory), event)

    def variant(self, sku: str) -> ProductVariant:
        """The record behind a SKU; tests set its flags directly (tracked, inventory_policy, requires_components)."""
        return self.variants[sku]

    def level(self, sku: str, location: Location | None = None) -> InventoryLevel:
        return self.variants[sku].inventory_item.levels[(location or self.location).id]

    def place_of(self, location: Location) -> str:
        """How changes and true lines name a location: not at all where there is only one."""
        return location.id if len(self.stocked) > 1 else ""

    def places(self) -> tuple[str, ...]:
        return tuple(place.id for place in self.stocked)

    def shows_at(self, sku: str, location: str) -> int:
        return self.level(sku, self.locations[location]).available

    def record(self, order: str) -> Order:
        """The order as the API shows it."""
        return self.desk.by_ref[order]

    def shows(self, sku: str) -> int:
        """Over all stocked locations."""
        return sum(self.level(sku, place).available for place in self.stocked)

    def sellable(self, sku: str) -> int:
        levels = [self.level(sku, place) for place in self.stocked]
        return sum(level.available for level in levels if level.is_active)

    def withheld(self, sku: str) -> int:
        """Shopify holds nothing back by itself: an order lowers `available` at once."""
        return 0

    def buy(self, basket: Mapping[str, int], *, paid: bool = True, reservation_ref: str | None = None) -> str:
        attributes = {"reservation_ref": reservation_ref} if reservation_ref else {}
        return self.desk.place(basket, paid=paid, attributes=attributes)

    def pay(self, order: str) -> None:
        self.desk.pay(order)

    def cancel(self, order: str, *, restock: bool = True) -> None:
        self.desk.cancel(order, restock=restock)

    def ship(self, order: str, *, location: str | None = None, units: Mapping[str, int] | None = None) -> None:
        self.desk.ship(order, self._named(location), units)

    def move(self, order: str, location: str) -> None:
        """Staff have another location ship what is open of an order."""
        self.desk.move(order, self.locations[location])

    def refund(self, order: str, sku: str, units: int, *, restock: bool = True, location: str | None = None) -> None:
        self.desk.refund(order, sku, units, restock=restock, location=self._named(location))

    def deactivate(self, location: str) -> None:
        """Staff close a location: what it was to ship is moved to the first other one, its levels are kept and sell nothing."""
        place = self.locations[location]
        other = next(each for each in self.stocked if each is not place)
        for ref in list(self.desk.by_ref):
            self.desk.move(ref, other, place)
        place.is_active = False
        for item in self.items.values():
            if level := item.levels.get(location):
                level.is_active = False

    def is_shown(self, order: Order) -> bool:
        """To the app: without `read_all_orders` only what was placed in the last 60 days."""
        return "read_all_orders" in self.tokens.scopes or order.created_at > self.clock.now() - RECENT

    def _named(self, location: str | None) -> Location | None:
        return None if location is None else self.locations[location]

    def edit_order(self, order: str, sku: str, delta: int, *, restock: bool = True) -> None:
        self.desk.edit(order, sku, delta, restock=restock)

    def amend(self, order: str, sku: str, units: int) -> None:
        """The last unit is not taken out: that is a cancel."""
        line = next((each for each in self.desk.by_ref[order].lines if each.sku == sku), None)
        if line is None or not line.unfulfilled_quantity + min(0, units):
            raise ValueError(f"{order} has no line of {sku!r} that {units:+} units could change")
        self.desk.edit(order, sku, units, restock=True)

    def delete(self, order: str) -> None:
        self.desk.delete(order)

    def send_to(self, order: str, country: str, region: str, postcode: str) -> None:
        whole = {"id": "gid://shopify/MailingAddress/1?model_name=Address", "name": "Jane Doe", "address1": "Torstrasse 1", "city": "Town"}
        point = {"latitude": 52.530812, "longitude": 13.384567}
        self.desk.send_to(order, {**whole, **point, "countryCodeV2": country, "provinceCode": region, "zip": postcode})

    def rename(self, sku: str, text: str) -> None:
        item = self.variant(sku).inventory_item
        item.sku, item.updated_at = text, self.seconds()
        self.hooks.fire("INVENTORY_ITEMS_UPDATE", lambda: payloads.item(item), self.hooks.event())

    def untrack(self, sku: str) -> None:
        """Staff switch off "track quantity" for an item."""
        item = self.variant(sku).inventory_item
        item.tracked, item.updated_at = False, self.seconds()
        self.hooks.fire("INVENTORY_ITEMS_UPDATE", lambda: payloads.item(item), self.hooks.event())

    def set_policy(self, variant: ProductVariant, policy: str) -> None:
        """Somebody turns "Continue selling when out of stock": CONTINUE or DENY. Every save is told, also one that changes nothing."""
        variant.inventory_policy, variant.updated_at = policy, self.seconds()
        self.hooks.fire("PRODUCTS_UPDATE", lambda: payloads.product(variant), self.hooks.event())

    def sells_on(self, sku: str) -> bool:
        return self.variant(sku).inventory_policy == "CONTINUE"

    def set_sells_on(self, sku: str, *, on: bool) -> None:
        self.set_policy(self.variant(sku), "CONTINUE" if on else "DENY")

    def retire(self, version: str) -> None:
        """It and all that are older are served no more: who asks for one of them is answered by the oldest that is left."""
        self.versions = tuple(each for each in self.versions if each > version)

    def switch_off_hooks(self) -> None:
        """Shopify has no inactive subscription: one that failed too often is gone."""
        self.hooks.subscriptions.clear()

    def edit(self, sku: str, shows: int, *, location: str | None = None) -> None:
        self.change(self.level(sku, self._named(location)), shows, "edit")

    # What happens to the numbers

    def seconds(self) -> datetime:
        """The shop's clock as its API tells it: whole seconds."""
        return self.clock.now().replace(microsecond=0)

    def true_order(self, ref: str) -> TrueOrder:
        """A new entry in the book of truth."""
        self.orders[ref] = TrueOrder(ref, self.clock.now(), self.clock.monotonic())
        return self.orders[ref]

    def change(
        self,
        level: InventoryLevel,
        available: int,
        cause: str,
        *,
        order: str | None = None,
        write: str | None = None,
        event: UUID | None = None,
    ) -> None:
        """The one place where `available` changes at a stocked location and elsewhere."""
        before, level.available, level.updated_at = level.available, available, self.seconds()
        if before == available:
            return
        if level.location in self.stocked:
            now, moment, at = self.clock.now(), self.clock.monotonic(), self.place_of(level.location)
            change = Change(now, moment, level.item.sku or "", before, available, cause, order=order, write=write, location=at)
            self.changes.append(change)
        self.hooks.fire("INVENTORY_LEVELS_UPDATE", lambda: payloads.level(level), event or self.hooks.event())

    def _written(self, level: InventoryLevel, available: int, key: str) -> None:
        self.change(level, available, "write", write=key)

    def _group(self) -> dict[str, Any]:
        return {"id": f"gid://shopify/InventoryAdjustmentGroup/{self.ids.next('InventoryAdjustmentGroup')}", "createdAt": self.seconds()}

    # Time

    def next_due(self) -> float | None:
        return self.hooks.postman.next_due()

    async def work(self) -> None:
        await self.hooks.postman.send_due()

    async def run(self) -> None:
        await run_when_due(self)
