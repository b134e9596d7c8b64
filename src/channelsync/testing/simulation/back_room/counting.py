"""Shelves are counted while goods are sold from them, and now and then a piece too many or too few lies there: the sheet is applied seconds later.

Whoever counts knows what has left the shelf: a piece that was sent off or put aside and the ledger has not heard of is not counted for or against it,
and clocks differ by more than a second. So a shelf is counted when nothing was for a moment before and after, and the ledger knew all of it.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select, text

from channelsync.ledger.counts import applying, entering, opening
from channelsync.ledger.counts.applying import NotApplicable
from channelsync.ledger.schema import locations, skus, stock_levels
from channelsync.testing.simulation.back_room.desk import Desk

STILL_SECONDS = 2.5
"""More than any shop's clock is off, and the part of a second that it leaves out."""

UNTIL_APPLIED = (0.5, 8.0)
WRONG = (0, 0, 0, -1, 1)
"""How many pieces more than the ledger thinks are found."""

GIVEN_UP = 0.1
TRIES = 3
"""How often somebody comes back to a shelf that was not still."""

Gone = dict[tuple[str, str], tuple[int, int, int]]
"""(shop, order) -> units that were sent off, that it still takes of the stock, these among them, and that it still waits for. Of orders from which
something was sent off or struck.
"""


class Counting:
    def __init__(self, desk: Desk) -> None:
        self._desk, self._dice = desk, desk.dice
        self._clock, self._hub_clock = desk.stage.clock, desk.stage.hub_clock

    async def count(self) -> None:
        desk, place = self._desk, self._dice.choice(self._desk.places)
        wanted = [sku for sku in desk.some() if sku not in desk.joined]
        if not wanted:
            return
        desk.counted |= set(wanted)
        sheet = opening.Open(place, tuple(wanted), blind=self._dice.random() < 0.5, key=desk.key())
        opened = await desk.ask(opening.open_sheet, sheet)
        found: dict[str, int] = {}
        for sku in wanted:
            counted = None
            for _ in range(TRIES):
                counted = counted or await self._count(sku, place)
            if counted is not None:
                units, wrong, at = counted
                found[sku] = wrong
                lines = (entering.Counted(sku, units, at),)
                await desk.ask(entering.enter_counts, entering.Enter(opened.number, lines, key=desk.key()))
        await self._clock.sleep(self._dice.uniform(*UNTIL_APPLIED))
        if not found or self._dice.random() < GIVEN_UP:
            await desk.ask(applying.cancel_sheet, applying.Cancel(opened.number, key=desk.key()))
            desk.acted["gave up a count"] += 1
            return
        moved = [(sku, place, wrong) for sku, wrong in found.items() if wrong]
        try:
            await desk.ask(applying.apply_sheet, applying.Apply(opened.number, key=desk.key()), moved)
            desk.acted["applied a count"] += 1
        except NotApplicable:  # a piece that was not found has been sent off since
            await desk.ask(applying.cancel_sheet, applying.Cancel(opened.number, key=desk.key()))
            desk.acted["could not apply a count"] += 1

    async def _count(self, sku: str, place: str) -> tuple[int, int, datetime] | None:
        """(units, how many of these the ledger did not know of, when); None: too much happened on the shelf."""
        before = self._still(sku, place)
        await self._clock.sleep(STILL_SECONDS)
        then, at = self._still(sku, place), self._hub_clock.now()
        there = self._on_hand(sku, place)
        await self._clock.sleep(STILL_SECONDS)
        if before is None or not before == then == self._still(sku, place):
            return None
        wrong = self._dice.choice(WRONG)
        return (there + wrong, wrong, at) if there + wrong >= 0 else (there, 0, at)

    def _still(self, sku: str, place: str) -> Gone | None:
        """What the orders have taken from the shelf, as far as the ledger knows all of it; None: it does not."""
        stage = self._desk.stage
        stage.recorder.catch_up()
        unit, gone = stage.goods.unit(sku, place), dict[tuple[str, str], tuple[int, int, int]]()
        for name, shop in stage.shops.items():
            promised = stage.judge.truth.by_order(name, unit)
            for ref, order in shop.orders.items():
                parts = [(line, self._in_one(name, line.sku, line.location, unit)) for line in order.lines]
                if any(count and (line.shipped or line.cancelled) for line, count in parts):
                    sent, still_open = (
                        sum(units) for units in zip(*((line.shipped * count, line.open * count) for line, count in parts), strict=True)
                    )
                    gone[name, ref] = sent, promised.get(ref, 0), still_open
        with stage.database.connect() as conn, conn.begin():
            known = {(row[0], row[1]): tuple(int(units) for units in row[2:]) for row in conn.execute(_GONE, {"sku": sku, "place": place})}
        return gone if all(known.get(order, (0, 0, 0)) == units for order, units in gone.items()) else None

    def _in_one(self, shop: str, sku: str, location: str, unit: str) -> int:
        goods = self._desk.stage.goods
        return goods.recipe(shop, goods.item(shop, sku, location)).get(unit, 0)

    def _on_hand(self, sku: str, place: str) -> int:
        level = stock_levels.c
        query = select(level.on_hand).join(skus, skus.c.id == level.sku_id).join(locations, locations.c.id == level.location_id)
        with self._desk.stage.database.connect() as conn, conn.begin():
            return conn.scalar(query.where(skus.c.sku == sku, locations.c.code == place)) or 0


_GONE = text(
    "SELECT channels.name, orders.ref, SUM(shipped), SUM(soft + hard + shipped - restocked + quarantined), SUM(soft + hard) FROM order_lines "
    "JOIN orders ON orders.id = order_lines.order_id JOIN channels ON channels.id = orders.channel_id JOIN skus ON skus.id = order_lines.sku_id "
    "JOIN locations ON locations.id = order_lines.location_id WHERE skus.sku = :sku AND locations.code = :place "
    "GROUP BY channels.name, orders.ref"
)
