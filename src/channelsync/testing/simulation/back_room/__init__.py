"""Who works in the back room: goods are ordered and arrive, go from place to place, are counted and come back, each by its documents."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from channelsync.testing.simulation.back_room.buying import Buying
from channelsync.testing.simulation.back_room.counting import Counting
from channelsync.testing.simulation.back_room.desk import Desk
from channelsync.testing.simulation.back_room.moving import Moving
from channelsync.testing.simulation.plan import BackRoomRates

if TYPE_CHECKING:
    from channelsync.testing.simulation.stage import Stage


class BackRoom:
    """Does nothing where the ledger counts nowhere."""

    def __init__(self, stage: Stage, rates: BackRoomRates) -> None:
        self._rates, self._desk = rates, Desk(stage)
        self._clocks_jump = bool(stage.plan.jumps)
        self._buying, self._moving = Buying(self._desk), Moving(self._desk)
        self._counting = Counting(self._desk)

    def jobs(self) -> dict[Callable[[], Awaitable[None]], float]:
        """Every kind of action and how often a second it happens. Nobody counts by a clock that jumps."""
        rates, buying, moving = self._rates, self._buying, self._moving
        if not self._desk.places:
            return {}
        found: dict[Callable[[], Awaitable[None]], float] = {
            buying.order: rates.order,
            buying.arrive: rates.arrive,
        }
        if len(self._desk.places) > 1:
            found |= {moving.ship: rates.ship, moving.land: rates.land}
        return found if self._clocks_jump else found | {self._counting.count: rates.count}
