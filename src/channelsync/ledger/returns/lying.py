"""What of an order lies at a location because its shop told it as restocked, by the order's lines and its own movements. Reads only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Connection, func, or_, select

from channelsync.ledger.levels import Entry, LevelKey, MovementType
from channelsync.ledger.net_effect import COUNTED, NOT_BACK
from channelsync.ledger.schema import movements, order_lines

_NEVER: Final = datetime.min.replace(tzinfo=UTC)
_ABOUT: Final = (MovementType.RETURN, MovementType.DEFER)


@dataclass(slots=True)
class Lies:
    """Units of one SKU at a location: on hand, and in quarantine. < 0: the shop took back more than had been put there."""

    on_hand: int = 0
    aside: int = 0


@dataclass(frozen=True, slots=True)
class _Move:
    """One movement of what the shop told. id None: it is not in the log yet."""

    id: int | None
    key: LevelKey
    type: MovementType
    on_hand: int
    aside: int
    occurred_at: datetime


class Lying:
    """Of some SKUs of one order. template: a movement of the order; unwritten: movements that are not in the log yet, its own among them."""

    def __init__(self, conn: Connection, order_id: int, template: Entry, sku_ids: Iterable[int], unwritten: Sequence[Entry]) -> None:
        self._conn, wanted = conn, set(sku_ids)
        self.restocked = _restocked(conn, order_id, wanted)
        self._moves = [*_logged(conn, template, wanted), *(_move(each) for each in unwritten if _is_about(each, template))]
        self.at = {key: Lies(units) for key, units in self.restocked.items()}
        for move in self._moves:
            if move.type is MovementType.DEFER and (found := self.at.get(move.key)) is not None:
                found.on_hand += move.on_hand
                found.aside += move.aside

    def told_at(self, key: LevelKey) -> datetime | None:
        """When the shop said so last. None: before there was a log of it."""
        told = (move.occurred_at for move in self._moves if move.key == key and move.on_hand > 0)
        return max((at for at in told if at != _NEVER), default=None)

    def left_out(self, key: LevelKey, units: int) -> int:
        """Of so many that lie on hand: those that somebody has not counted since, because they had not arrived. They are not on hand any more."""
        mine = [move for move in self._moves if move.key == key]
        count = self._last_count(key, mine)
        if count is None:
            return 0
        number, counted_at = count
        since = sum(move.on_hand for move in mine if move.id is None or move.id > number or move.occurred_at > counted_at)
        return units - min(units, max(0, since))

    def _last_count(self, key: LevelKey, mine: Sequence[_Move]) -> tuple[int, datetime] | None:
        """Its number in the log, and the time it is right for; if it was after the first of these movements, or something was told without one."""
        told = sum(move.on_hand for move in mine if move.type is MovementType.RETURN)
        first = min((move.id for move in mine if move.id is not None), default=0) if told == self.restocked[key] else 0
        log = movements.c
        here = log.sku_id == key[0], log.location_id == key[1], log.id > first, log.type == MovementType.COUNT.value
        row = self._conn.execute(select(log.id, log.occurred_at).where(*here).order_by(log.id.desc()).limit(1)).first()
        return None if row is None else (row.id, row.occurred_at)


def _restocked(conn: Connection, order_id: int, sku_ids: set[int]) -> dict[LevelKey, int]:
    """What the shop has told by now. What it told before the opening is on hand since then, without a movement."""
    key = order_lines.c.sku_id, order_lines.c.location_id
    query = select(*key, func.sum(order_lines.c.restocked)).where(order_lines.c.order_id == order_id, order_lines.c.sku_id.in_(sku_ids))
    return {(row[0], row[1]): int(row[2]) for row in conn.execute(query.group_by(*key))}


def _logged(conn: Connection, template: Entry, sku_ids: set[int]) -> list[_Move]:
    log = movements.c
    mine = log.reference == template.reference, log.channel_id == template.channel_id, log.sku_id.in_(sku_ids)
    why = or_(log.type == MovementType.RETURN.value, log.reason.startswith(NOT_BACK), log.reason.startswith(COUNTED))
    query = select(movements).where(*mine, log.type.in_([type_.value for type_ in _ABOUT]), why).order_by(log.id)
    return [
        _Move(row.id, (row.sku_id, row.location_id), MovementType(row.type), row.on_hand, row.quarantined, row.occurred_at)
        for row in conn.execute(query)
    ]


def _is_about(entry: Entry, template: Entry) -> bool:
    same = (entry.reference, entry.channel_id) == (template.reference, template.channel_id)
    told = entry.type is MovementType.DEFER and entry.reason.startswith((NOT_BACK, COUNTED))
    return same and (told or entry.type is MovementType.RETURN)


def _move(entry: Entry) -> _Move:
    return _Move(None, entry.key, entry.type, entry.on_hand, entry.quarantined, entry.occurred_at or _NEVER)
