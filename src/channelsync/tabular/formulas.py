"""A cell that begins with = + - @, a tab or a line break is run by spreadsheets as a formula. Written with an apostrophe before it, it is text.

Numbers stay numbers: -5 is written as it is. A text that begins with an apostrophe gets another one, so that reading undoes exactly what writing
did: `original(harmless(text)) == text` for every text.
"""

from __future__ import annotations

import re
from typing import Final

MARK: Final = "'"
STARTERS: Final = frozenset("=+-@\t\r\n")
_NUMBER: Final = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")


def harmless(text: str) -> str:
    """How a text is written into a cell."""
    if text.startswith(MARK) or (text[:1] in STARTERS and _NUMBER.fullmatch(text) is None):
        return MARK + text
    return text


def original(cell: str) -> str:
    """The text that a cell stands for. An apostrophe before anything else is part of it."""
    if cell.startswith(MARK) and (cell[1:2] == MARK or cell[1:2] in STARTERS):
        return cell[1:]
    return cell
