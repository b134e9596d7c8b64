"""Writing a table into a file or a stream, row by row: CSV in UTF-8, or XLSX. Texts that a spreadsheet would run are written harmless."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from channelsync.tabular import excel
from channelsync.tabular.excel import NoXlsx
from channelsync.tabular.formulas import harmless

__all__ = ["NoXlsx", "Value", "Written", "csv_text", "csv_writer", "writer_for", "xlsx_writer"]

Value = str | int | None
"""A cell: text, a whole number, or nothing."""
Written = Callable[[Sequence[Value]], None]
"""Takes one row."""


@contextmanager
def csv_writer(out: BinaryIO, header: Sequence[str], *, delimiter: str = ",") -> Iterator[Written]:
    """UTF-8 without BOM, lines end with CR LF as RFC 4180 has it. The stream stays open."""
    text = io.TextIOWrapper(out, encoding="utf-8", newline="", write_through=True)
    lines = csv.writer(text, delimiter=delimiter, lineterminator="\r\n")
    lines.writerow(header)
    try:
        yield lambda row: lines.writerow([_cell(value) for value in row])
        text.flush()
    finally:
        text.detach()


def csv_text(rows: Sequence[Sequence[Value]], *, delimiter: str = ",") -> str:
    """Some rows as the lines that `csv_writer` would write."""
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator="\r\n").writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue()


@contextmanager
def xlsx_writer(out: BinaryIO, header: Sequence[str], *, title: str = "Sheet1") -> Iterator[Written]:
    """One sheet; whole numbers are numbers. It is complete only when the block ends. Raises NoXlsx."""
    openpyxl = excel.require()
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet(title)
    sheet.append(list(header))
    yield lambda row: sheet.append([excel.fit(harmless(value)) if isinstance(value, str) else value for value in row])
    book.save(out)


@contextmanager
def writer_for(out: BinaryIO, name: str, header: Sequence[str]) -> Iterator[Written]:
    """XLSX where the name ends so, else CSV."""
    with xlsx_writer(out, header) if Path(name).suffix.lower() == ".xlsx" else csv_writer(out, header) as write:
        yield write


def _cell(value: Value) -> str | int:
    return "" if value is None else harmless(value) if isinstance(value, str) else value
