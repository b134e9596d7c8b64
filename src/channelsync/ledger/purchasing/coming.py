"""What of a SKU is on its way, and when it is expected: by the open lines of purchase orders and transfers. Reads only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import Connection, func, literal, null, select, union_all

from channelsync.ledger.schema import locations, purchase_lines, purchase_orders, transfer_lines, transfers

CHUNK: Final = 400
SHOWN: Final = 100


@dataclass(frozen=True, slots=True)
class Coming:
    """Units of one SKU that one document brings to a location. reference: PO-7, TR-3. expected_on None: nobody has said."""

    reference: str
    location: str
    units: int
    expected_on: date | None


def coming(conn: Connection, sku_id: int) -> tuple[Coming, ...]:
    """What is expected first first, at most a hundred documents."""
    bought = (
        select(
            literal("PO-").label("kind"), purchase_orders.c.id, locations.c.code, purchase_lines.c.incoming, purchase_orders.c.expected_on
        )
        .join_from(purchase_lines, purchase_orders, purchase_orders.c.id == purchase_lines.c.order_id)
        .join(locations, locations.c.id == purchase_orders.c.location_id)
        .where(purchase_lines.c.sku_id == sku_id, purchase_lines.c.incoming > 0)
    )
    moved = (
        select(literal("TR-").label("kind"), transfers.c.id, locations.c.code, transfer_lines.c.in_transit, null().label("expected_on"))
        .join_from(transfer_lines, transfers, transfers.c.id == transfer_lines.c.transfer_id)
        .join(locations, locations.c.id == transfers.c.to_id)
        .where(transfer_lines.c.sku_id == sku_id, transfer_lines.c.in_transit > 0)
    )
    both = union_all(bought, moved).subquery()
    query = select(both).order_by(both.c.expected_on.is_(None), both.c.expected_on, both.c.kind, both.c.id).limit(SHOWN)
    return tuple(
        Coming(f"{row.kind}{row.id}", row.code, row.incoming, None if row.expected_on is None else date.fromisoformat(row.expected_on))
        for row in conn.execute(query)
    )


def expected(conn: Connection, sku_ids: Iterable[int]) -> dict[int, date]:
    """The earliest day on which a purchase order is to bring units of the SKU; SKUs without one are absent."""
    wanted, found = sorted(set(sku_ids)), dict[int, date]()
    for start in range(0, len(wanted), CHUNK):
        query = (
            select(purchase_lines.c.sku_id, func.min(purchase_orders.c.expected_on))
            .join_from(purchase_lines, purchase_orders, purchase_orders.c.id == purchase_lines.c.order_id)
            .where(purchase_lines.c.sku_id.in_(wanted[start : start + CHUNK]), purchase_lines.c.incoming > 0)
            .where(purchase_orders.c.expected_on.is_not(None))
            .group_by(purchase_lines.c.sku_id)
        )
        found |= {sku_id: date.fromisoformat(day) for sku_id, day in conn.execute(query)}
    return found
