"""What transfers have taken and brought by the log, added up by hand, and their lines, which must say the same."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Final

from sqlalchemy import Connection, text

from channelsync.ledger.verifier.found import Mismatches
from channelsync.ledger.verifier.rows import Row

_SKU, _LOCATION, _TYPE, _ON_HAND, _INCOMING, _REFERENCE = 1, 2, 3, 4, 7, 12
"""As in `stock.COLUMNS`."""
OUT, IN, WAY = 0, 1, 2
_LINES: Final = """
    SELECT transfers.id, sku_id, from_id, to_id, quantity, received, in_transit, missing
    FROM transfer_lines JOIN transfers ON transfers.id = transfer_id WHERE state NOT IN ('draft', 'cancelled')
"""
_NOTHING: Final = [0, 0, 0]


class Carried:
    """Per transfer, SKU and location: what went out, came in, and is on its way."""

    def __init__(self) -> None:
        self._sums: dict[tuple[str, int, int], list[int]] = defaultdict(lambda: [0, 0, 0])

    def take(self, row: Row) -> None:
        kind, reference = row[_TYPE], row[_REFERENCE]
        if kind not in {"transfer_out", "transfer_in"} and not (kind == "expect" and reference.startswith("TR-")):
            return
        sums = self._sums[reference, row[_SKU], row[_LOCATION]]
        sums[OUT] -= row[_ON_HAND] if kind == "transfer_out" else 0
        sums[IN] += row[_ON_HAND] if kind == "transfer_in" else 0
        sums[WAY] += row[_INCOMING]

    def compare(self, conn: Connection, found: Mismatches) -> None:
        told: dict[tuple[str, int, int], list[int]] = defaultdict(lambda: [0, 0, 0])
        for number, sku, origin, destination, quantity, received, in_transit, missing in conn.execute(text(_LINES)):
            told[f"TR-{number}", sku, origin][OUT] += quantity
            here = told[f"TR-{number}", sku, destination]
            here[IN] += received
            here[WAY] += in_transit
            if max(quantity - received, 0) != in_transit + missing:
                rest = f"{in_transit} in transit and {missing} missing"
                found.add("transfers", f"SKU {sku} on TR-{number}", f"{max(quantity - received, 0)} of {quantity} not received", rest)
        for key in sorted(told.keys() | self._sums.keys()):
            logged, line = self._sums.get(key, _NOTHING), told.get(key, _NOTHING)
            if logged != line:
                where = f"transfer {key[0]!r}, SKU {key[1]} at location {key[2]}"
                found.add("transfers", where, f"{_words(logged)} (movements added up)", f"{_words(line)} (lines)")


def _words(sums: list[Any]) -> str:
    return f"out {sums[OUT]}, in {sums[IN]}, on the way {sums[WAY]}"
