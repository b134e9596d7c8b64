"""Reading a table from a file that somebody sent: row by row, in bounded memory, whatever is in it. CSV here, XLSX in `excel`.

A row that cannot be read is a row with its reason, and the rows behind it are read on. What makes the file as a whole unreadable is Unreadable.
"""

from __future__ import annotations

import csv
import hashlib
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from channelsync.tabular import excel
from channelsync.tabular.formulas import original
from channelsync.tabular.row import Row, Unreadable

FILE_MAX: Final = 512 * 1024 * 1024
LINE_MAX: Final = 1024 * 1024
CELL_MAX: Final = 32_767
"""What a cell of a spreadsheet holds, too."""
ROWS_MAX: Final = 1_048_576
COLUMNS_MAX: Final = 256
PIECE: Final = 1024 * 1024
SNIFFED: Final = ",;\t"
_BOM: Final = "\ufeff"
_ZIP: Final = b"PK\x03\x04"
_OTHER: Final = {
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
    b"\xd0\xcf\x11\xe0": "the old Excel format (.xls)",
    b"%PDF": "PDF",
    b"\x1f\x8b": "a compressed file (gzip)",
}


@dataclass(frozen=True, slots=True)
class Sheet:
    """An open table. header: names as they stand in the file. rows: once, from the first row behind the header; empty rows are left out.

    delimiter: of a CSV file; "" for XLSX. Iterating over the rows raises Unreadable where the file cannot be read on.
    """

    header: tuple[str, ...]
    rows: Iterator[Row]
    delimiter: str


@dataclass(frozen=True, slots=True)
class Copy:
    """A file's bytes as they were when it was copied. digest: their SHA-256, hexadecimal. breaks: how many line breaks are in them."""

    name: str
    file: BinaryIO
    digest: str
    breaks: int


@contextmanager
def copied(source: BinaryIO, name: str, *, most: int = FILE_MAX) -> Iterator[Copy]:
    """What a stream holds, in a temporary file as long as the block runs: it may be read twice, and nobody changes it. Raises Unreadable."""
    with copying(name, most=most) as copy:
        try:
            while piece := source.read(PIECE):
                copy.take(piece)
        except OSError as error:
            raise Unreadable(f"{name} cannot be read: {error.strerror or error}") from error
        yield copy.done()


@contextmanager
def copying(name: str, *, most: int = FILE_MAX) -> Iterator[Copying]:
    """The same of pieces that come from elsewhere."""
    with tempfile.SpooledTemporaryFile(max_size=8 * PIECE) as kept:
        yield Copying(name, kept, most)  # type: ignore[arg-type]


class Copying:
    """A copy that is being made."""

    def __init__(self, name: str, kept: BinaryIO, most: int) -> None:
        self._name, self._kept, self._most = name, kept, most
        self._digest, self._size, self._breaks = hashlib.sha256(), 0, 0

    def take(self, piece: bytes) -> None:
        """Raises Unreadable for more than `most` bytes in all."""
        self._size += len(piece)
        if self._size > self._most:
            raise Unreadable(f"{self._name} has more than {self._most // PIECE} MiB; split it into several files")
        self._breaks += piece.count(b"\n")
        self._digest.update(piece)
        self._kept.write(piece)

    def done(self) -> Copy:
        return Copy(self._name, self._kept, self._digest.hexdigest(), self._breaks)


@contextmanager
def opened_file(path: Path) -> Iterator[BinaryIO]:
    """Raises Unreadable for what is no file that can be read."""
    if path.is_dir():
        raise Unreadable(f"{path} is a directory; name a CSV or XLSX file")
    try:
        file = path.open("rb")
    except OSError as error:
        raise Unreadable(f"{path} cannot be read: {error.strerror}") from error
    with file:
        yield file


def opened(file: BinaryIO, name: str) -> Sheet:
    """The table in a file, from its beginning. XLSX only where the name ends in .xlsx. Raises Unreadable; NoXlsx without openpyxl."""
    file.seek(0)
    begin = file.read(8)
    file.seek(0)
    if name.lower().endswith((".xlsx", ".xlsm")):
        if not begin.startswith(_ZIP):
            raise Unreadable(f"{name} is no XLSX file, though it is called one; save it again as XLSX or CSV")
        return _sheet(excel.rows(file, name), name, "")
    if begin.startswith(_ZIP):
        raise Unreadable(f"{name} is a ZIP or XLSX file; if it is a table, name it .xlsx or save it as CSV")
    for magic, what in _OTHER.items():
        if begin.startswith(magic):
            raise Unreadable(f"{name} is {what}; save it as CSV in UTF-8 ('CSV UTF-8' in Excel) or as XLSX")
    return _csv(file, name)


