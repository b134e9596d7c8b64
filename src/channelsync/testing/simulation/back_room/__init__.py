"""Who works in the back room: goods are ordered and arrive, go from place to place, are counted and come back, each by its documents."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from channelsync.testing.simulation.back_room.buying import Buying
from channelsync.testing.simulation.back_room.desk import Desk
from channelsync.testing.simulation.back_room.moving import Moving
from channelsync.testing.simulation.plan import BackRoomRates

if TYPE_CHECKING:
    from channelsync.testing.simulation.stage import Stage


def jobs(stage: Stage, rates: BackRoomRates) -> dict[Callable[[], Awaitable[None]], float]:
    """Every kind of action and how often a second it happens."""
    desk = Desk(stage)
    if not desk.places:
        return {}
    buying, moving = Buying(desk), Moving(desk)
    found: dict[Callable[[], Awaitable[None]], float] = {buying.order: rates.order, buying.arrive: rates.arrive}
    if len(desk.places) > 1:
        found |= {moving.ship: rates.ship, moving.land: rates.land}
    return found
