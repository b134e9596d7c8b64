"""Purchase orders as files of them need them: what is there of those that rows name, and the rows of an export, order by order."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, RowMapping, func, select

from channelsync.ledger import costs
from channelsync.ledger.dialects import among
from channelsync.ledger.files.kinds import Value
from channelsync.ledger.schema import locations, purchase_lines, purchase_orders, skus, suppliers, supplies

CHUNK: Final = 400
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


def heads(conn: Connection, numbers: set[int]) -> dict[int, RowMapping]:
    """The orders that there are, with the codes of `supplier` and `location`."""
    wanted, found = sorted(numbers), dict[int, RowMapping]()
    query = (
        select(purchase_orders, suppliers.c.code.label("supplier"), locations.c.code.label("location"))
        .join(locations, locations.c.id == purchase_orders.c.location_id)
        .outerjoin(suppliers, suppliers.c.id == purchase_orders.c.supplier_id)
    )
    for start in range(0, len(wanted), CHUNK):
        here = query.where(purchase_orders.c.id.in_(wanted[start : start + CHUNK]))
        found |= {row["id"]: row for row in conn.execute(here).mappings()}
    return found


def lines_on(conn: Connection, keys: set[tuple[int, int]]) -> dict[tuple[int, int], RowMapping]:
    """(order, SKU id) -> its line; those that are not there are absent."""
    wanted, found, line = sorted(keys), dict[tuple[int, int], RowMapping](), purchase_lines.c
    for start in range(0, len(wanted), CHUNK):
        here = among(conn, (line.order_id, line.sku_id), wanted[start : start + CHUNK])
        found |= {(row["order_id"], row["sku_id"]): row for row in conn.execute(select(purchase_lines).where(here)).mappings()}
    return found
