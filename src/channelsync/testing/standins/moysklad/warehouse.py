"""The moves of a warehouse: goods come, go, come back and are counted, each by its own document."""

from __future__ import annotations

from collections.abc import Mapping

from channelsync.testing.standins.moysklad import books, documents
from channelsync.testing.standins.moysklad.state import Document, Good, State


class Warehouse:
    """Mixed into the stand-in. `store` is a store's id; "" is the main one."""

    state: State

    def good(self, sku: str) -> Good:
        for good in self.state.goods.values():
            if good.code == sku:
                return good
        raise KeyError(f"no good has the code {sku!r}")

    def move(self, kind: str, basket: Mapping[str, float], *, store: str = "", order: str = "", demand: str = "") -> Document:
        document = documents.new(self.state, kind)
        document.store, document.order, document.demand = store or self.state.main_store, order, demand
        for sku, units in basket.items():
            documents.add(self.state, document, self.good(sku).id, units)
        documents.save(self.state, document)
        return document

    def receive(self, sku: str, units: float, *, store: str = "") -> str:
        return self.move("supply", {sku: units}, store=store).id

    def demand(self, document: str, lines: Mapping[str, float]) -> str:
        """A shipment linked to a customer order, one of ours too."""
        order = self.state.documents[document]
        return self.move("demand", lines, store=order.store, order=order.id).id

    def unlinked_demand(self, lines: Mapping[str, float], *, store: str = "") -> str:
        """A shipment that nobody linked: the order's reserve stays."""
        return self.move("demand", lines, store=store).id

    def salesreturn(self, order: str, lines: Mapping[str, float]) -> str:
        """Against the order's first shipment."""
        demand = books.demands_of(self.state, self.state.documents[order])[0]
        return self.move("salesreturn", lines, store=demand.store, demand=demand.id).id

    def foreign_reserve(self, sku: str, units: float, *, store: str | None = "") -> str:
        """Somebody else reserves, by an order of their own; store None: without naming one."""
        order = documents.new(self.state, "customerorder")
        order.store = "" if store is None else store or self.state.main_store
        documents.add(self.state, order, self.good(sku).id, units, units)
        documents.save(self.state, order)
        return order.id

    def release(self, order: str) -> None:
        found = self.state.documents[order]
        for position in found.positions:
            position.reserve = 0.0
        documents.save(self.state, found)

    def recalculate(self, sku: str, seconds: float) -> None:
        """For so long the short reports cannot tell the good's numbers."""
        books.recalculate(self.state, self.good(sku).id, seconds)

    def lose_answers(self, count: int) -> None:
        """The next writes are done, and nobody hears of it."""
        self.state.lost_answers += count

    def trash(self, document: str) -> None:
        documents.trash(self.state, self.state.documents[document])

    def hard_delete(self, document: str) -> None:
        documents.hard_delete(self.state, self.state.documents[document])

    def archive(self, sku: str) -> None:
        good = self.good(sku)
        good.archived, good.updated = True, self.state.now()
