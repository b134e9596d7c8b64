"""The memory warehouse: a stand-in for systems that own on hand. Physical stock, reserves of its own customers, and documents of our orders.

What it answers over HTTP is in `warehouse_api`. It never sends webhooks: its clients ask.
"""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from channelsync.clock import Clock
from channelsync.testing.standins.base import (
    AsgiApp,
    Change,
    Deliver,
    Faults,
    FaultyApp,
    Item,
    SoldOut,
    TrueLine,
    TrueOrder,
    run_when_due,
)
from channelsync.testing.standins.memory.warehouse_api import HANG_SECONDS, WarehouseApi


@dataclass(frozen=True, slots=True)
class WarehouseDials:
    """locations: its stores; a reading is told page by page. late_documents: how long a shipment stays out of `GET /claims`, though the units
    are gone at once. gap: seconds between looking at the reserve and at the units for one answer, the reserve first. tells_reserve False: it
    says nothing of reserves.
    """

    locations: tuple[str, ...] = ("store",)
    page_size: int = 50
    late_documents: float = 0.0
    gap: float = 0.0
    tells_reserve: bool = True


@dataclass(slots=True)
class DocumentLine:
    item: str
    location: str
    quantity: int
    held: int
    shipped: int = 0


@dataclass(slots=True)
class Document:
    """One of our orders as the warehouse has it. visible_at: from when on `GET /claims` shows its newest state."""

    ref: str
    key: str
    number: str
    changed_at: datetime
    visible_at: datetime
    lines: dict[str, DocumentLine] = field(default_factory=dict)
    gone: bool = False


@dataclass(slots=True)
class Place:
    """One number. foreign: reserved for its own customers. changed_at: for readings of what changed. silent_until: not told until then;
    null_until: told as being recalculated.
    """

    units: int
    changed_at: datetime
    foreign: int = 0
    silent_until: datetime | None = None
    null_until: datetime | None = None
    read_as: str = ""


