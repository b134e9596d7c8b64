"""What one unit of a SKU costs, in the store's currency: kept as whole ten-thousandths, said and told as exact decimal text.

A bundle has no cost of its own, its parts have. `value` in `stats` is made of it; nothing else in the ledger depends on it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, select, update

from channelsync.ledger import skus
from channelsync.ledger.keys import Answer, Keyed, idempotent
from channelsync.ledger.refusals import NotAllowed, Refusal, UnknownSku
from channelsync.ledger.schema import bundle_parts
from channelsync.ledger.schema import skus as table

SCALE: Final = 10_000
PATTERN: Final = r"^[0-9]{1,9}(\.[0-9]{1,4})?$"
SHOWN: Final = 40
"""So much of a text that is no amount is repeated."""


@dataclass(frozen=True, slots=True)
class SetCost(Keyed):
    """cost: decimal text like "12.50", of one unit; None: it is not known."""

    sku: str
    cost: str | None


@dataclass(frozen=True, slots=True)
class CostSet(Answer):
    """cost: in the one spelling that `text_of` gives."""

    sku: str
    cost: str | None


@idempotent(CostSet)
def set_cost(conn: Connection, items: Sequence[SetCost], now: datetime) -> Sequence[CostSet | Refusal]:
    """From now on; of two for one SKU the later one holds. Locks SKU rows: inside another verb, call it before any level is locked."""
    names = skus.locked(conn, {item.sku for item in items})
    bundles = set(conn.scalars(select(bundle_parts.c.bundle_id).where(bundle_parts.c.bundle_id.in_(sorted(names.values())))))
    return [_set_one(conn, names, bundles, item) for item in items]


def _set_one(conn: Connection, names: dict[str, int], bundles: set[int], item: SetCost) -> CostSet | Refusal:
    try:
        amount = None if item.cost is None else parsed(item.cost)
    except NotAllowed as problem:
        return problem
    if item.sku not in names:
        return UnknownSku(item.sku)
    if names[item.sku] in bundles:
        return NotAllowed(f"SKU {item.sku!r} is a bundle and has no cost of its own; set the cost of its parts")
    conn.execute(update(table).where(table.c.id == names[item.sku]).values(unit_cost=amount))
    return CostSet(item.sku, text_of(amount))


def parsed(text: str) -> int:
    """Whole ten-thousandths. Raises NotAllowed for what is no amount from 0 to 999999999.9999."""
    if re.fullmatch(PATTERN, text) is None:
        raise NotAllowed(
            f"the cost {text[:SHOWN]!r} is no amount; write it like 12.50: up to 9 digits, a point and up to 4 more, without sign, comma or currency"
        )
    whole, _, part = text.partition(".")
    return int(whole) * SCALE + int(part.ljust(4, "0"))


def text_of(amount: int | None) -> str | None:
    """Ten-thousandths, 0 or more, as decimal text with two to four places: 125000 is "12.50"."""
    if amount is None:
        return None
    whole, part = divmod(amount, SCALE)
    return f"{whole}.{f'{part:04}'.rstrip('0').ljust(2, '0')}"
