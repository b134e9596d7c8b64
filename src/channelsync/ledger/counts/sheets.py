"""Count sheets while a verb works on them: heads read and locked for a whole batch, lines read as they are wanted. What changes is the verbs' affair."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, select, update

from channelsync.ledger import owning
from channelsync.ledger.counts.states import COUNT
from channelsync.ledger.documents import lines
from channelsync.ledger.documents.heads import possible
from channelsync.ledger.levels import LevelKey
from channelsync.ledger.refusals import NotAllowed, Refusal
from channelsync.ledger.schema import count_lines, count_sheets, locations

CHUNK: Final = 400


@dataclass(frozen=True, slots=True)
class Line:
    """One line as it is stored. counted: SKU units, at counted_at; None: not counted yet."""

    id: int
    sku_id: int
    sku: str
    counted: int | None
    counted_at: datetime | None
    counted_by: str
    difference: int | None


@dataclass(slots=True)
class Sheet:
    """The head of one sheet, as it will be."""

    number: int
    location_id: int
    location: str
    state: str
    blind: bool
    note: str

    @property
    def log_reference(self) -> str:
        """What its movements refer to."""
        return reference(self.number)

    def key(self, line: Line) -> LevelKey:
        return line.sku_id, self.location_id


def reference(number: int) -> str:
    return f"CNT-{number}"


class Book:
    """The sheets of one batch, their heads held until the transaction ends. Make it before any SKU or level is locked."""

    def __init__(self, conn: Connection, numbers: Iterable[int]) -> None:
        self._conn = conn
        self._sheets = _read(conn, possible(numbers))
        self._owners = owning.owners(conn, [sheet.location_id for sheet in self._sheets.values()])

    def find(self, number: int, verb: str) -> Sheet | Refusal:
        """The sheet, if the verb may be done with it now."""
        return COUNT.find(self._sheets, number, verb)

    def not_ours(self, sheet: Sheet) -> NotAllowed | None:
        """On hand at its location may be an authority's."""
        owner = self._owners.get(sheet.location_id)
        return None if owner is None else owning.refusal(sheet.location, owner)

    def close(self, sheet: Sheet, verb: str, after: str, now: datetime) -> None:
        sheet.state = COUNT.step(sheet.state, verb, after)
        self._conn.execute(update(count_sheets).where(count_sheets.c.id == sheet.number).values(state=sheet.state, closed_at=now))


def lines_of(conn: Connection, number: int) -> list[Line]:
    """In the order in which they were put on the sheet."""
    return [line_of(row) for row in lines.of(conn, count_lines, count_lines.c.sheet_id, [number])[number]]


def line_of(row: RowMapping) -> Line:
    return Line(*(row[name] for name in ("id", "sku_id", "sku", "counted", "counted_at", "counted_by", "difference")))


def last_counted(rows: Iterable[Line]) -> datetime | None:
    """When the last one of them was counted; None: none was."""
    return max((line.counted_at for line in rows if line.counted_at is not None), default=None)


def heads() -> Any:
    """All columns of a sheet, and the code of its location."""
    return select(count_sheets, locations.c.code.label("location")).join(locations, locations.c.id == count_sheets.c.location_id)


def _read(conn: Connection, numbers: Sequence[int]) -> dict[int, Sheet]:
    found: dict[int, Sheet] = {}
    for start in range(0, len(numbers), CHUNK):
        query = heads().where(count_sheets.c.id.in_(numbers[start : start + CHUNK])).order_by(count_sheets.c.id)
        for row in conn.execute(query.with_for_update(of=count_sheets)).mappings():
            found[row["id"]] = sheet_of(row)
    return found


def sheet_of(row: RowMapping) -> Sheet:
    return Sheet(row["id"], *(row[name] for name in ("location_id", "location", "state", "blind", "note")))
