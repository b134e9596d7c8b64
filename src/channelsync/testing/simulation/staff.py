"""What staff do that no other person of a world does: have refused numbers tried again. They have dice of their own."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Awaitable, Callable

from sqlalchemy import Connection, Engine

from channelsync.ledger import aside_groups
from channelsync.ledger.aside_groups import Wanted
from channelsync.testing.simulation.people import Ask
from channelsync.testing.simulation.plan import Plan


class Staff:
    """`acted` counts what they did."""

    def __init__(self, plan: Plan, database: Engine, ask: Ask, acted: Counter[str]) -> None:
        self._plan, self._database, self._ask, self.acted = plan, database, ask, acted
        self._dice = random.Random(f"staff {plan.seed}")

    def jobs(self) -> dict[Callable[[], Awaitable[None]], float]:
        """Every kind of action and how often a second it happens."""
        return {self.retry: self._plan.rates.retry}

    async def retry(self) -> None:
        """Whoever looks at what was set aside has the refused numbers written again."""
        with self._database.connect() as conn, conn.begin():
            found = refused(conn)
        for each in found:
            await self._ask(aside_groups.retry, each)
            self.acted["had a refused write tried again"] += 1


def refused(conn: Connection) -> list[aside_groups.Aside]:
    """The numbers that were set aside because a shop refused them."""
    return aside_groups.matching(conn, Wanted(kind="shelf"))
