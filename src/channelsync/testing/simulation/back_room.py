"""Who works in the back room: goods are ordered and arrive. What has truly come and gone is told by whoever did it, not by the ledger's own log.

Only where the ledger counts: what a warehouse system owns is moved there.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from channelsync.ledger.keys import Keyed
from channelsync.ledger.purchasing import drafting, ordering, receiving
from channelsync.ledger.refusals import Refusal
from channelsync.testing.simulation.plan import MAIN, BackRoomRates
from channelsync.testing.simulation.recorder import Moved

if TYPE_CHECKING:
    from channelsync.testing.simulation.stage import Stage

UNITS = (1, 1, 2, 3)
UNASKED = 0.2
GIVEN_UP = 0.15
"""How many receipts bring one piece more than was ordered, and how many are the last of an order that is then closed."""


class BackRoom:
    """Deeds are counted in the people's `acted`."""

    def __init__(self, stage: Stage, rates: BackRoomRates) -> None:
        self._stage, self._rates, self.acted = stage, rates, stage.people.acted
        self._skus = stage.plan.skus
        self._places = [place for place in stage.plan.places if stage.plan.depot is None or place != MAIN]
        self._dice = random.Random(f"back room deeds {stage.plan.seed}")
        self._serial = 0
        self._coming: dict[int, tuple[str, dict[str, int]]] = {}  # purchase order -> where to, and what of each SKU is still to come
        self._begun: set[int] = set()  # something has arrived of them

    def jobs(self) -> dict[Callable[[], Awaitable[None]], float]:
        """Every kind of action and how often a second it happens."""
        rates = self._rates
        return {self.order: rates.order, self.arrive: rates.arrive} if self._places else {}

    # -- purchase orders -----------------------------------------------------------------------------------------------------------------------

    async def order(self) -> None:
        place = self._dice.choice(self._places)
        wanted = {sku: self._dice.choice(UNITS) for sku in self._some()}
        lines = tuple(drafting.Wanted(sku, units) for sku, units in wanted.items())
        drafted = await self._ask(drafting.draft, drafting.Draft(place, lines, key=self._key()))
        await self._ask(ordering.order, ordering.Order(drafted.number, key=self._key()))
        self._coming[drafted.number] = place, wanted
        self.acted["ordered goods"] += 1

    async def arrive(self) -> None:
        """A part of what is to come, all of it, or a piece more. What is given up does not come."""
        if not self._coming:
            return
        number = self._dice.choice(list(self._coming))
        place, due = self._coming.pop(number)
        came = {sku: self._dice.randint(0, units) + (self._dice.random() < UNASKED) for sku, units in due.items()}
        lines = tuple(receiving.Arrived(sku, units) for sku, units in came.items() if units)
        if lines:
            receipt = receiving.Receive(number, lines, over=True, key=self._key())
            await self._ask(receiving.receive, receipt, [(line.sku, place, line.quantity) for line in lines])
            self._begun.add(number)
            self.acted["received ordered goods"] += 1
        left = {sku: max(0, units - came[sku]) for sku, units in due.items()}
        if not any(left.values()):
            return
        if self._dice.random() >= GIVEN_UP:
            self._coming[number] = place, left
            return
        if number in self._begun:
            await self._ask(ordering.close, ordering.Close(number, key=self._key()))
        else:
            await self._ask(ordering.cancel, ordering.Cancel(number, key=self._key()))
        self.acted["gave up on goods"] += 1

    # -- helpers -------------------------------------------------------------------------------------------------------------------------------

    def _some(self) -> list[str]:
        return self._dice.sample(self._skus, self._dice.randint(1, len(self._skus)))

    def _key(self) -> str:
        self._serial += 1
        return f"back-room-{self._serial}"

    async def _ask(self, verb: Any, item: Keyed, moved: Sequence[Moved] = ()) -> Any:
        """moved: what has come and gone once it is done. Raises the verb's Refusal, after which nothing has."""
        meant = self._stage.recorder.meant
        meant[item.key or ""] = list(moved)
        try:
            return await self._stage.ask(verb, item)
        except Refusal:
            del meant[item.key or ""]
            raise
