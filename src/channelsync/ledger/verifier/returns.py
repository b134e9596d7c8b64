"""What returns have moved by the log, added up by hand, and their lines, which must say the same; and that it lies where it waits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Connection, text

from channelsync.ledger.verifier.found import Mismatches
from channelsync.ledger.verifier.rows import Row

_SKU, _LOCATION, _TYPE, _ON_HAND, _QUARANTINED, _DAMAGED, _REFERENCE, _CHANNEL = 1, 2, 3, 4, 8, 9, 12, 15
"""As in `stock.COLUMNS`."""
CAME, BACK, BROKEN, WENT = range(4)
_PLACE: Final = {
    "quarantine": (CAME, _QUARANTINED, 1),
    "return": (BACK, _ON_HAND, 1),
    "write_off": (BROKEN, _DAMAGED, 1),
    "supplier_return": (WENT, _QUARANTINED, -1),
}
"""Kind of movement -> which sum it is in, by which bucket, and its sign."""
_LINES: Final = """
    SELECT returns.id, state, sku_id, location_id, received, restocked, written_off, to_supplier
    FROM return_lines JOIN returns ON returns.id = return_id
"""
_OTHERS: Final = """
    SELECT movements.reference, sku_id, movements.location_id, type, on_hand, quarantined, damaged
    FROM movements JOIN returns ON movements.reference = 'RET-' || CAST(returns.id AS VARCHAR(20))
    WHERE channel_id IS NULL AND recorded_at < created_at - 86400000000
"""
"""Movements by hands that used the name of a return before there was one. A clock that is set back makes nothing a day younger."""
Key = tuple[str, int, int]


class SentBack:
    """Per return, SKU and location: what came, went back on hand, was written off, and left for a supplier."""

    def __init__(self) -> None:
        self._sums: dict[Key, list[int]] = defaultdict(lambda: [0] * 4)

    def take(self, row: Row) -> None:
        if row[_TYPE] in _PLACE and row[_CHANNEL] is None and row[_REFERENCE].startswith("RET-"):
            which, bucket, sign = _PLACE[row[_TYPE]]
            self._sums[row[_REFERENCE], row[_SKU], row[_LOCATION]][which] += sign * row[bucket]

    def compare(self, conn: Connection, quarantined: Mapping[tuple[int, int], int], found: Mismatches) -> None:
        self._leave_out_others(conn)
        told: dict[Key, list[int]] = defaultdict(lambda: [0] * 4)
        waiting: dict[tuple[int, int], int] = defaultdict(int)
        numbers = {f"RET-{row[0]}" for row in conn.execute(text("SELECT id FROM returns"))}
        for number, state, sku, location, *units in conn.execute(text(_LINES)):
            told[f"RET-{number}", sku, location] = [
                one + other for one, other in zip(told[f"RET-{number}", sku, location], units, strict=True)
            ]
            if state == "received":
                waiting[sku, location] += units[CAME] - units[BACK] - units[BROKEN] - units[WENT]
        for key in sorted(told.keys() | {key for key in self._sums if key[0] in numbers}):
            logged, lines = self._sums.get(key, [0] * 4), told.get(key, [0] * 4)
            if logged != lines:
                where = f"{key[0]}, SKU {key[1]} at location {key[2]}"
                found.add("returns", where, f"{_words(logged)} (movements added up)", f"{_words(lines)} (lines)")
        for place, units_there in sorted(waiting.items()):
            if units_there > quarantined.get(place, 0):
                where = f"SKU {place[0]} at location {place[1]}, quarantined"
                found.add("returns", where, f"{units_there} or more (returns wait with them)", quarantined.get(place, 0))

    def _leave_out_others(self, conn: Connection) -> None:
        for reference, sku, location, kind, on_hand, quarantined, damaged in conn.execute(text(_OTHERS)):
            if kind in _PLACE:
                which, bucket, sign = _PLACE[kind]
                units = {_ON_HAND: on_hand, _QUARANTINED: quarantined, _DAMAGED: damaged}[bucket]
                self._sums[reference, sku, location][which] -= sign * units


def _words(sums: list[Any]) -> str:
    return f"received {sums[CAME]}, restocked {sums[BACK]}, written off {sums[BROKEN]}, to the supplier {sums[WENT]}"
