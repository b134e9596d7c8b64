"""How people of the back room ask the daemon. What has truly come and gone is told by whoever did it, not by the ledger's own log."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from channelsync.ledger.keys import Keyed
from channelsync.ledger.refusals import Refusal
from channelsync.ledger.schema import AVAILABLE, locations, skus, stock_levels
from channelsync.testing.simulation.plan import MAIN
from channelsync.testing.simulation.recorder import Moved

if TYPE_CHECKING:
    from channelsync.testing.simulation.stage import Stage


class Desk:
    """Deeds are counted in the people's `acted`. places: where the ledger counts; what a warehouse system owns is moved there.

    counted, joined: SKUs of which somebody has counted a shelf, and those of which returns name their orders. No SKU is both: whether a piece that a
    shop has told of and that is still on its way lay on a shelf that was counted, nobody here can say.
    """

    def __init__(self, stage: Stage) -> None:
        self.stage, self.acted, self.skus = stage, stage.people.acted, stage.plan.skus
        self.places = [place for place in stage.plan.places if stage.plan.depot is None or place != MAIN]
        self.dice = random.Random(f"back room deeds {stage.plan.seed}")
        self.counted, self.joined = set[str](), set[str]()
        self._serial = 0

    def some(self) -> list[str]:
        """Some of the SKUs, each once."""
        return self.dice.sample(self.skus, self.dice.randint(1, len(self.skus)))

    def available(self) -> dict[tuple[str, str], int]:
        """(SKU, location) -> units that nobody holds, where there are any and the ledger counts."""
        query = select(skus.c.sku, locations.c.code, AVAILABLE).join_from(stock_levels, skus, skus.c.id == stock_levels.c.sku_id)
        query = query.join(locations, locations.c.id == stock_levels.c.location_id).where(AVAILABLE > 0, locations.c.code.in_(self.places))
        with self.stage.database.connect() as conn, conn.begin():
            rows = conn.execute(query.order_by(skus.c.sku, locations.c.code)).all()
        return {(row[0], row[1]): int(row[2]) for row in rows}

    def key(self) -> str:
        self._serial += 1
        return f"back-room-{self._serial}"

    async def ask(self, verb: Any, item: Keyed, moved: Sequence[Moved] = ()) -> Any:
        """moved: what has come and gone once it is done. Raises the verb's Refusal, after which nothing has."""
        meant = self.stage.recorder.meant
        meant[item.key or ""] = list(moved)
        try:
            return await self.stage.ask(verb, item)
        except Refusal:
            del meant[item.key or ""]
            raise
