"""Who works in the warehouse that owns stock: goods come and go, reserves are made for others, our orders are shipped, and documents go wrong.

What that means for what is left is in `house_truth`, and how each kind of warehouse does it in its `House`.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Awaitable, Callable

from channelsync.testing.simulation.houses import House
from channelsync.testing.simulation.plan import DepotPlan, Plan

RECALCULATION_SECONDS = (2.0, 12.0)


class HousePeople:
    """`acted` counts what they did. returned: how many of a SKU have come back to the shops."""

    def __init__(self, plan: Plan, depot: DepotPlan, house: House, returned: Callable[[str], int], acted: Counter[str]) -> None:
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
        if self._house.units(sku) > 0:
            self._house.lose(sku)
            self.acted["house lost"] += 1

    async def reserve(self) -> None:
        """For customers of its own, or no longer."""
        sku = self._sku()
        if (foreign := self._house.foreign(sku)) and self._dice.random() < 0.5:
            self._house.release(sku)
        elif self._house.units(sku) - foreign - self._house.ours(sku) > 0:
            self._house.reserve(sku)
        else:
            return
        self.acted["house reserved"] += 1

    async def demand(self) -> None:
        """One of our orders leaves the house, whole or in part; sometimes long before its shop says so, sometimes long after."""
        open_lines = [line for line in self._house.lines() if line.held and self._house.units(line.sku) > 0]
        if not open_lines:
            return
        line = self._dice.choice(open_lines)
        self._house.demand(line, min(line.held if self._dice.random() < 0.7 else 1, self._house.units(line.sku)))
        self.acted["house shipped"] += 1

    async def give_back(self) -> None:
        """A sales return: what a shop has restocked is put on the shelf."""
        wanted = [sku for sku in self._plan.skus if self._returned(sku) > self._given_back[sku]]
        if wanted:
            sku = self._dice.choice(wanted)
            self._house.give_back(sku)
            self._given_back[sku] += 1
            self.acted["house took returns"] += 1

    async def take_back(self) -> None:
        """A shipment is deleted: it never happened."""
        if shipped := [line for line in self._house.lines() if line.shipped]:
            self._house.take_back(self._dice.choice(shipped))
            self.acted["house unshipped"] += 1

    async def delete(self) -> None:
        """The document of an order is trashed, as long as nothing was shipped for it."""
        if untouched := self._house.untouched():
            self._house.delete(self._dice.choice(untouched))
            self.acted["house deleted"] += 1

    async def recalculate(self) -> None:
        """Its numbers are worked out anew: for a while they are null, or their rows do not come."""
        self._house.recalculate(self._sku(), self._dice.uniform(*RECALCULATION_SECONDS), silent=self._dice.random() < 0.5)
        self.acted["house recalculated"] += 1

    async def lose_answer(self) -> None:
        self._house.lose_answer()
        self.acted["house lost an answer"] += 1

    def _sku(self) -> str:
        return self._dice.choice(self._plan.skus)
