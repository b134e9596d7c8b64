"""The running sums of one batch: levels locked once, in key order, and moved in memory as item after item is decided; written at the end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import Connection

from channelsync.ledger import levels
from channelsync.ledger.levels import Entry, Level, LevelKey


class Running:
    """What the levels will be if the batch so far is written. Only what was added is written: a refused item adds nothing."""

    def __init__(self, conn: Connection, keys: Iterable[LevelKey]) -> None:
        self._conn = conn
        self.before = levels.read(conn, keys, lock=True)
        self._levels = dict(self.before)
        self._entries: list[Entry] = []

    @property
    def after(self) -> Mapping[LevelKey, Level]:
        return self._levels

    def level(self, key: LevelKey) -> Level:
        return self._levels[key]

    def of_sku(self, sku_id: int) -> dict[LevelKey, Level]:
        """The levels of one SKU at every location that was locked."""
        return {key: level for key, level in self._levels.items() if key[0] == sku_id}

    def add(self, entry: Entry) -> Level:
        """Take one movement into the sums; the level after it."""
        before = self._levels[entry.key]
        after = before.after(entry)
        self._levels[entry.key] = after
        self._entries.append(entry)
        return after

    def post(self, now: datetime) -> None:
        levels.post(self._conn, self._entries, now, there=self.before)
