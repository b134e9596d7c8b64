"""XLSX by openpyxl, an optional extra: rows of the first sheet as text, and its writing. A file that would swell is refused before it is opened.

Numbers come as the text a person would type (5, 12.5), dates as ISO dates. Formulas count with the value that was last computed.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from datetime import date, datetime, time
from typing import IO, Any, BinaryIO, Final, cast

from channelsync.errors import ChannelsyncError
from channelsync.tabular.parts import PIECE, STRINGS_MAX, Looks, look_over, too_many_texts
from channelsync.tabular.row import Row, Unreadable

TREE_MAX: Final = 16 * PIECE
CELLS_MAX: Final = 1_000
"""Of a row; more than a table may have columns, so that one which has more is told so."""
ESCAPED_MAX: Final = 7 * 32_768
"""Of longer texts more is left than a cell may hold, whatever was escaped in them."""
_ESCAPED: Final = re.compile("_x([0-9A-Fa-f]{4})_")
_UNFIT: Final = re.compile(r"[\x00-\x08\x0b-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")


class NoXlsx(ChannelsyncError):
    """XLSX files need the extra `xlsx`."""

    code = "unsupported_media_type"


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
        looks = look_over(file, name)
        file.seek(0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about styles and extensions that we do not look at
            book = _book(openpyxl, file, name, looks)
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
            cells = tuple(_text(value) for value in values[:CELLS_MAX])
            while cells and not cells[-1]:
                cells = cells[:-1]
            yield Row(line, cells)
    except ChannelsyncError:
        raise
    except Exception as error:
        raise Unreadable(
            f"{name} cannot be read behind row {line} ({type(error).__name__}); open it and save it again, or save it as CSV"
        ) from error


def _book(openpyxl: Any, file: BinaryIO, name: str, looks: Looks) -> Any:
    """As openpyxl.load_workbook, with bounds on what it makes whole trees of; sheets that are charts have no rows and are left out."""
    reader = openpyxl.reader.excel.ExcelReader(file, read_only=True, data_only=True, keep_links=False)
    archive, read_strings = reader.archive, reader.read_strings
    plain, unpack, texts_part = archive.open, archive.read, ""

    def fit_only(part: str, *how: Any) -> IO[bytes]:
        if (why := looks.unfit.get(part)) is not None:
            raise why
        if part in (looks.with_rows if part == texts_part else looks.with_texts):
            raise Unreadable(f"{name} has rows and texts in one another's place; open it and save it again, or save it as CSV")
        return cast(IO[bytes], plain(part, *how))

    def bounded(part: str) -> bytes:
        if archive.getinfo(part).file_size > TREE_MAX:
            raise Unreadable(f"{name} has more than {TREE_MAX // PIECE} MiB in {part[:80]}, which is no sheet; save the sheet as CSV")
        return bytes(unpack(part))

    def strings() -> None:
        nonlocal texts_part
        if (found := reader.package.find(openpyxl.xml.constants.SHARED_STRINGS)) is not None:
            texts_part = found.PartName[1:]
            if archive.getinfo(texts_part).file_size > STRINGS_MAX:
                raise too_many_texts(name)
        read_strings()

    archive.open, archive.read = fit_only, bounded
    reader.read_strings, reader.read_chartsheet = strings, lambda *_: None
    reader.read()
    return reader.wb


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value if len(value) > ESCAPED_MAX else _ESCAPED.sub(lambda found: chr(int(found[1], 16)), value)
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
