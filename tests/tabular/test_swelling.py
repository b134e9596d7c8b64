"""What a small XLSX file could become: refused, however it is written; and what an honest one holds beside its rows is no hindrance."""

from __future__ import annotations

import io
import re
from collections.abc import Callable

import openpyxl
import pytest
from openpyxl.chart import BarChart

from channelsync.tabular import Unreadable, opened
from tabular.swollen import TEXTS, changed, in_cell, shared, with_entity


def read(raw: bytes) -> list[tuple[str, ...]]:
    return [row.cells for row in opened(io.BytesIO(raw), "x.xlsx").rows]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1", "windows-1252"])
@pytest.mark.parametrize("name", ["", "xl/worksheets/sheet1.dat", "xl/worksheets/sheet1.png"])
def test_entities_are_found_in_every_encoding_and_under_every_name(encoding: str, name: str) -> None:
    with pytest.raises(Unreadable, match="XML entities"):
        read(changed(lambda sheet: with_entity(sheet, encoding), name=name))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_any_encoding_without_entities_is_read(encoding: str) -> None:
    written = changed(lambda sheet: f'<?xml version="1.0" encoding="{encoding}"?>{sheet}'.encode(encoding), name="xl/worksheets/sheet1.dat")
    assert read(written) == [("A", "1")]


LARGE = 6 << 20
SWELLING: dict[str, tuple[str, Callable[[str], str], str]] = {
    "one text": ("", lambda sheet: in_cell(sheet, f"<t>{'x' * LARGE}</t>"), "4 MiB"),
    "one text in pieces": ("", lambda sheet: in_cell(sheet, "<r><t>xxxxxxxx</t></r>" * (LARGE // 20)), "4 MiB"),
    "one attribute": ("", lambda sheet: sheet.replace("<sheetData", f'<sheetData x="{"x" * LARGE}"'), "4 MiB"),
    "one comment": ("", lambda sheet: sheet.replace("<sheetData", f"<!--{'x' * LARGE}--><sheetData"), "4 MiB"),
    "cells of a row": (
        "",
        lambda sheet: in_cell(sheet, "").replace("</row></sheetData>", "<c/>" * (LARGE // 4) + "</row></sheetData>"),
        "4 MiB",
    ),
    "texts in a sheet": ("", lambda sheet: sheet.replace("<sheetData", "<si><a/></si><sheetData"), "one another's place"),
    "elements": ("", lambda sheet: sheet.replace("<sheetData", "<a/>" * 4_200_000 + "<sheetData"), "4,194,304 rows"),
    "a shared text": (TEXTS, lambda _: shared(f"<si><t>{'x' * LARGE}</t></si>"), "4 MiB"),
    "texts in rows": (TEXTS, lambda _: shared("<row><si><t>A</t></si></row>"), "one another's place"),
    "rows beside texts": (TEXTS, lambda _: shared("<row/><si><t>A</t></si>"), "one another's place"),
    "a part that is no sheet": (
        "xl/workbook.xml",
        lambda part: part.replace("</workbook>", "<a></a>  " * (2 << 20) + "</workbook>"),
        "16 MiB",
    ),
}


@pytest.mark.parametrize("case", SWELLING)
def test_no_row_text_or_number_of_elements_grows_without_bound(case: str) -> None:
    part, change, told = SWELLING[case]
    if part == TEXTS:
        raw = changed(None, more={TEXTS: change("").encode()})
    else:
        raw = changed(lambda content: change(content).encode(), *([part] if part else []))
    with pytest.raises(Unreadable, match=told):
        read(raw)


def test_shared_texts_are_read() -> None:
    """As Excel and LibreOffice write them."""
    more = {TEXTS: shared("<si><t>A</t></si><si><r><t>B</t></r><r><t>C</t></r></si>").encode()}
    sheet = changed(lambda sheet: re.sub('<c r="A2"[^>]*>.*?</c>', '<c r="A2" t="s"><v>1</v></c>', sheet).encode(), more=more)
    assert read(sheet) == [("BC", "1")]


def test_pictures_and_drawings_are_no_hindrance() -> None:
    """Old drawings declare a document type, and hold pictures in attributes; nobody parses them here."""
    drawing = b'<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "svg11.dtd"><svg><image href="' + b"x" * LARGE + b'"/></svg>'
    more = {
        "xl/media/a.svg": drawing,
        "xl/media/b.png": b"\x89PNG\r\n\x1a\n\x00",
        "xl/vbaProject.bin": b"\xd0\xcf\x11\xe0",
        "xl/c.bin": b"<a/><!DOCTYPE",
    }
    assert read(changed(None, more=more)) == [("A", "1")]


def test_a_sheet_that_is_a_chart_is_no_hindrance() -> None:
    made, out = openpyxl.Workbook(), io.BytesIO()
    made.create_chartsheet("chart", 0).add_chart(BarChart())
    for row in (("sku", "on_hand"), ("A", 1)):
        made.worksheets[0].append(row)
    made.save(out)
    assert read(out.getvalue()) == [("A", "1")]


def test_a_row_may_hold_as_much_as_a_line_of_csv_and_its_longest_cells() -> None:
    made, out = openpyxl.Workbook(), io.BytesIO()
    for row in (["a"] * 32, ["x" * 32_767] * 32):
        made.active.append(row)
    made.save(out)
    assert read(out.getvalue()) == [("x" * 32_767,) * 32]
