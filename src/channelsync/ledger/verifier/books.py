"""Book entries added up by hand, and the books that must be their sums."""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from sqlalchemy import Connection, text

from channelsync.ledger.verifier.found import Mismatches
from channelsync.ledger.verifier.rows import Row

COLUMNS: Final = ("id", "shelf_id", "kind", "delta", "attempt_id", "order_id", "note", "at")
_SHELF, _KIND, _DELTA = 1, 2, 3


class Booked:
    """What the entries so far make of each book, and how often it was opened. None: it never was."""

    def __init__(self) -> None:
        self._sums: dict[int, int] = defaultdict(int)
        self._openings: dict[int, int] = defaultdict(int)

    def take(self, row: Row, found: Mismatches) -> None:
        shelf = row[_SHELF]
        if row[_KIND] == "opening":
            self._openings[shelf] += 1
        elif not self._openings[shelf]:
            found.add("books", f"book entry {row[0]} of shelf {shelf}", "an opening before it", f"{row[_KIND]} first")
        self._sums[shelf] += row[_DELTA]

    def compare(self, conn: Connection, found: Mismatches) -> None:
        kept = {shelf: book for shelf, book in conn.execute(text("SELECT id, book FROM shelves"))}  # noqa: C416 (rows are no pairs to the type checker)
        for shelf in sorted(kept.keys() | self._sums.keys()):
            expected = self._sums[shelf] if self._openings[shelf] == 1 else None
            if self._openings[shelf] > 1:
                found.add("books", f"book of shelf {shelf}", "opened once", f"opened {self._openings[shelf]} times")
            elif kept.get(shelf) != expected:
                found.add("books", f"book of shelf {shelf}", f"{expected} (entries added up)", kept.get(shelf))
