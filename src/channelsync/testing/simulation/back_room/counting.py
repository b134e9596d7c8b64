"""Shelves are counted while goods are sold from them, and now and then a piece too many or too few lies there: the sheet is applied seconds later.

Whoever counts knows what has left the house: a piece that a shop has sent off and the ledger has not heard of is not counted for or against it, and
clocks differ by more than a second. So a shelf is counted when nothing was packed for a moment before and after, and the ledger knew all of it.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, func, select

from channelsync.ledger.counts import applying, entering, opening
from channelsync.ledger.schema import locations, order_lines, skus, stock_levels
from channelsync.testing.simulation import recorder
from channelsync.testing.simulation.back_room.desk import Desk

STILL_SECONDS = 2.5
"""More than any shop's clock is off."""

UNTIL_APPLIED = (0.5, 8.0)
WRONG = (0, 0, 0, -1, 1)
"""How many pieces more than the ledger thinks are found."""

GIVEN_UP = 0.1
TRIES = 3
"""How often somebody comes back to a shelf that was not still."""


class Counting:
    def __init__(self, desk: Desk) -> None:
        self._desk, self._dice = desk, desk.dice
        self._clock, self._hub_clock = desk.stage.clock, desk.stage.hub_clock

    async def count(self) -> None:
        desk, place, wanted = self._desk, self._dice.choice(self._desk.places), self._desk.some()
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
        await desk.ask(applying.apply_sheet, applying.Apply(opened.number, key=desk.key()), moved)
        desk.acted["applied a count"] += 1

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

    def _still(self, sku: str, place: str) -> tuple[int, int] | None:
        """What the shops have promised and sent off of it, as far as the ledger knows all of it; None: it does not."""
        stage = self._desk.stage
        stage.recorder.catch_up()
        unit, truth = stage.goods.unit(sku, place), stage.judge.truth
        promised = sum(truth.promised(shop, unit) for shop in stage.shops)
        sent = sum(
            line.shipped * stage.goods.recipe(name, stage.goods.item(name, line.sku, line.location)).get(unit, 0)
            for name, shop in stage.shops.items()
            for order in shop.orders.values()
            for line in order.lines
        )
        with stage.database.connect() as conn, conn.begin():
            counted = sum(each.promised for each in recorder.counted(conn, 0.0, stage.goods) if each.unit == unit)
            known = _sent(conn, sku, place)
        return (promised, sent) if (promised, sent) == (counted, known) else None

    def _on_hand(self, sku: str, place: str) -> int:
        level = stock_levels.c
        query = select(level.on_hand).join(skus, skus.c.id == level.sku_id).join(locations, locations.c.id == level.location_id)
        with self._desk.stage.database.connect() as conn, conn.begin():
            return conn.scalar(query.where(skus.c.sku == sku, locations.c.code == place)) or 0


def _sent(conn: Connection, sku: str, place: str) -> int:
    line = order_lines.c
    query = select(func.coalesce(func.sum(line.shipped), 0)).join(skus, skus.c.id == line.sku_id)
    query = query.join(locations, locations.c.id == line.location_id)
    return int(conn.execute(query.where(skus.c.sku == sku, locations.c.code == place)).scalar_one())
