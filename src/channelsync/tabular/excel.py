"""XLSX by openpyxl, an optional extra: rows of the first sheet as text, and its writing. A file that would swell is refused before it is opened.

Numbers come as the text a person would type (5, 12.5), dates as ISO dates. Formulas count with the value that was last computed.
"""

from __future__ import annotations

import re
import warnings
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time
from typing import Any, BinaryIO, Final

from channelsync.errors import ChannelsyncError
from channelsync.tabular.row import Row, Unreadable

SWOLLEN_MAX: Final = 256 * 1024 * 1024
STRINGS_MAX: Final = 64 * 1024 * 1024
PARTS_MAX: Final = 1_000
PIECE: Final = 1024 * 1024
_ESCAPED: Final = re.compile("_x([0-9A-Fa-f]{4})_")
_UNFIT: Final = re.compile(r"[\x00-\x08\x0b-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")


class NoXlsx(ChannelsyncError):
    """XLSX files need the extra `xlsx`."""


def require() -> Any:
    """The module openpyxl. Raises NoXlsx."""
    try:
        import openpyxl
    except ImportError:
        raise NoXlsx("XLSX files need openpyxl: pip install 'channelsync[xlsx]'; or save the file as CSV (UTF-8)") from None
    return openpyxl


def rows(file: BinaryIO, name: str) -> Iterator[Row]:
    """Rows of the first sheet, the header among them. Raises Unreadable and NoXlsx."""
    openpyxl = require()
    try:
        _look_over(file, name)
        file.seek(0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about styles and extensions that we do not look at
            book = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
        if not book.worksheets:
            raise Unreadable(f"{name} has no sheet with cells")
    except ChannelsyncError:
        raise
    except Exception as error:  # whatever a broken file makes of the libraries
        raise Unreadable(f"{name} cannot be read as XLSX ({type(error).__name__}); open it and save it again, or save it as CSV") from error
    return _rows(book.worksheets[0], name)


def _rows(sheet: Any, name: str) -> Iterator[Row]:
    sheet.reset_dimensions()  # what a file says of its own size is not to be trusted
    line = 0
    try:
        for line, values in enumerate(sheet.iter_rows(values_only=True), 1):
            cells = tuple(_text(value) for value in values)
            while cells and not cells[-1]:
                cells = cells[:-1]
            yield Row(line, cells)
    except ChannelsyncError:
        raise
    except Exception as error:
        raise Unreadable(
            f"{name} cannot be read behind row {line} ({type(error).__name__}); open it and save it again, or save it as CSV"
        ) from error


def _look_over(file: BinaryIO, name: str) -> None:
    """Unpack every part once, counting, before anybody builds objects of it."""
    with zipfile.ZipFile(file) as archive:
        parts = archive.infolist()
        if len(parts) > PARTS_MAX:
            raise Unreadable(f"{name} has {len(parts)} parts inside; it is no ordinary XLSX file")
        if sum(part.file_size for part in parts) > SWOLLEN_MAX:
            raise Unreadable(f"{name} would swell to more than {SWOLLEN_MAX // PIECE} MiB; save the sheet as CSV, or split it")
        for part in parts:
            if "sharedstrings" in part.filename.lower() and part.file_size > STRINGS_MAX:
                raise Unreadable(f"{name} has more than {STRINGS_MAX // PIECE} MiB of texts; save the sheet as CSV, or split it")
            if part.filename.lower().endswith((".xml", ".rels")):
                _look_at(archive, part, name)


def _look_at(archive: zipfile.ZipFile, part: zipfile.ZipInfo, name: str) -> None:
    """zipfile unpacks no more than the size a part claims; entities, which swell later, are not for spreadsheets."""
    with archive.open(part) as content:
        tail = b""
        while piece := content.read(PIECE):
            if b"<!DOCTYPE" in tail + piece or b"<!ENTITY" in tail + piece:
                raise Unreadable(f"{name} declares XML entities, which no spreadsheet does; it is not read")
            tail = piece[-16:]


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat()
    return value.isoformat() if isinstance(value, (date, time)) else str(value)


def fit(text: str) -> str:
    """As it is written into a sheet: what XML cannot hold becomes _x0007_, as Excel does it; `_text` undoes that."""
    return _UNFIT.sub(lambda found: f"_x{ord(found[0]):04X}_", text)
