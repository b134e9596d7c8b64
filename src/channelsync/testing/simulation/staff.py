"""What staff do that no other person of a world does: change orders, and have refused numbers tried again. They have dice of their own."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping

from sqlalchemy import Connection, Engine

from channelsync.ledger import aside_groups
from channelsync.ledger.aside_groups import Wanted
from channelsync.testing.simulation.people import Ask
from channelsync.testing.simulation.plan import Plan
from channelsync.testing.standins.base import Amends, SoldOut, StandIn

LAST = 40
"""Orders that somebody still calls about."""


class Staff:
    """`acted` counts what they did."""

    def __init__(self, plan: Plan, shops: Mapping[str, StandIn], database: Engine, ask: Ask, acted: Counter[str]) -> None:
        self._plan, self._shops, self._database, self._ask, self.acted = plan, shops, database, ask, acted
        self._dice = random.Random(f"staff {plan.seed}")

    def jobs(self) -> dict[Callable[[], Awaitable[None]], float]:
        """Every kind of action and how often a second it happens."""
        rates = self._plan.rates
        return {self.retry: rates.retry, self.amend: rates.amend}

    async def retry(self) -> None:
        """Whoever looks at what was set aside has the refused numbers written again."""
        with self._database.connect() as conn, conn.begin():
            found = refused(conn)
        for each in found:
            await self._ask(aside_groups.retry, each)
            self.acted["had a refused write tried again"] += 1

    async def amend(self) -> None:
        """A customer calls: one piece more, or one less."""
        shop = self._dice.choice(list(self._shops.values()))
        if not isinstance(shop, Amends):
            return
        found = [
            (order.ref, line) for order in list(shop.orders.values())[-LAST:] if not order.pending for line in order.lines if line.open
        ]
        if not found:
            return
        ref, line = self._dice.choice(found)
        units = -1 if line.open > 1 and self._dice.random() < 0.8 else 1
        try:
            shop.amend(ref, line.sku, units)
        except (SoldOut, ValueError):
            return
        self.acted["raised an order" if units > 0 else "lowered an order"] += 1


def refused(conn: Connection) -> list[aside_groups.Aside]:
    """The numbers that were set aside because a shop refused them."""
    return aside_groups.matching(conn, Wanted(kind="shelf"))
