"""A Moysklad account as a `House`: its people receive, lose, reserve, ship and give back by documents, and throw documents away."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from channelsync.testing.simulation.houses import Kept, Shipped
from channelsync.testing.standins.moysklad import MoyskladStandIn, books, documents
from channelsync.testing.standins.moysklad.state import Document

OURS = "cs:"
ORDER, SHIPMENT, RETURN = "customerorder", "demand", "salesreturn"


class MoyskladHouse:
    """Everything lies in the account's only store. source: which of several documents its people take for a thing."""

    def __init__(self, standin: MoyskladStandIn, source: random.Random) -> None:
        self.standin: MoyskladStandIn = standin
        self._random = source
        self._others: dict[str, list[str]] = defaultdict(list)  # SKU -> orders of other people that reserve one of it
        self._unshipped: set[str] = set()  # orders that a shipment was deleted for

    @property
    def place(self) -> str:
        return self.standin.state.main_store

    @property
    def skus(self) -> Sequence[str]:
        return [good.code for good in self.standin.state.goods.values()]

    def units(self, sku: str) -> int:
        return self.standin.shows(sku)

    def foreign(self, sku: str) -> int:
        """Whoever reserves in no store may take it from any: this one."""
        good = self.standin.good(sku).id
        reserved = sum(books.number(self.standin.state, "reserve", good, store) for store in (self.place, None))
        return int(reserved) - self.ours(sku)

    def ours(self, sku: str) -> int:
        return sum(line.held for line in self.lines() if line.sku == sku)

    def shipped(self) -> Shipped:
        keys = {document.id: _key(document) for document in self._all(ORDER) if _is_ours(document)}
        found: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        for shipment in self._all(SHIPMENT):
            if shipment.deleted is None and shipment.order in keys:
                for sku, units in self._units(shipment).items():
                    found[keys[shipment.order]][sku] += units
        return found

    def lines(self) -> list[Kept]:
        goods = self.standin.state.goods
        return [
            Kept(key, goods[position.good].code, int(position.reserve), int(position.shipped))
            for key, document in self._live().items()
            for position in document.positions
        ]

    def untouched(self) -> list[str]:
        return [key for key, document in self._live().items() if not books.demands_of(self.standin.state, document)]

    def troubles(self) -> Iterator[str]:
        if times := self.standin.switched_off:
            yield f"the account has switched us off {times} times"

    # -- what its people do

    def receive(self, sku: str, units: int) -> None:
        self.standin.move(self._random.choice(("supply", "enter")), {sku: units})

    def lose(self, sku: str) -> None:
        self.standin.move("loss", {sku: 1})

    def reserve(self, sku: str) -> None:
        self._others[sku].append(self.standin.foreign_reserve(sku, 1, store=self._random.choice(("", "", None))))

    def release(self, sku: str) -> None:
        self.standin.release(self._others[sku].pop())

    def demand(self, line: Kept, units: int) -> None:
        self.standin.demand(self._live()[line.key].id, {line.sku: units})

    def give_back(self, sku: str) -> None:
        """Against a shipment that has not come back yet, if there is one."""
        for shipment in self._all(SHIPMENT):
            back = sum(self._units(each).get(sku, 0) for each in books.returns_of(self.standin.state, shipment))
            if shipment.deleted is None and self._units(shipment).get(sku, 0) > back:
                self.standin.move(RETURN, {sku: 1}, demand=shipment.id)
                return
        self.standin.receive(sku, 1)

    def take_back(self, line: Kept) -> None:
        """The whole shipment. Deleted for good, it is only found where that moves the order's time of change."""
        state, order = self.standin.state, self._live()[line.key]
        found = [
            shipment
            for shipment in books.demands_of(state, order)
            if line.sku in self._units(shipment) and not books.returns_of(state, shipment)
        ]
        if not found:
            return
        shipment = self._random.choice(found)
        for_good = self.standin.dials.shipment_updates and self._random.random() < 0.5
        (documents.hard_delete if for_good else documents.trash)(state, shipment)
        back = {position.good: position.quantity for position in shipment.positions}
        for position in order.positions:
            position.reserve = min(position.quantity - position.shipped, position.reserve + back.get(position.good, 0.0))
        documents.save(state, order)
        self._unshipped.add(order.id)

    def delete(self, key: str) -> None:
        """Deleted for good, it is only found where the audit names what was deleted, and not what became of its shipments."""
        order = self._live()[key]
        for_good = self.standin.dials.audit_tells and order.id not in self._unshipped and self._random.random() < 0.5
        (documents.hard_delete if for_good else documents.trash)(self.standin.state, order)

    def recalculate(self, sku: str, seconds: float, *, silent: bool) -> None:
        """Here a row always comes."""
        self.standin.recalculate(sku, seconds)

    def lose_answer(self) -> None:
        self.standin.lose_answers(1)

    # -- its documents

    def _all(self, kind: str) -> list[Document]:
        return [document for document in self.standin.state.documents.values() if document.kind == kind]

    def _live(self) -> dict[str, Document]:
        """Ours by key: there is one store, and so one document for each."""
        return {_key(document): document for document in self._all(ORDER) if document.deleted is None and _is_ours(document)}

    def _units(self, document: Document) -> Mapping[str, int]:
        found: dict[str, int] = defaultdict(int)
        for position in document.positions:
            found[self.standin.state.goods[position.good].code] += int(position.quantity)
        return found


def _is_ours(document: Document) -> bool:
    return document.external.startswith(OURS)


def _key(document: Document) -> str:
    return document.external.removeprefix(OURS)
