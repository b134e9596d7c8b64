"""What count sheets have moved by the log, added up by hand, and the differences on their lines, which must say the same."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Final

from sqlalchemy import Connection, text

from channelsync.ledger.verifier.found import Mismatches
from channelsync.ledger.verifier.rows import Row

_SKU, _LOCATION, _TYPE, _ON_HAND, _REFERENCE, _RECORDED = 1, 2, 3, 4, 12, 17
"""As in `stock.COLUMNS`."""
_SHEETS: Final = "SELECT id, closed_at FROM count_sheets WHERE state = 'applied'"
_LINES: Final = """
    SELECT count_sheets.id, sku_id, location_id, difference FROM count_lines JOIN count_sheets ON count_sheets.id = sheet_id
    WHERE difference IS NOT NULL
"""
_NOTHING: Final = [0, 0]
Key = tuple[str, int, int]


class Sheets:
    """Per sheet, SKU and location: how many counts, and what they have changed. Only those of the moment at which a sheet was applied are its own."""

    def __init__(self) -> None:
        self._sums: dict[tuple[Any, ...], list[int]] = defaultdict(lambda: [0, 0])

    def take(self, row: Row) -> None:
        if row[_TYPE] == "count" and row[_REFERENCE].startswith("CNT-"):
            sums = self._sums[row[_REFERENCE], row[_RECORDED], row[_SKU], row[_LOCATION]]
            sums[0] += 1
            sums[1] += row[_ON_HAND]

    def compare(self, conn: Connection, found: Mismatches) -> None:
        applied = {(f"CNT-{number}", closed_at) for number, closed_at in conn.execute(text(_SHEETS))}
        logged: dict[Key, list[int]] = {(key[0], *key[2:]): sums for key, sums in self._sums.items() if key[:2] in applied}
        lines: dict[Key, list[int]] = {}
        for number, sku, location, difference in conn.execute(text(_LINES)):
            lines[f"CNT-{number}", sku, location] = [1, difference]
        for key in sorted(logged.keys() | lines.keys()):
            by_log, by_line = logged.get(key, _NOTHING), lines.get(key, _NOTHING)
            if by_log != by_line:
                where = f"{key[0]}, SKU {key[1]} at location {key[2]}"
                found.add("counts", where, f"{by_log[1]:+d} by {by_log[0]} counts (movements)", f"{by_line[1]:+d} by {by_line[0]} lines")
