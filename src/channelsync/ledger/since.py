"""What has happened to levels since an instant, by the log: for numbers that were right then and are told now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, case, func, select

from channelsync.ledger.dialects import among
from channelsync.ledger.levels import LevelKey, MovementType
from channelsync.ledger.schema import movements
from channelsync.ledger.stock_pages import first_since

CHUNK: Final = 400
TOLD_EARLY: Final = timedelta(days=1)
"""A movement is looked for among those recorded since this long before its time: clocks differ, but not by more."""

SETTING: Final = (MovementType.SEED, MovementType.COUNT, MovementType.IMPORT)
"""Somebody said how many there are. Whoever did so after an instant knows better than what is told of that instant."""
NOBODY_CAME: Final = (*SETTING, MovementType.SHORTAGE)
"""All others move units to or off the shelf. A `shortage` says that the ledger had not known of units, which the new number does."""


@dataclass(frozen=True, slots=True)
class Since:
    """moved: units that came (> 0) and went. set: somebody said how many there are."""

    moved: int = 0
    set: bool = False


NOTHING: Final = Since()


def since(conn: Connection, keys: Iterable[LevelKey], instant: datetime) -> Mapping[LevelKey, Since]:
    """By the log's index (sku, location, number), from where that instant is in it. Levels to which nothing happened are left out."""
    log, wanted, found = movements.c, sorted(keys), dict[LevelKey, Since]()
    begin = first_since(conn, instant - TOLD_EARLY)
    moved = func.coalesce(func.sum(case((log.type.not_in(NOBODY_CAME), log.on_hand), else_=0)), 0)
    said = func.max(case((log.type.in_(SETTING), 1), else_=0))
    for start in range(0, len(wanted), CHUNK):
        here = among(conn, (log.sku_id, log.location_id), wanted[start : start + CHUNK])
        query = select(log.sku_id, log.location_id, moved, said).where(here, log.id > begin, log.occurred_at > instant)
        for sku_id, location_id, units, told in conn.execute(query.group_by(log.sku_id, log.location_id)):
            found[sku_id, location_id] = Since(int(units), bool(told))
    return found
