"""Count sheets for people and programs to read: lists in pages, one sheet with its lines, and what applying it would do. Reads only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, RowMapping, case, func, select

from channelsync.ledger import levels, owning, reorder_levels
from channelsync.ledger.counts.judging import Judged, judged, missing_is_zero
from channelsync.ledger.counts.sheets import Line, heads, lines_of, sheet_of
from channelsync.ledger.counts.states import COUNT
from channelsync.ledger.documents.heads import newest, one
from channelsync.ledger.schema import count_lines, count_sheets, skus


@dataclass(frozen=True, slots=True)
class SheetRow:
    """One sheet. lines: how many; counted: how many of them are. Once applied, differing: lines that were not as expected; more, fewer: units that
    came on hand by it, and that went.
    """

    number: int
    state: str
    location: str
    blind: bool
    note: str
    created_at: datetime
    created_by: str
    closed_at: datetime | None
    lines: int
    counted: int
    differing: int
    more: int
    fewer: int


@dataclass(frozen=True, slots=True)
class LineRow:
    """counted: None: not counted. expected: what should have been there when it was counted (now, if it was not); None where whoever counts is not
    shown it, or where it was never applied. difference: what applying it has changed; None: not applied.
    """

    sku: str
    title: str
    expected: int | None
    counted: int | None
    counted_at: datetime | None
    counted_by: str
    difference: int | None


@dataclass(frozen=True, slots=True)
class SheetDetail:
    sheet: SheetRow
    lines: tuple[LineRow, ...]


@dataclass(frozen=True, slots=True)
class PlanRow:
    """counted None: not counted, and it stays as it is. expected: what should have been there then. difference: counted - expected. moved: units
    that came and went since. on_hand: now; becomes: if it is applied. problem: why this line cannot be; "": it can. Numbers that whoever counts is
    not shown are None.
    """

    sku: str
    title: str
    counted: int | None
    counted_at: datetime | None
    counted_by: str
    expected: int | None
    difference: int | None
    moved: int | None
    on_hand: int | None
    becomes: int | None
    problem: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What applying the sheet would do now."""

    sheet: SheetRow
    lines: tuple[PlanRow, ...]


@dataclass(frozen=True, slots=True)
class Filter:
    """Each None: any."""

    state: str | None = None
    location: str | None = None


def sheet_rows(conn: Connection, wanted: Filter, before: int | None = None, limit: int = 100) -> list[SheetRow]:
    """The newest first. Raises UnknownLocation."""
    query = newest(heads(), count_sheets, wanted.state, before, limit)
    if wanted.location is not None:
        query = query.where(count_sheets.c.location_id == reorder_levels.place_of(conn, wanted.location))
    return _with_sums(conn, conn.execute(query).mappings().all())


def one_sheet(conn: Connection, number: int) -> SheetDetail:
    """With its lines. Of a blind sheet nothing is told that whoever counts is not to know, until it is closed. Raises UnknownDocument."""
    head = _head(conn, number)
    rows, titles = lines_of(conn, number), _titles(conn, number)
    expected = _expected(conn, head, rows)
    told = tuple(
        LineRow(line.sku, titles[line.sku_id], expected.get(line.id), line.counted, line.counted_at, line.counted_by, line.difference)
        for line in rows
    )
    return SheetDetail(_with_sums(conn, [head])[0], told)


def _expected(conn: Connection, head: RowMapping, rows: Sequence[Line]) -> dict[int, int]:
    """By line, as far as it can be told and may be."""
    if head["state"] != COUNT.start:
        return {line.id: line.counted - line.difference for line in rows if line.counted is not None and line.difference is not None}
    return {} if head["blind"] else {each.line.id: each.expected for each in _judged(conn, head, rows)}


def plan(conn: Connection, number: int, *, missing_zero: bool = False, shown: bool = True) -> Plan:
    """shown: also what a blind sheet does not tell those who count. Raises UnknownDocument; WrongState if it is closed; NotAllowed where another
    system owns the stock.
    """
    head = _head(conn, number)
    if wrong := COUNT.refuses(number, head["state"], "apply"):
        raise wrong
    if owner := owning.owners(conn, [head["location_id"]]).get(head["location_id"]):
        raise owning.refusal(head["location"], owner)
    rows, titles = lines_of(conn, number), _titles(conn, number)
    rows = missing_is_zero(rows, "") if missing_zero else rows
    open_eyes = shown or not head["blind"]
    told = tuple(_planned(each, titles[each.line.sku_id], shown=open_eyes) for each in _judged(conn, head, rows))
    return Plan(_with_sums(conn, [head])[0], told)


def _planned(each: Judged, title: str, *, shown: bool) -> PlanRow:
    """A problem tells of what came and went, too."""
    line, numbers = each.line, (each.expected, each.difference, each.moved, each.on_hand, each.becomes)
    head = line.sku, title, line.counted, line.counted_at, line.counted_by
    if not shown:
        return PlanRow(*head, None, None, None, None, None, "it cannot be applied" if each.problem else "")
    return PlanRow(*head, *numbers, "" if each.problem is None else str(each.problem))


def _judged(conn: Connection, head: RowMapping, rows: Sequence[Line]) -> list[Judged]:
    sheet = sheet_of(head)
    return judged(conn, sheet, rows, levels.read(conn, [sheet.key(line) for line in rows]))


def _head(conn: Connection, number: int) -> RowMapping:
    return one(conn, heads(), count_sheets, COUNT, number)


def _titles(conn: Connection, number: int) -> Mapping[int, str]:
    query = select(skus.c.id, skus.c.title).join(count_lines, count_lines.c.sku_id == skus.c.id).where(count_lines.c.sheet_id == number)
    return {row[0]: row[1] for row in conn.execute(query)}


def _with_sums(conn: Connection, found: Sequence[RowMapping]) -> list[SheetRow]:
    line = count_lines.c
    changed = func.coalesce(line.difference, 0)
    sums = (
        func.count(),
        func.count(line.counted),
        *(func.sum(case((test, then), else_=0)) for test, then in ((changed != 0, 1), (changed > 0, changed), (changed < 0, -changed))),
    )
    query = select(line.sheet_id, *sums).where(line.sheet_id.in_([head["id"] for head in found])).group_by(line.sheet_id)
    by_sheet = {row[0]: tuple(int(units) for units in row[1:]) for row in conn.execute(query)}
    columns = "state", "location", "blind", "note", "created_at", "created_by", "closed_at"
    return [SheetRow(head["id"], *(head[name] for name in columns), *by_sheet.get(head["id"], (0, 0, 0, 0, 0))) for head in found]
