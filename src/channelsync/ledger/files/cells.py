"""From the text of a cell to a value: numbers as spreadsheets write them, and nothing that could be meant in two ways."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from channelsync.ledger import bounds

Cells = Mapping[str, str]
"""Column -> text of one row, as it stands in the file; columns that the file does not have are absent."""

_SPACES: Final = " \u00a0\u2009\u202f'"
_WHOLE: Final = re.compile(rf"([+-]?)([0-9]{{1,3}}(?:[{_SPACES}][0-9]{{3}})+|[0-9]+)(\.0{{1,2}})?")
SHOWN: Final = 40


class BadCell(Exception):
    """What a cell holds cannot be used. column: which; None: it is the row as a whole. The text says what to do."""

    def __init__(self, column: str | None, why: str) -> None:
        super().__init__(why)
        self.column = column


@dataclass(frozen=True, slots=True)
class Column:
    """required: the file must have it. told: written by an export for people, and left alone by an import."""

    name: str
    about: str
    required: bool = False
    told: bool = False


def text(cells: Cells, column: str) -> str:
    """Without the space around it; "" if the file has no such column."""
    return cells.get(column, "").strip()


def needed(cells: Cells, column: str, what: str) -> str:
    found = text(cells, column)
    if not found:
        raise BadCell(column, f"it is empty; it must name {what}")
    return found


def whole(cells: Cells, column: str, *, least: int | None = 0) -> int | None:
    """None: the cell is empty. "1.0" is 1 and "1 000" is 1000; "1,000" and "1.000" could be a thousand or one, so they are refused.

    least None: a signed number, not 0.
    """
    said = text(cells, column)
    if not said:
        return None
    found = _WHOLE.fullmatch(said.replace("\u2212", "-"))
    if found is None:
        raise BadCell(
            column,
            f"{said[:SHOWN]!r} is no whole number; write it like 1000, without comma, unit or formula (1.0 and 1 000 are understood)",
        )
    value = int(f"{found[1]}{re.sub(f'[{_SPACES}]', '', found[2])}"[:30])
    problem = bounds.units(abs(value), at_least=1) if least is None else bounds.units(value, at_least=least)
    if problem:
        raise BadCell(column, str(problem))
    return value


def day(cells: Cells, column: str) -> dt.date | None:
    said = text(cells, column)
    if not said:
        return None
    try:
        return (
            dt.date.fromisoformat(said[:10]) if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T00:00(:00)?)?", said) else _no_day(column, said)
        )
    except ValueError:
        return _no_day(column, said)


def _no_day(column: str, said: str) -> dt.date:
    raise BadCell(column, f"{said[:SHOWN]!r} is no date; write it like 2026-01-31")


def one_of(cells: Cells, column: str, allowed: Mapping[str, Any]) -> Any:
    said = text(cells, column).lower()
    if said not in allowed:
        raise BadCell(column, f"{said[:SHOWN]!r} is none of {', '.join(name for name in allowed if name)}")
    return allowed[said]


def fits(column: str, **texts: str | None) -> None:
    """Raise BadCell for a text that cannot be stored."""
    if problem := bounds.texts(**texts):
        raise BadCell(column, str(problem))
