"""Goods come back from customers, sometimes with word of it from their shop, too: before, after, or never. They are inspected, each piece for itself.

What a shop's word has put on the shelf and the return has in hand is one piece: the ledger takes it off again, and its log says so. That it does so for
just as many pieces as both have is seen once all is quiet.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from sqlalchemy import Connection, text

from channelsync.ledger.documents.lines import Line
from channelsync.ledger.net_effect import COUNTED
from channelsync.ledger.returns import expecting, inspecting, receiving
from channelsync.ledger.returns.inspecting import Decision, Outcome
from channelsync.testing.simulation.back_room.desk import Desk

NAMED = 0.7
"""How many returns say which order they belong to."""

AS_ANNOUNCED = 0.6
TOLD = 0.3
"""At each step of a return: how often its shop is told, too."""

LAST = 30
OUTCOMES = (Outcome.RESTOCK, Outcome.RESTOCK, Outcome.WRITE_OFF, Outcome.TO_SUPPLIER)

Sold = tuple[str, str, str, int]
"""Channel, order, SKU, and the units that were shipped."""


class Returning:
    def __init__(self, desk: Desk) -> None:
        self._desk, self._dice = desk, desk.dice
        self._coming: dict[int, tuple[str, dict[str, int]]] = {}  # return -> where to, and what of each SKU is announced
        self._waiting: dict[int, tuple[str, dict[str, int]]] = {}
        self._order: dict[int, tuple[str, str]] = {}  # return -> channel and order, if it names one
        self._announced = Counter[tuple[str, str, str]]()
        self._received = Counter[tuple[str, str, str]]()  # (channel, order, SKU) -> units

    async def announce(self) -> None:
        desk, place = self._desk, self._dice.choice(self._desk.places)
        shipped = [each for each in self._shipped() if each[2] not in desk.counted and each[3] > self._announced[each[:3]]]
        if shipped and self._dice.random() < NAMED:
            channel, order, sku, units = self._dice.choice(shipped[-LAST:])
            back = {sku: self._dice.randint(1, units - self._announced[channel, order, sku])}
            self._announced[channel, order, sku] += back[sku]
            desk.joined.add(sku)
            wanted = expecting.Expect(place, _lines(back), channel, order, key=desk.key())
        else:
            back = {sku: self._dice.choice((1, 1, 2)) for sku in desk.some()}
            wanted = expecting.Expect(place, _lines(back), key=desk.key())
        told = await desk.ask(expecting.expect, wanted)
        self._coming[told.number] = place, back
        if wanted.channel and wanted.order:
            self._order[told.number] = wanted.channel, wanted.order
        desk.acted["announced a return"] += 1
        self._perhaps_tell(told.number)

    async def arrive(self) -> None:
        """What was announced, or a part of it. It waits."""
        if not self._coming:
            return
        number = self._dice.choice(list(self._coming))
        place, due = self._coming.pop(number)
        came = due if self._dice.random() < AS_ANNOUNCED else {sku: self._dice.randint(0, units) for sku, units in due.items()}
        came = {sku: units for sku, units in came.items() if units}
        if not came:
            await self._desk.ask(expecting.cancel, expecting.Cancel(number, key=self._desk.key()))
            return
        await self._desk.ask(receiving.receive, receiving.Receive(number, _lines(came), key=self._desk.key()))
        if number in self._order:
            self._received.update({(*self._order[number], sku): units for sku, units in came.items()})
        self._waiting[number] = place, came
        self._desk.acted["received a return"] += 1
        self._perhaps_tell(number)

    async def inspect(self) -> None:
        """Each piece for itself, some now and some later."""
        if not self._waiting:
            return
        number = self._dice.choice(list(self._waiting))
        place, waits = self._waiting.pop(number)
        decided = Counter[tuple[str, Outcome]]()
        left = Counter[str]()
        for sku in (sku for sku, units in waits.items() for _ in range(units)):
            if self._dice.random() < 0.8:
                decided[sku, self._dice.choice(OUTCOMES)] += 1
            else:
                left[sku] += 1
        if decided:
            lines = tuple(Decision(sku, units, outcome) for (sku, outcome), units in decided.items())
            back = [(sku, place, units) for (sku, outcome), units in decided.items() if outcome is Outcome.RESTOCK]
            verdict = inspecting.Inspect(number, lines, reason="as it came back", key=self._desk.key())
            await self._desk.ask(inspecting.inspect, verdict, back)
            self._desk.acted["inspected a return"] += 1
            self._perhaps_tell(number)
        if left:
            self._waiting[number] = place, dict(left)

    def _perhaps_tell(self, number: int) -> None:
        """Staff take one piece of it back in its shop, too, which puts it on sale there by itself."""
        channel, ref = self._order.get(number, ("", ""))
        shop = self._desk.stage.shops.get(channel)
        if shop is None or ref not in shop.orders or self._dice.random() >= TOLD:
            return
        order = shop.orders[ref]
        gone = [line for line in order.lines if not line.open and line.shipped > line.returned]
        if gone and not order.pending:
            shop.refund(ref, self._dice.choice(gone).sku, 1, restock=True)
            self._desk.stage.passed()
            self._desk.acted["refunded a return in its shop"] += 1

    def _shipped(self) -> list[Sold]:
        with self._desk.stage.database.connect() as conn, conn.begin():
            return [(row[0], row[1], row[2], int(row[3])) for row in conn.execute(_SHIPPED)]

    def counted_once(self, conn: Connection) -> Iterator[str]:
        """At rest: as many pieces are taken off again as a return has received and a shop has told."""
        owned = self._desk.stage.goods.owned
        off = {(row[0], row[1], row[2]): int(row[3]) for row in conn.execute(_TAKEN_OFF)}
        for channel, order, sku, told, places in conn.execute(_TOLD):
            if owned & set(places.split(",")):
                continue  # there the authority says how many
            both = min(int(told), self._received[channel, order, sku])
            if (found := -off.get((channel, order, sku), 0)) != both:
                yield f"order {order} of {channel}, {sku}: {both} came back by both ways, {found} were taken off again"


def _lines(units: dict[str, int]) -> tuple[Line, ...]:
    return tuple(Line(sku, count) for sku, count in units.items())


_OF_ORDERS = "JOIN orders ON orders.id = order_lines.order_id JOIN channels ON channels.id = orders.channel_id JOIN skus ON skus.id = order_lines.sku_id"
_SHIPPED = text(
    f"SELECT channels.name, orders.ref, skus.sku, SUM(shipped) FROM order_lines {_OF_ORDERS} WHERE shipped > 0 "
    "GROUP BY channels.name, orders.ref, skus.sku, orders.id ORDER BY orders.id, skus.sku"
)
_TOLD = text(
    f"SELECT channels.name, orders.ref, skus.sku, SUM(restocked), GROUP_CONCAT(DISTINCT locations.code) FROM order_lines {_OF_ORDERS} "
    "JOIN locations ON locations.id = order_lines.location_id GROUP BY channels.name, orders.ref, skus.sku"
)
_TAKEN_OFF = text(
    "SELECT channels.name, movements.reference, skus.sku, SUM(on_hand + quarantined) FROM movements JOIN channels ON channels.id = movements.channel_id "
    f"JOIN skus ON skus.id = movements.sku_id WHERE type = 'defer' AND reason LIKE '{COUNTED}%' GROUP BY channels.name, movements.reference, skus.sku"
)
