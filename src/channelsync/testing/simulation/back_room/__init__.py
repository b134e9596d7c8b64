"""Who works in the back room: goods are ordered and arrive, go from place to place, are counted and come back, each by its documents."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from channelsync.testing.simulation.back_room.buying import Buying
from channelsync.testing.simulation.back_room.counting import Counting
from channelsync.testing.simulation.back_room.desk import Desk
from channelsync.testing.simulation.back_room.moving import Moving
from channelsync.testing.simulation.back_room.returning import Returning
from channelsync.testing.simulation.plan import BackRoomRates

if TYPE_CHECKING:
    from channelsync.testing.simulation.stage import Stage


class BackRoom:
    """Does nothing where the ledger counts nowhere."""

    def __init__(self, stage: Stage, rates: BackRoomRates) -> None:
        self._rates, self._desk = rates, Desk(stage)
        self._counts = not stage.plan.jumps and not stage.plan.routed
        self._buying, self._moving = Buying(self._desk), Moving(self._desk)
        self._counting, self._returning = Counting(self._desk), Returning(self._desk)

    def jobs(self) -> dict[Callable[[], Awaitable[None]], float]:
        """Every kind of action and how often a second it happens. Nobody counts by a clock that jumps, nor
        where this world does not say from which place an order is taken.
        """
        rates, buying, moving, returning = self._rates, self._buying, self._moving, self._returning
        if not self._desk.places:
            return {}
        found: dict[Callable[[], Awaitable[None]], float] = {
            buying.order: rates.order,
            buying.arrive: rates.arrive,
            returning.announce: rates.announce,
            returning.arrive: rates.come_back,
            returning.inspect: rates.inspect,
        }
        if len(self._desk.places) > 1:
            found |= {moving.ship: rates.ship, moving.land: rates.land}
        return found | {self._counting.count: rates.count} if self._counts else found

    def at_rest(self, conn: Connection) -> Iterator[str]:
        """What must hold of documents once everything is quiet; what must always hold of them is the audit's."""
        yield from self._returning.counted_once(conn)