def _csv(file: BinaryIO, name: str) -> Sheet:
    lines = _Lines(file, name)
    first = next(lines, None)
    while first is not None and not first.strip():
        first = next(lines, None)
    if first is None:
        raise _empty(name)
    if "\x00" in first:
        raise Unreadable(f"{name}, line 1 contains a NUL: it is a binary file, no table; save it as CSV in UTF-8")
    if "\r" in first.rstrip("\r\n"):
        raise Unreadable(f"{name}: its lines end with CR alone; save it with LF or CR LF line ends")
    lines.push_back(first)
    delimiter = max(SNIFFED, key=lambda mark: len(next(csv.reader([first], delimiter=mark), [])))
    return _sheet(_records(lines, delimiter, name), name, delimiter)


def _sheet(rows: Iterator[Row], name: str, delimiter: str) -> Sheet:
    head = next(rows, None)
    if head is None:
        raise _empty(name)
    if head.problem:
        raise Unreadable(f"{name}, line {head.line}: the header cannot be read: {head.problem}")
    header = tuple(cell.strip() for cell in head.cells)
    while header and not header[-1]:
        header = header[:-1]
    if len(header) > COLUMNS_MAX:
        raise Unreadable(f"{name} has {len(header)} columns, at most {COLUMNS_MAX} are read")
    return Sheet(header, _checked(rows, len(header), name, ragged=not delimiter), delimiter)


def _empty(name: str) -> Unreadable:
    return Unreadable(f"{name} is empty; its first line must name the columns")


def _checked(rows: Iterable[Row], width: int, name: str, *, ragged: bool) -> Iterator[Row]:
    """As many cells as the header has, and nothing in them that no table holds. ragged: empty cells at the end are not written, as in XLSX."""
    for number, row in enumerate(rows, 1):
        if number > ROWS_MAX:
            raise Unreadable(f"{name} has more than {ROWS_MAX:,} rows; split it into several files")
        if row.problem is None and not any(row.cells):
            continue
        missing = width - len(row.cells) if ragged else 0
        yield row if row.problem else _fitted(Row(row.line, row.cells + ("",) * missing), width)


def _fitted(row: Row, width: int) -> Row:
    cells = row.cells
    while len(cells) > width and not cells[-1]:  # spreadsheets leave empty columns at the end
        cells = cells[:-1]
    if len(cells) != width:
        return Row(row.line, cells, f"it has {len(cells)} cells and the header has {width}; a comma or quote too many, or one too few")
    for number, cell in enumerate(cells, 1):
        if "\x00" in cell:
            return Row(row.line, cells, f"cell {number} contains a NUL character; remove it")
        if len(cell) > CELL_MAX:
            return Row(row.line, cells, f"cell {number} has {len(cell)} characters, at most {CELL_MAX} are read; shorten it")
    return Row(row.line, tuple(original(cell) for cell in cells))


def _records(lines: _Lines, delimiter: str, name: str) -> Iterator[Row]:
    """The csv module over bounded lines: after a row that it cannot read it begins anew with the next line."""
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        lines.begin_record()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield _broken(lines, delimiter, str(error), name)
            continue
        yield Row(lines.first, tuple(cells))


def _broken(lines: _Lines, delimiter: str, why: str, name: str) -> Row:
    if "field larger" in why or "unexpected end of data" in why:
        raise Unreadable(
            f"{name}, line {lines.first}: a cell begins with a quote that is not closed, or holds more than {csv.field_size_limit():,} characters; "
            "nothing behind it can be told apart"
        )
    cells = next(csv.reader(["".join(lines.record)], delimiter=delimiter, quoting=csv.QUOTE_NONE), [])
    said = "a quote stands in the middle of a cell; double it, and put the cell in quotes" if "expected after" in why else why
    return Row(lines.first, tuple(cells), said)


class _Lines:
    """Lines of text of a file in UTF-8, each bounded, with their numbers; `record`: those since `begin_record`."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file, self._name = file, name
        self._number, self._bytes = 0, 0
        self._again: str | None = None
        self.first, self.record = 1, list[str]()
        self._size = 0

    def begin_record(self) -> None:
        self.record, self._size = [], 0

    def push_back(self, line: str) -> None:
        self._again = line

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line, self._again = self._again if self._again is not None else self._read(), None
        if not self.record:
            self.first = self._number
        self._size += len(line)
        if self._size > 2 * LINE_MAX:
            raise Unreadable(f"{self._name}, line {self.first}: the row is longer than 2 MiB; a quote may not be closed")
        self.record.append(line)
        return line

    def _read(self) -> str:
        raw = self._file.readline(LINE_MAX + 1)
        if not raw:
            raise StopIteration
        self._number += 1
        if len(raw) > LINE_MAX:
            raise Unreadable(f"{self._name}, line {self._number}: longer than 1 MiB; it is no table of the kind that is read here")
        try:
            text = raw.decode()
        except UnicodeDecodeError as error:
            raise Unreadable(
                f"{self._name}, line {self._number}: byte {self._bytes + error.start + 1} of the file (0x{raw[error.start]:02X}) is not UTF-8; "
                "save it as 'CSV UTF-8' and import it again"
            ) from error
        self._bytes += len(raw)
        return text.removeprefix(_BOM) if self._number == 1 else text
