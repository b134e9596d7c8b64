"""`MoyskladStandIn`: what the account's own people do, at the desk, at the till and in the warehouse. They go through the same books as the API."""

from __future__ import annotations

import random
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from channelsync.clock import Clock
from channelsync.testing.standins.base import AsgiApp, Change, Deliver, Faults, FaultyApp, Item, SoldOut, TrueOrder, run_when_due
from channelsync.testing.standins.moysklad import books, documents
from channelsync.testing.standins.moysklad.courier import Courier
from channelsync.testing.standins.moysklad.render import meta
from channelsync.testing.standins.moysklad.rest import Rest
from channelsync.testing.standins.moysklad.state import Dials, Document, Good, State, Store
from channelsync.testing.standins.moysklad.warehouse import Warehouse

CANCELLED, NEW = "Отменен", "Новый"
RESERVATION = "reservation_ref: "
RUSSIA = "9df7c2c3-7782-4c5c-a8ed-1102af611608"


class MoyskladStandIn(Warehouse):
    """A Moysklad account (JSON API 1.2 at /api/remap/1.2, webhooks) as a `StandIn`. Dials: the fields of `Dials`, by name.

    buy: a customer order that its own people write; ship: a shipment linked to it; edit: an enter or a loss. An order moves no stock by
    itself. `rest.limits.switched_off` counts how often the platform would have cut us off.
    """

    def __init__(
        self,
        clock: Clock,
        random: random.Random,
        *,
        faults: Faults = Faults(),  # noqa: B008  frozen
        deliver: Deliver | None = None,
        name: str = "moysklad",
        **dials: Any,
    ) -> None:
        self.name, self.clock, self.random, self.faults = name, clock, random, faults
        self.mishaps: Counter[str] = Counter()
        self.dials = Dials(**dials)
        secrets = [f"{random.getrandbits(160):040x}" for _ in range(3)]
        self.state = State(clock, random, self.dials, secrets[0], f"robot@{name}", secrets[1])
        self.webhook_token = secrets[2]
        self._found_account()
        self.rest = Rest(self.state)
        self.courier = Courier(self, self.state, deliver)
        self.app: AsgiApp = FaultyApp(self, self.rest.handle, self.rest.throttled, hang_seconds=self.dials.hang_seconds)

    def _found_account(self) -> None:
        state = self.state
        state.account, state.organization, state.agent = (state.new_id() for _ in range(3))
        state.states = {state.new_id(): (NEW, "Regular"), state.new_id(): (CANCELLED, "Unsuccessful")}
        self.add_store("Основной склад")

    @property
    def switched_off(self) -> int:
        return self.rest.limits.switched_off

    def support_restores(self) -> None:
        self.rest.limits.restore()

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

    def add_store(self, name: str, *, parent: str = "") -> str:
        store = Store(self.state.new_id(), name, parent)
        self.state.stores[store.id] = store
        return store.id

    def add_good(self, sku: str, kind: str = "product", *, title: str = "", **fields: Any) -> Good:
        state = self.state
        number = state.new_id()
        good = Good(number, kind, title or sku, sku, f"ext-{number[:8]}{number[-8:]}", state.now(), **fields)
        state.goods[number] = good
        state.announce(kind, "CREATE", number)
        return good

    def stock(self, items: Iterable[Item]) -> None:
        """New products, and one opening document for those that lie on the shelf; the others have been there once."""
        opening = documents.new(self.state, "supply")
        opening.store = self.state.main_store
        before = len(self.changes)
        for item in items:
            good = self.add_good(item.sku, title=item.title)
            good.moved = True
            if item.shows:
                documents.add(self.state, opening, good.id, item.shows)
        if opening.positions:
            documents.save(self.state, opening)
        del self.changes[before:]  # the numbers a shop begins with are no changes

    def settings(self, url: str) -> dict[str, Any]:
        """For a demo: short waits, since this account shows everything at once."""
        return {
            "connector": "moysklad",
            "api_url": f"{url}/api/remap/1.2",
            "allow_http": url.startswith("http://"),
            "token": self.state.token,
            "stores": list(self.state.stores),
            "organization": self.state.organization,
            "agent": self.state.agent,
            "credential": self.dials.credential,
            "webhook_secrets": [self.webhook_token],
            "visibility_lag_seconds": 0.0,
            "overlap_minutes": 1.0,
        }

    def shows(self, sku: str) -> int:
        return self.shows_at(sku, self.state.main_store)

    def places(self) -> tuple[str, ...]:
        return tuple(self.state.stores)

    def shows_at(self, sku: str, location: str) -> int:
        return int(books.number(self.state, "stock", self.good(sku).id, location))

    def withheld(self, sku: str) -> int:
        """Orders reserve by their own numbers; what lies there is still shown."""
        return 0

    def sellable(self, sku: str) -> int:
        good, store = self.good(sku).id, self.state.main_store
        return max(0, int(books.number(self.state, "stock", good, store) - books.number(self.state, "reserve", good, store)))

    def buy(self, basket: Mapping[str, int], *, paid: bool = True, reservation_ref: str | None = None) -> str:
        """A customer order with a reserve; Moysklad has no unpaid checkouts, so `paid` changes nothing."""
        for sku, units in basket.items():
            if units > self.sellable(sku):
                raise SoldOut(f"{sku}: {units} wanted, {self.sellable(sku)} free")
        order = documents.new(self.state, "customerorder")
        order.own, order.store, order.state = True, self.state.main_store, self._state_named(NEW)
        order.description = f"{RESERVATION}{reservation_ref}" if reservation_ref else ""
        for sku, units in basket.items():
            documents.add(self.state, order, self.good(sku).id, units, units)
        documents.save(self.state, order)
        return order.id

    def till_sale(self, basket: Mapping[str, int]) -> str:
        """Sold and gone in one step."""
        return f"retaildemand/{self.move('retaildemand', basket).id}"

    def pay(self, order: str) -> None:
        """Money moves nothing here."""

    def cancel(self, order: str, *, restock: bool = True) -> None:
        """Staff set the state and take the reserve off. What was shipped stays shipped; nothing had left the shelf, so nothing goes back."""
        found = self.document(order)
        found.state = self._state_named(CANCELLED)
        for position in found.positions:
            position.reserve = 0.0
        documents.save(self.state, found)

    def ship(self, order: str) -> None:
        found = self.document(order)
        rest = {position.good: position.quantity - position.shipped for position in found.positions if position.quantity > position.shipped}
        if rest:
            self.demand(order, {self.state.goods[good].code: int(units) for good, units in rest.items()})

    def refund(self, order: str, sku: str, units: int, *, restock: bool = True) -> None:
        """Shipped units come back by a sales return, if they go back on the shelf at all; what has not left is taken off the order."""
        found, good = self.document(order), self.good(sku).id
        position = next(position for position in found.positions if position.good == good)
        if position.shipped:
            if restock:
                self.salesreturn(order, {sku: units})
            return
        position.quantity -= units
        position.reserve = min(position.reserve, position.quantity)
        if not position.quantity:
            found.positions.remove(position)
        documents.save(self.state, found)

    def send_to(self, order: str, country: str, region: str, postcode: str) -> None:
        """Countries and regions are links here: Russia, whose regions are numbers of two digits, or a country that nobody knows by its id."""
        found = self.document(order)
        about = {"city": "Town", "street": "Torstrasse", "house": "1", "comment": "Jane Doe"}
        russian = {"region": meta("region", f"00000000-0000-0000-0000-0000000000{region}"), "country": meta("country", RUSSIA)}
        links = russian if country == "RU" else {"country": meta("country", str(uuid.UUID(int=sum(map(ord, country)), version=4)))}
        found.address = {"postalCode": postcode, **links, **about}
        documents.save(self.state, found)

    def edit(self, sku: str, shows: int) -> None:
        difference = shows - self.shows(sku)
        if difference:
            self.move("enter" if difference > 0 else "loss", {sku: abs(difference)})

    def delete(self, order: str) -> None:
        self.hard_delete(order)

    def switch_off_hooks(self) -> None:
        for hook in self.state.hooks.values():
            hook.enabled = False

    def next_due(self) -> float | None:
        return self.courier.next_due()

    async def work(self) -> None:
        await self.courier.work()

    async def run(self) -> None:
        await run_when_due(self)

    def _state_named(self, name: str) -> str:
        return next(ref for ref, (known, _) in self.state.states.items() if known == name)

    def document(self, ref: str) -> Document:
        return self.state.documents[ref.rsplit("/", 1)[-1]]
