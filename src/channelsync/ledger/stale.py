"""Targets that wait: while a page of orders is applied, shelves that can only fall get their new targets together, at the end.

As if each order had given them theirs. What rises is counted (`targets.rises`), so an order of which numbers may rise has what waits written before
it, and its own at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from sqlalchemy import Connection

from channelsync.ledger import targets
from channelsync.ledger.levels import Entry, LevelKey


class Stale:
    def __init__(self, conn: Connection) -> None:
        self._conn = conn
        self._skus = set[int]()
        self._shelves = set[int]()

    def add(self, sku_ids: Iterable[int], shelf_ids: Iterable[int]) -> None:
        self._skus.update(sku_ids)
        self._shelves.update(shelf_ids)

    def refresh(self) -> None:
        """All of them, as things stand now."""
        wanted = self._skus | targets.skus_of(self._conn, self._shelves)
        self._skus, self._shelves = set(), set()
        targets.retarget(self._conn, wanted)


def frees(entries: Sequence[Entry]) -> bool:
    """Whether units of some level come free."""
    available = Counter[LevelKey]()
    for entry in entries:
        available[entry.key] += entry.on_hand - entry.soft - entry.hard - entry.pending_debit - entry.held_elsewhere
    return any(units > 0 for units in available.values())
