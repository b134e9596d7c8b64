"""Purchase orders as rows of an export, order by order."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, func, select

from channelsync.ledger import costs
from channelsync.ledger.files.kinds import Value
from channelsync.ledger.schema import locations, purchase_lines, purchase_orders, skus, suppliers, supplies

TOLD: Final = ("state", "code", "title", "received", "incoming")
EXPORTED: Final = (
    "order", "state", "reference", "supplier", "location", "expected", "sku", "code", "title", "quantity", "received", "incoming", "cost",
)  # fmt: skip


def page(conn: Connection, after: int, limit: int) -> tuple[list[tuple[Value, ...]], int | None]:
    """Whole orders behind `after`, one at least, and else at most `limit` rows."""
    numbers, more = _next(conn, after, limit)
    line, order = purchase_lines.c, purchase_orders.c
    theirs = (supplies.c.sku_id == line.sku_id) & (supplies.c.supplier_id == order.supplier_id)
    columns = (
        order.id, order.state, order.reference, suppliers.c.code, locations.c.code, order.expected_on,
        skus.c.sku, supplies.c.code, skus.c.title, line.ordered, line.received, line.incoming, line.cost,
    )  # fmt: skip
    query = (
        select(*(column.label(f"c{place}") for place, column in enumerate(columns)))
        .join_from(purchase_lines, purchase_orders, order.id == line.order_id)
        .join(locations, locations.c.id == order.location_id)
        .join(skus, skus.c.id == line.sku_id)
        .outerjoin(suppliers, suppliers.c.id == order.supplier_id)
        .outerjoin(supplies, theirs)
        .where(line.order_id.in_(numbers))
        .order_by(line.order_id, line.id)
    )
    rows = [(f"PO-{row[0]}", *row[1:-1], costs.text_of(row[-1])) for row in conn.execute(query)]
    return rows, numbers[-1] if more else None


def _next(conn: Connection, after: int, limit: int) -> tuple[list[int], bool]:
    """The numbers of the orders of a page, and whether there are others behind them."""
    line = purchase_lines.c
    query = select(line.order_id, func.count()).where(line.order_id > after).group_by(line.order_id).order_by(line.order_id)
    found = [(number, count) for number, count in conn.execute(query.limit(limit + 1))]
    taken, rows = list[int](), 0
    for number, count in found[:limit]:
        if taken and rows + count > limit:
            break
        taken.append(number)
        rows += count
    return taken, len(taken) < len(found)
