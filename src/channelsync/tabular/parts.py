"""A look at every part of an XLSX file, before anybody builds objects of it: what is XML is told by the parser, not by names or bytes.

A part that expat does not take (an image) is none that openpyxl would read either: its sheets and strings are read by the same expat.
What no spreadsheet holds may stand in a part that is never parsed, as in a drawing; so it is told here, and refused where the part is opened.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from typing import BinaryIO, Final
from xml.parsers import expat

from channelsync.tabular.row import Unreadable

PIECE: Final = 1024 * 1024
SWOLLEN_MAX: Final = 256 * PIECE
STRINGS_MAX: Final = 64 * PIECE
PARTS_MAX: Final = 1_000
ROW_MAX: Final = 4 * PIECE
"""Bytes of XML in one row, one text or one tag, each of which is held in memory as a whole."""
KEPT_MAX: Final = 4 * 1024 * 1024
"""Rows, texts and other elements of a part that are held while it is read; what is in a row goes with it."""
_SPACE: Final = "http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_ROW: Final = _SPACE + "row"
_TEXT: Final = _SPACE + "si"


@dataclass(frozen=True, slots=True)
class Looks:
    """What the parts are, by their names. unfit: why one must not be parsed (an image may well be so).

    with_rows, with_texts: those that hold such. Who reads the one lets go of it behind each, and would keep all of the other.
    """

    unfit: dict[str, Unreadable]
    with_rows: set[str]
    with_texts: set[str]


def look_over(file: BinaryIO, name: str) -> Looks:
    """Unpack every part once, counting. Raises Unreadable, and zipfile.BadZipFile if it is no archive."""
    with zipfile.ZipFile(file) as archive:
        parts = archive.infolist()
        if len(parts) > PARTS_MAX:
            raise Unreadable(f"{name} has {len(parts)} parts inside; it is no ordinary XLSX file")
        if sum(part.file_size for part in parts) > SWOLLEN_MAX:
            raise Unreadable(f"{name} would swell to more than {SWOLLEN_MAX // PIECE} MiB; save the sheet as CSV, or split it")
        if any("sharedstrings" in part.filename.lower() and part.file_size > STRINGS_MAX for part in parts):
            raise too_many_texts(name)
        looks = Looks({}, set(), set())
        for part in parts:
            look = _Look(name)
            try:
                with archive.open(part) as content:  # zipfile unpacks no more than the size a part claims
                    while (piece := content.read(PIECE)) and look.take(piece):
                        pass
            except Unreadable as why:
                looks.unfit[part.filename] = why
            if _ROW in look.holds:
                looks.with_rows.add(part.filename)
            if _TEXT in look.holds:
                looks.with_texts.add(part.filename)
        return looks


def too_many_texts(name: str) -> Unreadable:
    return Unreadable(f"{name} has more than {STRINGS_MAX // PIECE} MiB of texts; save the sheet as CSV, or split it")


class _Look:
    """One part as it streams by. holds: of rows and texts, those it has."""

    def __init__(self, name: str) -> None:
        self.holds = set[str]()
        self._name, self._taken, self._kept = name, 0, 0
        self._inside, self._depth, self._since = "", 0, 0
        self._parser = expat.ParserCreate(None, "}")
        self._parser.StartDoctypeDeclHandler = self._declared
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end

    def take(self, piece: bytes) -> bool:
        """False: it is no XML from here on, and nobody who wants XML comes further. Raises Unreadable."""
        try:
            self._parser.Parse(piece, False)
        except expat.ExpatError:
            return False
        self._taken += len(piece)
        since = self._since if self._inside else max(self._parser.CurrentByteIndex, 0)  # a tag or comment that has not ended
        if self._taken - since > ROW_MAX + PIECE:
            raise self._long()
        return True

    def _declared(self, *_: object) -> None:
        raise Unreadable(f"{self._name} declares a document type or XML entities, which no spreadsheet does; it is not read")

    def _start(self, tag: str, _: object) -> None:
        if not self._inside or tag == _ROW:
            self._kept += 1
            if self._kept > KEPT_MAX:
                raise Unreadable(f"{self._name} has more than {KEPT_MAX:,} rows, texts and formats; save the sheet as CSV, or split it")
        if tag == self._inside:
            self._depth += 1
        elif tag in (_ROW, _TEXT):
            self.holds.add(tag)
            if not self._inside:
                self._inside, self._depth, self._since = tag, 1, self._parser.CurrentByteIndex

    def _end(self, tag: str) -> None:
        if tag != self._inside:
            return
        self._depth -= 1
        if not self._depth:
            self._inside = ""
            if self._parser.CurrentByteIndex - self._since > ROW_MAX:
                raise self._long()

    def _long(self) -> Unreadable:
        return Unreadable(f"{self._name} has more than {ROW_MAX // PIECE} MiB in one row or cell; shorten its texts")
