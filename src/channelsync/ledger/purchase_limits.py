"""What one reference (a cart, an order) may claim of a SKU in all: for sales where everybody should get some.

Counted from the log: what was granted to the reference and neither released nor expired since. What became an order or was shipped counts on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, func, select

from channelsync.ledger import bounds
from channelsync.ledger.levels import MovementType
from channelsync.ledger.refusals import OverPurchaseLimit
from channelsync.ledger.schema import movements
from channelsync.ledger.skus import Sku

CHUNK = 400
_COUNTING = (MovementType.RESERVE.value, MovementType.RELEASE.value, MovementType.EXPIRE.value)


class PurchaseLimits:
    """Running sums of a batch. The rows of the SKUs must be held, or two requests of one reference would not see each other."""

    def __init__(self, conn: Connection, limited: Iterable[Sku], references: Iterable[str]) -> None:
        self._limit = {sku.id: sku for sku in limited if sku.reference_limit is not None}
        self._taken: defaultdict[tuple[str, int], int] = defaultdict(int)
        if self._limit:
            self._taken |= _taken(conn, sorted(self._limit), bounds.findable(references))

    def refusal(self, reference: str, wanted: Mapping[int, int]) -> OverPurchaseLimit | None:
        """wanted: units per SKU id, those in bundles too."""
        for sku_id, units in wanted.items():
            sku = self._limit.get(sku_id)
            if sku is None or sku.reference_limit is None:
                continue
            taken = self._taken[reference, sku_id]
            if taken + units > sku.reference_limit:
                return OverPurchaseLimit(sku.sku, units, sku.reference_limit, taken)
        return None

    def granted(self, reference: str, wanted: Mapping[int, int]) -> None:
        for sku_id, units in wanted.items():
            if sku_id in self._limit:
                self._taken[reference, sku_id] += units


def _taken(conn: Connection, sku_ids: list[int], references: list[str]) -> dict[tuple[str, int], int]:
    moved = movements.c
    found: dict[tuple[str, int], int] = {}
    for start in range(0, len(references), CHUNK):
        query = (
            select(moved.reference, moved.sku_id, func.sum(moved.soft + moved.hard))
            .where(moved.reference.in_(references[start : start + CHUNK]), moved.sku_id.in_(sku_ids))
            .where(moved.type.in_(_COUNTING), moved.channel_id.is_(None))  # an order's own claims are the channel's
            .group_by(moved.reference, moved.sku_id)
        )
        found |= {(row[0], row[1]): int(row[2]) for row in conn.execute(query)}
    return found
