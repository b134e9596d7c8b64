"""Goods go from one of the ledger's places to the other: what has left lies at neither, until it arrives, or never does."""

from __future__ import annotations

from channelsync.ledger.documents.lines import Line
from channelsync.ledger.refusals import InsufficientStock
from channelsync.ledger.transfers import drafting, receiving, shipping
from channelsync.testing.simulation.back_room.desk import Desk

UNITS = (1, 1, 2)
UNASKED = 0.1
LOST = 0.15
LOOKED = 0.8
"""How many arrivals bring one piece more than was shipped, and of how many the rest is never seen again; and how
often somebody looks what is there before it is shipped."""


class Moving:
    def __init__(self, desk: Desk) -> None:
        self._desk, self._dice = desk, desk.dice
        self._under_way: dict[int, tuple[str, dict[str, int]]] = {}  # transfer -> where to, and what of each SKU has not arrived

    async def ship(self) -> None:
        """What is sold, or not there, does not go; sometimes nobody looks before."""
        desk = self._desk
        origin, destination = self._dice.sample(desk.places, 2)
        units = {sku: self._dice.choice(UNITS) for sku in desk.some()}
        if (there := desk.available()) and self._dice.random() < LOOKED:
            sku, origin = self._dice.choice(list(there))
            destination = next(place for place in desk.places if place != origin)
            units = {sku: self._dice.randint(1, there[sku, origin])}
        lines = tuple(Line(sku, count) for sku, count in units.items())
        drafted = await desk.ask(drafting.draft, drafting.Draft(origin, destination, lines, key=desk.key()))
        left = [(sku, origin, -count) for sku, count in units.items()]
        try:
            await desk.ask(shipping.ship, shipping.Ship(drafted.number, key=desk.key()), left)
        except InsufficientStock:
            await desk.ask(shipping.cancel, shipping.Cancel(drafted.number, key=desk.key()))
            desk.acted["had nothing to transfer"] += 1
            return
        self._under_way[drafted.number] = destination, units
        desk.acted["shipped a transfer"] += 1

    async def land(self) -> None:
        if not self._under_way:
            return
        number = self._dice.choice(list(self._under_way))
        place, due = self._under_way.pop(number)
        came = {sku: self._dice.randint(0, units) + (self._dice.random() < UNASKED) for sku, units in due.items()}
        await self._receive(number, place, {sku: units for sku, units in came.items() if units})
        left = {sku: max(0, units - came[sku]) for sku, units in due.items()}
        if not any(left.values()):
            return
        if self._dice.random() < LOST:
            await self._desk.ask(receiving.close, receiving.Close(number, key=self._desk.key()))
            self._desk.acted["closed a transfer"] += 1
        else:
            self._under_way[number] = place, left

    async def _receive(self, number: int, place: str, came: dict[str, int]) -> None:
        if not came:
            return
        lines = tuple(Line(sku, units) for sku, units in came.items())
        receipt = receiving.Receive(number, lines, over=True, key=self._desk.key())
        await self._desk.ask(receiving.receive, receipt, [(sku, place, units) for sku, units in came.items()])
        self._desk.acted["received a transfer"] += 1
