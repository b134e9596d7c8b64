"""Tables in files: what is written is read back, whatever it is; and what is no table is said to be none, in bounded memory."""

from __future__ import annotations

import hashlib
import io
import tracemalloc
import zipfile
from datetime import date, datetime
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from channelsync.tabular import Row, Sheet, Unreadable, copied, csv_writer, harmless, opened, opened_file, original, xlsx_writer

ODD = [
    "=1+1",
    "+49",
    "-5",
    "-5a",
    "@x",
    "'x",
    "''",
    "'=1",
    "a,b",
    'say "x"',
    "two\nlines",
    "cr\rhere",
    "\ttab",
    "crlf\r\n",
    "täß",
    "💡",
    ";",
    "_x0041_",
]
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\x00")) | st.sampled_from(ODD) | st.text("=+-@\t\r\n'\",;a1", max_size=6)


def read(raw: bytes, name: str = "file.csv") -> tuple[Sheet, list[Row]]:
    sheet = opened(io.BytesIO(raw), name)
    return sheet, list(sheet.rows)


def problem_of(raw: bytes, name: str = "file.csv") -> str:
    with pytest.raises(Unreadable) as caught:
        read(raw, name)
    return str(caught.value)


@given(TEXTS)
def test_a_text_is_written_harmless_and_read_as_it_was(text: str) -> None:
    written = harmless(text)
    assert original(written) == text
    assert written[:1] not in {*"=@\t\r\n"}
    assert written[:1] not in {"+", "-"} or float(written) is not None


@given(st.lists(st.tuples(TEXTS, TEXTS, TEXTS), max_size=8), st.sampled_from(",;\t"))
def test_what_is_written_as_csv_is_read_back(rows: list[tuple[str, ...]], delimiter: str) -> None:
    out = io.BytesIO()
    with csv_writer(out, ["a", "b", "c"], delimiter=delimiter) as write:
        for row in rows:
            write(row)
    sheet, found = read(out.getvalue())
    assert (sheet.header, sheet.delimiter) == (("a", "b", "c"), delimiter)
    assert [row.cells for row in found] == [row for row in rows if any(row)]
    assert not any(row.problem for row in found)


@given(st.lists(st.tuples(TEXTS, TEXTS), max_size=5))
def test_what_is_written_as_xlsx_is_read_back(rows: list[tuple[str, ...]]) -> None:
    out = io.BytesIO()
    with xlsx_writer(out, ["a", "b"]) as write:
        for row in rows:
            write(row)
    sheet, found = read(out.getvalue(), "file.XLSX")
    assert sheet.header == ("a", "b")
    assert [row.cells for row in found] == [row for row in rows if any(row)]


def test_numbers_and_dates_of_a_spreadsheet_are_what_a_person_would_type(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["a", "b", "c", "d", "e", None, "f"])
    book.active.append([5, 12.5, 3.0, date(2026, 1, 2), datetime(2026, 1, 2, 3, 4), None, True])  # noqa: DTZ001 - as a cell has it
    book.active.append([])
    book.active.append(["x"])
    book.save(tmp_path / "book.xlsx")
    with opened_file(tmp_path / "book.xlsx") as file:
        sheet = opened(file, "book.xlsx")
        found = list(sheet.rows)
    assert sheet.header == ("a", "b", "c", "d", "e", "", "f")
    assert found == [Row(2, ("5", "12.5", "3", "2026-01-02", "2026-01-02T03:04:00", "", "true")), Row(4, ("x", "", "", "", "", "", ""))]


def test_bad_rows_lose_nothing_of_the_others() -> None:
    raw = b'\xef\xbb\xbfa;b\r\n1;2\r\n\r\n3\r\n4;"say "x" y"\r\n5;6;7\r\n8;"two\r\nlines"\r\n9;\x00\r\n10;11;;\r\n;\r\n12;13'
    _, found = read(raw)
    assert [(row.line, row.cells) for row in found if row.problem is None] == [
        (2, ("1", "2")), (7, ("8", "two\r\nlines")), (10, ("10", "11")), (12, ("12", "13")),
    ]  # fmt: skip
    bad = {row.line: row for row in found if row.problem}
    assert sorted(bad) == [4, 5, 6, 9]
    assert "1 cells and the header has 2" in str(bad[4].problem)
    assert bad[5].cells == ("4", '"say "x" y"')
    assert "quote" in str(bad[5].problem)
    assert bad[6].cells == ("5", "6", "7")
    assert "NUL" in str(bad[9].problem)


