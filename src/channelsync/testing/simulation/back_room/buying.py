"""Goods are ordered from suppliers and arrive: in part, in full, a piece more, or not at all."""

from __future__ import annotations

from channelsync.ledger.purchasing import drafting, ordering, receiving
from channelsync.testing.simulation.back_room.desk import Desk

UNITS = (1, 1, 2, 3)
UNASKED = 0.2
GIVEN_UP = 0.15
"""How many receipts bring one piece more than was ordered, and how many are the last of an order that is then closed."""


class Buying:
    def __init__(self, desk: Desk) -> None:
        self._desk, self._dice = desk, desk.dice
        self._coming: dict[int, tuple[str, dict[str, int]]] = {}  # purchase order -> where to, and what of each SKU is still to come
        self._begun: set[int] = set()  # something has arrived of them

    async def order(self) -> None:
        desk, place = self._desk, self._dice.choice(self._desk.places)
        wanted = {sku: self._dice.choice(UNITS) for sku in desk.some()}
        lines = tuple(drafting.Wanted(sku, units) for sku, units in wanted.items())
        drafted = await desk.ask(drafting.draft, drafting.Draft(place, lines, key=desk.key()))
        await desk.ask(ordering.order, ordering.Order(drafted.number, key=desk.key()))
        self._coming[drafted.number] = place, wanted
        desk.acted["ordered goods"] += 1

    async def arrive(self) -> None:
        if not self._coming:
            return
        number = self._dice.choice(list(self._coming))
        place, due = self._coming.pop(number)
        came = {sku: self._dice.randint(0, units) + (self._dice.random() < UNASKED) for sku, units in due.items()}
        await self._receive(number, place, {sku: units for sku, units in came.items() if units})
        left = {sku: max(0, units - came[sku]) for sku, units in due.items()}
        if not any(left.values()):
            return
        if self._dice.random() < GIVEN_UP:
            await self._give_up(number)
        else:
            self._coming[number] = place, left

    async def _receive(self, number: int, place: str, came: dict[str, int]) -> None:
        if not came:
            return
        lines = tuple(receiving.Arrived(sku, units) for sku, units in came.items())
        receipt = receiving.Receive(number, lines, over=True, key=self._desk.key())
        await self._desk.ask(receiving.receive, receipt, [(sku, place, units) for sku, units in came.items()])
        self._begun.add(number)
        self._desk.acted["received ordered goods"] += 1

    async def _give_up(self, number: int) -> None:
        if number in self._begun:
            await self._desk.ask(ordering.close, ordering.Close(number, key=self._desk.key()))
        else:
            await self._desk.ask(ordering.cancel, ordering.Cancel(number, key=self._desk.key()))
        self._desk.acted["gave up on goods"] += 1
