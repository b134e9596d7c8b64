"""Tables in the width of the screen. What does not fit is made narrower in this order, and no word is broken before the last of it:

1. headers and cells go on in a second line, between two words;
2. the lines between the columns are left out;
3. columns that may be left out (their name ends with ?) are: first those with nothing but 0 and -, then the last ones; a line below says which;
4. the longest words of cells are folded. Nothing is ever cut off: ids are for copying.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rich import box
from rich.cells import cell_len
from rich.markup import escape
from rich.table import Table

FEWEST: Final = 4
"""Characters of a column whose words are folded, at least."""


@dataclass(frozen=True, slots=True)
class _Column:
    """A name may end with # (to the right) and ? (may be left out). cells: text, as it is to be read."""

    name: str
    cells: Sequence[str]

    @property
    def head(self) -> str:
        return self.name.rstrip("#?")

    @property
    def right(self) -> bool:
        return "#" in self.name[len(self.head) :]

    @property
    def spare(self) -> bool:
        return "?" in self.name[len(self.head) :]

    @property
    def idle(self) -> bool:
        return set(self.cells) <= {"0", "-"}

    @property
    def natural(self) -> int:
        return max(_longest(text.split("\n")) for text in (self.head, *self.cells))

    @property
    def least(self) -> int:
        """Of its longest word."""
        return max(_longest(text.split()) for text in (self.head, *self.cells))

    @property
    def folded(self) -> int:
        return max(_longest(self.head.split()), min(self.least, FEWEST))


def _longest(parts: Sequence[str]) -> int:
    return max((cell_len(part) for part in parts), default=0)


def fitted(title: str, names: Sequence[str], rows: Sequence[Sequence[str]], room: int) -> tuple[Table, tuple[str, ...]]:
    """The table, and the names of the columns that were left out of it. room: characters of a line."""
    columns = [_Column(name, [row[place] for row in rows]) for place, name in enumerate(names)]
    chosen, framed, kept = columns, True, list(range(len(columns)))
    if not _fits(columns, room, framed=True):
        framed = False
        while not _fits([columns[place] for place in kept], room, framed=False):
            spare = [place for place in kept if columns[place].spare]
            if not spare:
                break
            kept.remove(max(spare, key=lambda place: (columns[place].idle, place)))
        chosen = [columns[place] for place in kept]
    widths = _widths(chosen, room - _frame(len(chosen), framed=framed))
    table = _empty(title, framed=framed)
    for column, width in zip(chosen, widths, strict=True):
        table.add_column(escape(column.head), justify="right" if column.right else "left", overflow="fold", width=width)
    for row in rows:
        table.add_row(*(escape(row[place]) for place in kept))
    return table, tuple(column.head for place, column in enumerate(columns) if place not in kept)


def _fits(columns: Sequence[_Column], room: int, *, framed: bool) -> bool:
    return sum(column.least for column in columns) + _frame(len(columns), framed=framed) <= room


def _frame(count: int, *, framed: bool) -> int:
    """Characters beside the cells."""
    return 3 * count + 1 if framed else 2 * (count - 1)


def _empty(title: str, *, framed: bool) -> Table:
    if framed:
        return Table(title=title, title_justify="left", header_style="bold")
    return Table(
        title=title, title_justify="left", header_style="bold", box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0)
    )


def _widths(columns: Sequence[_Column], room: int) -> list[int]:
    """Each at least its longest word, if that fits; what is left goes to those with the longest lines."""
    widths, natural = [column.least for column in columns], [column.natural for column in columns]
    for floor in ([column.folded for column in columns], [1] * len(columns)):  # the words of headers are folded after all others
        while sum(widths) > room and any(width > low for width, low in zip(widths, floor, strict=True)):
            widths[_largest(widths, floor)] -= 1
    while sum(widths) < room and any(whole > width for whole, width in zip(natural, widths, strict=True)):
        widths[_largest(natural, widths)] += 1
    return widths


def _largest(these: Sequence[int], those: Sequence[int]) -> int:
    """The place with the largest difference."""
    return max(range(len(these)), key=lambda place: these[place] - those[place])