def test_a_cell_that_is_too_long_is_a_bad_row() -> None:
    _, found = read(b"a,b\n1,2\n" + b"x" * 40_000 + b",2\n3,4\n")
    assert [(row.line, row.problem is None) for row in found] == [(2, True), (3, False), (4, True)]


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (b"PK\x03\x04rest", "ZIP or XLSX"),
        ("sku,on_hand\n1,2".encode("utf-16"), "UTF-16"),
        ("sku\nMÜG\n".encode("latin-1"), "line 2: byte 6 of the file (0xDC) is not UTF-8"),
        (b"\x7fELF\x00\x00", "NUL"),
        (b"\xd0\xcf\x11\xe0 old", "old Excel"),
        (b"a,b\r1,2\r", "CR alone"),
        (b'a,b\n1,"open\n2,3\n', "line 2: a cell begins with a quote that is not closed"),
        (b'a,"b\n1,2\n', "line 1"),
        (b'a,b\n1,"' + b"x\n" * 100_000, "line 2: a cell begins with a quote"),
        (b"a,b\n" + b"x" * (2 << 20), "longer than 1 MiB"),
        (b",".join([b"a"] * 300) + b"\n", "300 columns"),
    ],
)
def test_what_is_no_table_is_said_to_be_none(raw: bytes, said: str) -> None:
    assert said in problem_of(raw)


def test_a_hundred_megabytes_in_one_cell_take_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "huge.csv"
    with path.open("wb") as file:
        file.write(b"a,b\n1,")
        for _ in range(100):
            file.write(b"x" * (1 << 20))
    tracemalloc.start()
    with opened_file(path) as file, pytest.raises(Unreadable, match="longer than 1 MiB"):
        list(opened(file, "huge.csv").rows)
    assert tracemalloc.get_traced_memory()[1] < 20 << 20
    tracemalloc.stop()


def zipped(**parts: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return out.getvalue()


def test_files_that_are_called_xlsx_and_are_none() -> None:
    assert "no XLSX file, though it is called one" in problem_of(b"sku,on_hand\n", "x.xlsx")
    assert "cannot be read as XLSX" in problem_of(zipped(**{"a.xml": b"<a/>"}), "x.xlsx")
    assert "cannot be read as XLSX" in problem_of(b"PK\x03\x04garbage", "x.xlsx")
    assert "swell to more than 256 MiB" in problem_of(zipped(**{"a.xml": b" " * (300 << 20)}), "x.xlsx")
    assert "texts" in problem_of(zipped(**{"xl/sharedStrings.xml": b" " * (70 << 20)}), "x.xlsx")
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><x>&b;</x>'
    assert "XML entities" in problem_of(zipped(**{"[Content_Types].xml": bomb}), "x.xlsx")
    assert "1500 parts" in problem_of(zipped(**{f"{number}.xml": b"" for number in range(1_500)}), "x.xlsx")


def test_a_copy_is_what_it_was_and_bounded(tmp_path: Path) -> None:
    with copied(io.BytesIO(b"a\n1\n"), "x.csv") as copy:
        assert copy.digest == hashlib.sha256(b"a\n1\n").hexdigest()
        assert [row.cells for row in opened(copy.file, copy.name).rows] == [("1",)]
        assert [row.cells for row in opened(copy.file, copy.name).rows] == [("1",)], "twice"
    with pytest.raises(Unreadable, match="more than 1 MiB"), copied(io.BytesIO(b"x" * 3_000_000), "x.csv", most=1 << 20):
        pass
    with pytest.raises(Unreadable, match="is a directory"), opened_file(tmp_path):
        pass
    with pytest.raises(Unreadable, match="No such file"), opened_file(tmp_path / "none.csv"):
        pass
