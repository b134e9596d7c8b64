"""A count sheet as a table that is filled in somewhere else: its columns, how its rows are understood, and which of them cannot be entered."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from channelsync.ledger import bundles, skus
from channelsync.ledger.counts.pages import SheetDetail
from channelsync.ledger.counts.sheets import reference
from channelsync.ledger.files import cells as cell
from channelsync.ledger.files.cells import BadCell, Cells, Column
from channelsync.ledger.files.kinds import PROBLEM, Kind, Mistake, Value
from channelsync.ledger.refusals import UnknownSku
from channelsync.ledger.stock import no_own_stock

Moment = Callable[[str], datetime]
"""An instant as somebody has written it. Raises ValueError with what is wrong."""

COLUMNS: Final = (
    Column("sku", "The SKU, exactly as the ledger spells it.", required=True),
    Column("title", "", told=True),
    Column("expected", "", told=True),
    Column("counted", "Units that are there; empty: not counted.", required=True),
    Column("counted_at", "When; empty: as the whole file."),
    Column("counted_by", "Who; empty: as the whole file."),
    Column("sheet", "Which sheet it is, such as CNT-4: a row of another one is not taken."),
    PROBLEM,
)


@dataclass(frozen=True, slots=True)
class CountRow:
    """counted_at None, counted_by "": as the whole file says."""

    line: int
    sku: str
    counted: int
    counted_at: datetime | None
    counted_by: str


def kind(number: int, moment: Moment) -> Kind[CountRow]:
    """Files of one sheet. A row without a number says nothing."""

    def parse(line: int, cells: Cells) -> CountRow | None:
        counted = cell.whole(cells, "counted")
        if counted is None:
            return None
        sku, by, sheet = cell.needed(cells, "sku", "a SKU"), cell.text(cells, "counted_by"), cell.text(cells, "sheet")
        cell.fits("sku", sku=sku)
        cell.fits("counted_by", counted_by=by)
        if sheet not in ("", reference(number), str(number)):
            raise BadCell("sheet", f"the row is of {sheet[:40]!r}, and {reference(number)} is entered; enter it there")
        return CountRow(line, sku, counted, _moment(cells, moment), by)

    return Kind("a count sheet", "what was counted", COLUMNS, CountRow, parse, once=lambda _row: None)


def _moment(cells: Cells, moment: Moment) -> datetime | None:
    said = cell.text(cells, "counted_at")
    if not said:
        return None
    try:
        return moment(said)
    except ValueError as error:
        raise BadCell("counted_at", str(error)) from error


def not_enterable(conn: Connection, rows: Iterable[CountRow]) -> dict[int, Mistake]:
    """By line, why a row cannot be entered: no such SKU, a bundle, or a SKU that several rows count. Of those none is taken: the first one
    alone would be too few.
    """
    by_sku: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        by_sku[row.sku].append(row.line)
    why = _no_lines(conn, list(by_sku))
    return {line: mistake for sku, lines in by_sku.items() for line in lines if (mistake := why.get(sku) or _several(sku, lines))}


def _several(sku: str, lines: Sequence[int]) -> Mistake | None:
    if len(lines) == 1:
        return None
    named = ", ".join(str(line) for line in lines[:10])
    return Mistake("sku", f"lines {named} all count SKU {sku!r}; add them up in one line")


def _no_lines(conn: Connection, texts: Sequence[str]) -> Mapping[str, Mistake]:
    found = skus.find(conn, texts)
    recipes = bundles.recipes(conn, (sku.id for sku in found.values()))
    parts = skus.by_id(conn, {part for recipe in recipes.values() for part, _ in recipe})
    wrong = {text: Mistake("sku", str(UnknownSku(text))) for text in texts if text not in found}
    for text, sku in found.items():
        if sku.id in recipes:
            wrong[text] = Mistake("sku", str(no_own_stock(text, [parts[part].sku for part, _ in recipes[sku.id]])))
    return wrong


def header(detail: SheetDetail) -> tuple[str, ...]:
    """Of the file to be filled in."""
    hidden = {PROBLEM.name, *(("expected",) if detail.sheet.blind else ())}
    return tuple(column.name for column in COLUMNS if column.name not in hidden)


def rows(detail: SheetDetail) -> list[tuple[Value, ...]]:
    """What is counted already is left out: it stands on the sheet, and would be entered as of a later time."""
    blind, name = detail.sheet.blind, reference(detail.sheet.number)
    return [
        (line.sku, line.title, *(() if blind else (line.expected,)), None, None, None, name)
        for line in detail.lines
        if line.counted is None
    ]
