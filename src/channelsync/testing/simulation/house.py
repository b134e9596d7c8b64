"""Who works in the warehouse that owns stock: goods come and go, reserves are made for others, our orders are shipped, and documents go wrong.

What that means for what is left is in `house_truth`.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Awaitable, Callable

from channelsync.testing.simulation.plan import DepotPlan, Plan
from channelsync.testing.standins.memory import MemoryWarehouse
from channelsync.testing.standins.memory.warehouse import Document, DocumentLine

RECALCULATION_SECONDS = (2.0, 12.0)


class HousePeople:
    """`acted` counts what they did. returned: how many of a SKU have come back to the shops."""

    def __init__(self, plan: Plan, depot: DepotPlan, house: MemoryWarehouse, returned: Callable[[str], int], acted: Counter[str]) -> None:
        self._plan, self._rates, self._house, self._returned, self.acted = plan, depot.rates, house, returned, acted
        self._given_back: Counter[str] = Counter()
        self._dice = random.Random(f"house {plan.seed}")

    def jobs(self) -> dict[Callable[[], Awaitable[None]], float]:
        """Every kind of action and how often a second it happens."""
        rates = self._rates
        return {
            self.receive: rates.receive,
            self.lose: rates.lose,
            self.reserve: rates.reserve,
            self.demand: rates.demand,
            self.give_back: rates.give_back,
            self.take_back: rates.take_back,
            self.delete: rates.delete,
            self.recalculate: rates.recalculate,
            self.lose_answer: rates.lose_answer,
        }

    async def receive(self) -> None:
        self._house.receive(self._sku(), self._dice.choice((1, 1, 2, 3)))
        self.acted["house received"] += 1

    async def lose(self) -> None:
        sku = self._sku()
        if self._house.shows(sku) > 0:
            self._house.receive(sku, -1)
            self.acted["house lost"] += 1

    async def reserve(self) -> None:
        """For customers of its own, or no longer."""
        sku = self._sku()
        place = self._house.place(sku)
        units = -1 if place.foreign and self._dice.random() < 0.5 else 1
        if units < 0 or self._house.sellable(sku) > 0:
            self._house.reserve(sku, units)
            self.acted["house reserved"] += 1

    async def demand(self) -> None:
        """One of our orders leaves the house, whole or in part; sometimes long before its shop says so, sometimes long after."""
        open_lines = [(document, line) for document, line in self._lines() if line.held and self._units(line) > 0]
        if not open_lines:
            return
        document, line = self._dice.choice(open_lines)
        units = min(line.held if self._dice.random() < 0.7 else 1, self._units(line))
        self._house.demand(document.key, self._house.items[line.item], units)
        self.acted["house shipped"] += 1

    async def give_back(self) -> None:
        """A sales return: what a shop has restocked is put on the shelf."""
        wanted = [sku for sku in self._plan.skus if self._returned(sku) > self._given_back[sku]]
        if wanted:
            sku = self._dice.choice(wanted)
            self._house.receive(sku, 1)
            self._given_back[sku] += 1
            self.acted["house took returns"] += 1

    async def take_back(self) -> None:
        """A shipment is deleted: it never happened."""
        if shipped := [(document, line) for document, line in self._lines() if line.shipped]:
            document, line = self._dice.choice(shipped)
            self._house.take_back(document.key, self._house.items[line.item], 1)
            self.acted["house unshipped"] += 1

    async def delete(self) -> None:
        """The document of an order is trashed, as long as nothing was shipped for it."""
        documents = [document for document in self._documents() if not any(line.shipped for line in document.lines.values())]
        if documents:
            self._house.delete_document(self._dice.choice(documents).key)
            self.acted["house deleted"] += 1

    async def recalculate(self) -> None:
        """Its numbers are worked out anew: for a while they are null, or their rows do not come."""
        self._house.recalculate(self._sku(), self._dice.uniform(*RECALCULATION_SECONDS), silent=self._dice.random() < 0.5)
        self.acted["house recalculated"] += 1

    async def lose_answer(self) -> None:
        self._house.lose_answers(1)
        self.acted["house lost an answer"] += 1

    def _sku(self) -> str:
        return self._dice.choice(self._plan.skus)

    def _units(self, line: DocumentLine) -> int:
        return self._house.places[line.item, line.location].units

    def _documents(self) -> list[Document]:
        return [document for document in self._house.documents.values() if not document.gone]

    def _lines(self) -> list[tuple[Document, DocumentLine]]:
        return [(document, line) for document in self._documents() for line in document.lines.values()]
