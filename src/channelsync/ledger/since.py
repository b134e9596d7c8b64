"""What has happened to levels since an instant, by the log: for numbers that were right then and are told now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import BigInteger, Connection, Select, case, column, func, select, values

from channelsync.ledger.dialects import among
from channelsync.ledger.levels import LevelKey, MovementType
from channelsync.ledger.refusals import NotAllowed
from channelsync.ledger.schema import movements
from channelsync.ledger.stock_pages import first_since
from channelsync.ledger.types import Utc

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


_LOG: Final = movements.c
_ASKED: Final = column("sku_id", BigInteger), column("location_id", BigInteger), column("instant", Utc)


def since(conn: Connection, keys: Iterable[LevelKey], instant: datetime) -> Mapping[LevelKey, Since]:
    """By the log's index (sku, location, number), from where that instant is in it. Levels to which nothing happened are left out."""
    wanted, found = sorted(keys), dict[LevelKey, Since]()
    begin = first_since(conn, instant - TOLD_EARLY)
    for start in range(0, len(wanted), CHUNK):
        here = among(conn, (_LOG.sku_id, _LOG.location_id), wanted[start : start + CHUNK])
        found |= _found(conn, _sums().where(here, _LOG.id > begin, _LOG.occurred_at > instant))
    return found


def since_each(conn: Connection, instants: Mapping[LevelKey, datetime]) -> Mapping[LevelKey, Since]:
    """The same with an instant for each level."""
    wanted, found = sorted(instants.items()), dict[LevelKey, Since]()
    if len(set(instants.values())) <= 1:  # as most often; this statement is made anew each time
        return since(conn, instants, wanted[0][1]) if wanted else found
    begin = first_since(conn, min(instants.values()) - TOLD_EARLY)
    for start in range(0, len(wanted), CHUNK):
        asked = values(*_ASKED, name="asked").data([(*key, instant) for key, instant in wanted[start : start + CHUNK]]).cte("asked")
        here = (_LOG.sku_id == asked.c.sku_id) & (_LOG.location_id == asked.c.location_id)
        query = _sums().select_from(asked.join(movements, here)).where(_LOG.id > begin, _LOG.occurred_at > asked.c.instant)
        found |= _found(conn, query)
    return found


def _sums() -> Select[Any]:
    moved = func.coalesce(func.sum(case((_LOG.type.not_in(NOBODY_CAME), _LOG.on_hand), else_=0)), 0)
    said = func.max(case((_LOG.type.in_(SETTING), 1), else_=0))
    return select(_LOG.sku_id, _LOG.location_id, moved, said).group_by(_LOG.sku_id, _LOG.location_id)


def _found(conn: Connection, query: Select[Any]) -> dict[LevelKey, Since]:
    return {(sku_id, location_id): Since(int(units), bool(told)) for sku_id, location_id, units, told in conn.execute(query)}


def there_now(sku: str, location: str, counted: int, at: datetime | None, happened: Since) -> int | NotAllowed:
    """How many there are now if `counted` were there at `at`; or why that cannot be, or no longer counts."""
    if happened.set:
        return NotAllowed(f"SKU {sku!r} at {location!r} was counted after {at}, which counts; count it again if that was wrong")
    if counted + happened.moved < 0:
        return NotAllowed(
            f"SKU {sku!r} at {location!r}: {counted} were there at {at}, and {-happened.moved} more went than came since; count it again"
        )
    return counted + happened.moved
