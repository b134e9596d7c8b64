"""Movements added up by hand, and everything that must be their sum: levels, and the holds of orders and reservations."""

# ruff: noqa: S608  (queries are composed of this package's own constants, never of anything from outside)
from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import Connection, text

from channelsync.ledger.verifier.counts import Sheets
from channelsync.ledger.verifier.found import Mismatches
from channelsync.ledger.verifier.returns import SentBack
from channelsync.ledger.verifier.rows import Row
from channelsync.ledger.verifier.transfers import Carried

Take = Callable[[Row, Mismatches], None]
Place = tuple[int, int]
Claim = tuple[str, int, int]

UNITS: Final = ("on_hand", "soft", "hard", "incoming", "quarantined", "damaged", "pending_debit", "held_elsewhere")
SOFT, HARD, INCOMING, QUARANTINED, PENDING = 1, 2, 3, 4, 6
COLUMNS: Final = (
    "id",
    "sku_id",
    "location_id",
    "type",
    *UNITS,
    "reference",
    "reason",
    "actor",
    "channel_id",
    "occurred_at",
    "recorded_at",
)
_SKU, _LOCATION, _TYPE, _UNITS, _REFERENCE = 1, 2, 3, slice(4, 12), 12

PHYSICAL: Final = frozenset(
    {"seed", "receive", "adjust", "count", "import", "write_off", "transfer_out", "transfer_in", "expect", "supplier_return"}
)
"""Kinds of movement that no hold may come from or go to."""

_HELD: Final = """
    SELECT reference, sku_id, location_id, kind, open FROM reservations WHERE open <> 0
    UNION ALL SELECT orders.ref, sku_id, location_id, 'soft', soft FROM order_lines JOIN orders ON orders.id = order_id WHERE soft <> 0
    UNION ALL SELECT orders.ref, sku_id, location_id, 'hard', hard FROM order_lines JOIN orders ON orders.id = order_id WHERE hard <> 0
"""
_SHIPPED: Final = """
    SELECT sku_id, location_id, shipped - debited FROM order_lines WHERE shipped <> debited
    UNION ALL SELECT sku_id, location_id, units FROM hand_shipments
"""
_COMING: Final = """
    SELECT sku_id, location_id, incoming FROM purchase_lines JOIN purchase_orders ON purchase_orders.id = order_id WHERE incoming <> 0
    UNION ALL SELECT sku_id, to_id, in_transit FROM transfer_lines JOIN transfers ON transfers.id = transfer_id WHERE in_transit <> 0
"""


class Moved:
    """What the movements so far add up to, per place and per claim."""

    def __init__(self) -> None:
        self._levels: dict[Place, list[int]] = defaultdict(lambda: [0] * len(UNITS))
        self._claims: dict[Claim, list[int]] = {}
        self._carried = Carried()
        self._sent_back = SentBack()
        self._sheets = Sheets()

    def take(self, row: Row, found: Mismatches) -> None:
        place, units = (row[_SKU], row[_LOCATION]), row[_UNITS]
        level = self._levels[place]
        for index, delta in enumerate(units):
            level[index] += delta
        self._carried.take(row)
        self._sent_back.take(row)
        self._sheets.take(row)
        if units[SOFT] or units[HARD]:
            if row[_TYPE] in PHYSICAL:
                found.add("kinds", f"movement {row[0]}", f"a {row[_TYPE]} moves no held units", f"soft {units[SOFT]}, hard {units[HARD]}")
            self._claim((row[_REFERENCE], *place), units[SOFT], units[HARD])

    def _claim(self, claim: Claim, soft: int, hard: int) -> None:
        """What was given back completely is forgotten at once: only what is open fills memory."""
        sums = self._claims.setdefault(claim, [0, 0])
        sums[0] += soft
        sums[1] += hard
        if sums == [0, 0]:
            del self._claims[claim]

    def compare(self, conn: Connection, found: Mismatches) -> None:
        kept = _kept_levels(conn)
        self._compare_levels(kept, found)
        claims = _claims(conn)
        self._compare_claims(claims, found)
        _compare_holds(kept, claims, found)
        _compare(conn, kept, found, "pending", PENDING, _SHIPPED, "shipped and not proved")
        _compare(conn, kept, found, "incoming", INCOMING, _COMING, "open purchase orders and transfers")
        self._carried.compare(conn, found)
        self._sent_back.compare(conn, {place: level[QUARANTINED] for place, level in kept.items()}, found)
        self._sheets.compare(conn, found)

    def _compare_levels(self, kept: dict[Place, list[int]], found: Mismatches) -> None:
        none = [0] * len(UNITS)
        for place in sorted(self._levels.keys() | kept.keys()):
            for name, logged, is_now in zip(UNITS, self._levels.get(place, none), kept.get(place, none), strict=True):
                if logged != is_now:
                    found.add("levels", f"{_at(place)}, {name}", f"{logged} (movements added up)", is_now)

    def _compare_claims(self, claims: dict[Claim, list[int]], found: Mismatches) -> None:
        for claim in sorted(self._claims.keys() | claims.keys()):
            logged, held = self._claims.get(claim, [0, 0]), claims.get(claim, [0, 0])
            if logged != held:
                where = f"{claim[0]!r} on {_at(claim[1:])}"
                found.add("claims", where, f"{_soft_hard(logged)} (movements added up)", f"{_soft_hard(held)} (orders, reservations)")


def _kept_levels(conn: Connection) -> dict[Place, list[int]]:
    rows = conn.execute(text(f"SELECT sku_id, location_id, {', '.join(UNITS)} FROM stock_levels"))
    return {(row[0], row[1]): list(row[2:]) for row in rows}


def _claims(conn: Connection) -> dict[Claim, list[int]]:
    claims: dict[Claim, list[int]] = defaultdict(lambda: [0, 0])
    for reference, sku_id, location_id, kind, units in conn.execute(text(_HELD)):
        claims[reference, sku_id, location_id][kind == "hard"] += units
    return dict(claims)


def _compare_holds(kept: dict[Place, list[int]], claims: dict[Claim, list[int]], found: Mismatches) -> None:
    held: dict[Place, list[int]] = defaultdict(lambda: [0, 0])
    for (_, sku_id, location_id), (soft, hard) in claims.items():
        sums = held[sku_id, location_id]
        sums[0] += soft
        sums[1] += hard
    for place in sorted(held.keys() | kept.keys()):
        level = kept.get(place, [0] * len(UNITS))
        expected, is_now = held.get(place, [0, 0]), [level[SOFT], level[HARD]]
        if expected != is_now:
            found.add("holds", _at(place), f"{_soft_hard(expected)} (orders, reservations)", _soft_hard(is_now))


def _compare(conn: Connection, kept: dict[Place, list[int]], found: Mismatches, check: str, bucket: int, query: str, of: str) -> None:
    """One bucket against the rows that it is the sum of."""
    sums: dict[Place, int] = defaultdict(int)
    for sku_id, location_id, units in conn.execute(text(query)):
        sums[sku_id, location_id] += units
    for place in sorted(sums.keys() | kept.keys()):
        is_now = kept[place][bucket] if place in kept else 0
        if sums.get(place, 0) != is_now:
            found.add(check, f"{_at(place)}, {UNITS[bucket]}", f"{sums.get(place, 0)} ({of})", is_now)


def _at(place: Any) -> str:
    return f"SKU {place[0]} at location {place[1]}"


def _soft_hard(sums: list[int]) -> str:
    return f"soft {sums[0]}, hard {sums[1]}"
