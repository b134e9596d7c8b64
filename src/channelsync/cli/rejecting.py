"""Rows of an import that were not applied, in a file that can be corrected and imported again: the same columns, and before them what is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

from channelsync.errors import ChannelsyncError
from channelsync.ledger.files.kinds import PROBLEM, Mistake
from channelsync.ledger.files.reading import folded
from channelsync.tabular import Row, Sheet, Written, csv_writer

TRIES = 1_000


class NoPlace(ChannelsyncError):
    """Bad rows cannot be kept, so nothing was applied."""


class Rejects:
    """path: the file; None as long as there are no bad rows."""

    def __init__(self, place: Path, write: Written, header: tuple[str, ...]) -> None:
        self.path: Path | None = None
        self._place, self._write = place, write
        self._shown = [number for number, name in enumerate(header) if folded(name) != PROBLEM.name]
        self._width = len(header)

    def keep(self, rows: Iterable[tuple[Row, Mistake]]) -> None:
        for row, mistake in rows:
            self.path = self._place
            cells = [row.cells[number] for number in self._shown if number < len(row.cells)]
            where = f"line {row.line}" + (f", {mistake.column}" if mistake.column else "")
            self._write([f"{where}: {mistake.why}", *cells, *row.cells[self._width :]])


@contextmanager
def rejects_of(name: str, sheet: Sheet, wanted: Path | None) -> Iterator[Rejects]:
    """Made before anything is applied, and removed if it stays empty. A file that is there already is never written over. Raises NoPlace."""
    place, header = wanted or Path(f"{name}.rejected.csv"), sheet.header
    columns = [PROBLEM.name, *(cell for cell in header if folded(cell) != PROBLEM.name)]
    kept: Rejects | None = None
    with ExitStack() as stack:
        place, file = _made(place, numbered=wanted is None)
        stack.callback(lambda: None if kept is not None and kept.path else place.unlink(missing_ok=True))
        write = stack.enter_context(csv_writer(stack.enter_context(file), columns, delimiter=sheet.delimiter or ","))
        kept = Rejects(place, write, header)
        yield kept


def _made(place: Path, *, numbered: bool) -> tuple[Path, BinaryIO]:
    tried = place
    for number in range(2, TRIES):
        try:
            return tried, tried.open("xb")
        except FileExistsError:
            if not numbered:
                break
            tried = place.with_name(f"{place.name.removesuffix('.csv')}-{number}.csv")
        except OSError as error:
            raise NoPlace(
                f"bad rows cannot be kept in {tried}: {error.strerror}; nothing was applied. Name another place with --rejects"
            ) from error
    raise NoPlace(f"{place} exists already, and nothing was applied; remove it, or name another place with --rejects")