class MemoryWarehouse:
    """A `StandIn`: buying is an order of the warehouse's own customers, shipping takes units out, `edit` counts.

    Beyond it: `demand` ships one of our orders, `delete_document`, `recalculate`, `hide`, `reserve`, `receive`, `lose_answers`.
    """

    def __init__(
        self,
        clock: Clock,
        random: random.Random,
        *,
        faults: Faults | None = None,
        deliver: Deliver | None = None,
        name: str = "warehouse",
        **dials: Any,
    ) -> None:
        self.clock, self.random, self.name = clock, random, name
        self.faults = faults or Faults()
        self.mishaps: Counter[str] = Counter()
        self.dials = WarehouseDials(**dials)
        self.identity, self.token = f"{name}.memory.example", f"token-of-{name}"
        self.changes: list[Change] = []
        self.orders: dict[str, TrueOrder] = {}
        self.items: dict[str, str] = {}  # ref -> SKU
        self.places: dict[tuple[str, str], Place] = {}  # (ref, location)
        self.documents: dict[str, Document] = {}  # by key
        self.exports_seen = 0
        self._lost = 0
        self._serial = itertools.count(1)
        api = WarehouseApi(self)
        self.app: AsgiApp = FaultyApp(self, api.handle, api.throttled, hang_seconds=HANG_SECONDS)

    def settings(self, url: str) -> dict[str, Any]:
        return {"connector": "memory", "role": "authority", "url": url, "token": self.token}

    def stock(self, items: Iterable[Item]) -> None:
        """All units lie at the first location."""
        for item in items:
            ref = f"good-{len(self.items) + 1}"
            self.items[ref] = item.sku
            for index, location in enumerate(self.dials.locations):
                self.places[ref, location] = Place(0 if index else item.shows, self.clock.now())

    def ref(self, sku: str) -> str:
        return next(ref for ref, named in self.items.items() if named == sku)

    def place(self, sku: str, location: str | None = None) -> Place:
        return self.places[self.ref(sku), location or self.dials.locations[0]]

    def ours(self, sku: str, location: str | None = None) -> int:
        """What is reserved for orders of ours."""
        ref, at = self.ref(sku), location or self.dials.locations[0]
        lines = (line for document in self.documents.values() for line in document.lines.values())
        return sum(line.held for line in lines if (line.item, line.location) == (ref, at))

    def shows(self, sku: str) -> int:
        """Physical units, over all locations."""
        return sum(place.units for (ref, _), place in self.places.items() if self.items[ref] == sku)

    def sellable(self, sku: str) -> int:
        """What its own people could still promise."""
        return self.shows(sku) - self.withheld(sku)

    def withheld(self, sku: str) -> int:
        foreign = sum(place.foreign for (ref, _), place in self.places.items() if self.items[ref] == sku)
        return foreign + sum(self.ours(sku, location) for location in self.dials.locations)

    # -- its own customers and people --------------------------------------------------------------------------------------------------------

    def buy(self, basket: Mapping[str, int], *, paid: bool = True, reservation_ref: str | None = None) -> str:
        """An order of the warehouse's own customers: reserved at the first location. Raises SoldOut."""
        if any(self.sellable(sku) < units for sku, units in basket.items()):
            raise SoldOut(basket)
        ref = f"own-{next(self._serial)}"
        lines = [TrueLine(sku, units) for sku, units in basket.items()]
        self.orders[ref] = TrueOrder(ref, self.clock.now(), self.clock.monotonic(), lines)
        for sku, units in basket.items():
            self.reserve(sku, units)
        return ref

    def pay(self, order: str) -> None:
        """It makes no difference here."""

    def cancel(self, order: str, *, restock: bool = True) -> None:
        for line in self.orders[order].lines:
            self.reserve(line.sku, -line.open)
            line.cancelled += line.open

    def ship(self, order: str) -> None:
        for line in self.orders[order].lines:
            units, line.shipped = line.open, line.shipped + line.open
            self.reserve(line.sku, -units)
            self._move(line.sku, -units, "sale", order=order)

    def refund(self, order: str, sku: str, units: int, *, restock: bool = True) -> None:
        """What was shipped comes back into stock."""
        line = next(line for line in self.orders[order].lines if line.sku == sku)
        line.returned += units
        if restock:
            self._move(sku, units, "restore", order=order)

    def edit(self, sku: str, shows: int) -> None:
        """People count: that many lie at the first location."""
        self._move(sku, shows - self.place(sku).units, "edit")

    def receive(self, sku: str, units: int, *, location: str | None = None) -> None:
        self._move(sku, units, "edit", location=location)

    def reserve(self, sku: str, units: int, *, location: str | None = None) -> None:
        """For its own customers; units < 0 lets go."""
        place = self.place(sku, location)
        place.foreign += units
        place.changed_at = self.clock.now()

    # -- our orders ----------------------------------------------------------------------------------------------------------------------------

    def put(self, key: str, number: str, lines: Iterable[Mapping[str, Any]]) -> Document:
        """Make the document of `key` hold exactly that; what was shipped stays shipped. Raises KeyError for a place it does not have."""
        self.exports_seen += 1
        now = self.clock.now()
        document = self.documents.get(key)
        if document is None or document.gone:
            document = self.documents[key] = Document(f"document-{next(self._serial)}", key, number, now, now)
        for row in lines:
            place = self.places[row["item"], row["location"]]
            new = DocumentLine(row["item"], row["location"], int(row["quantity"]), 0)
            line = document.lines.setdefault(row["ref"], new)
            line.quantity, line.held = int(row["quantity"]), int(row["held"])
            place.changed_at = now
        document.changed_at = now
        return document

    def demand(self, key: str, sku: str, units: int) -> None:
        """A shipment of our order: units leave, and the reserve that was kept for them ends."""
        document = self.documents[key]
        line = next(line for line in document.lines.values() if self.items[line.item] == sku)
        line.held -= min(units, line.held)
        line.shipped += units
        document.changed_at = self.clock.now()
        document.visible_at = self.clock.now() + timedelta(seconds=self.dials.late_documents)
        self._move(sku, -units, "sale", location=line.location, order=key)

    def take_back(self, key: str, sku: str, units: int) -> None:
        """A shipment of our order is deleted: its units are in the number again, and reserved as before."""
        document = self.documents[key]
        line = next(line for line in document.lines.values() if self.items[line.item] == sku)
        line.shipped -= units
        line.held += units
        document.changed_at = document.visible_at = self.clock.now()
        self._move(sku, units, "restore", location=line.location, order=key)

    def delete_document(self, key: str) -> None:
        document = self.documents[key]
        document.gone, document.changed_at = True, self.clock.now()
        for line in document.lines.values():
            line.held = 0

    # -- how it answers ------------------------------------------------------------------------------------------------------------------------

    def recalculate(self, sku: str, seconds: float, *, silent: bool = False) -> None:
        """For a while its number is told as null; silent: its row does not come at all."""
        until = self.clock.now() + timedelta(seconds=seconds)
        place = self.place(sku)
        place.silent_until, place.null_until = (until, None) if silent else (None, until)

    def hide(self, sku: str) -> None:
        """Its row never comes again: a permission was lost."""
        self.recalculate(sku, timedelta(days=3650).total_seconds(), silent=True)

    def lose_answers(self, count: int = 1) -> None:
        """The next exports are taken, and nobody hears of it."""
        self._lost += count

    def loses_answer(self) -> bool:
        if not self._lost:
            return False
        self._lost -= 1
        return True

    def next_due(self) -> float | None:
        return None

    async def work(self) -> None:
        """Nothing here is due by itself."""

    async def run(self) -> None:
        await run_when_due(self)

    def _move(self, sku: str, units: int, cause: str, *, location: str | None = None, order: str | None = None) -> None:
        at = location or self.dials.locations[0]
        place = self.place(sku, at)
        before, place.units = place.units, place.units + units
        place.changed_at = self.clock.now()
        self.changes.append(
            Change(self.clock.now(), self.clock.monotonic(), sku, before, place.units, cause, order, withheld=place.foreign, location=at)
        )
