"""What lies in quarantine because a return was received and is not inspected yet. Reads only."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sqlalchemy import ColumnElement, Connection, and_, exists, func, select

from channelsync.ledger.schema import return_lines, returns

CHUNK: Final = 400
LINE: Final[ColumnElement[int]] = (
    return_lines.c.received - return_lines.c.restocked - return_lines.c.written_off - return_lines.c.to_supplier
)
"""Of a row of `return_lines`: units that nobody has decided about."""
HEAD: Final[ColumnElement[bool]] = and_(returns.c.state == "received", exists().where(return_lines.c.return_id == returns.c.id, LINE > 0))
"""Of a row of `returns`: something of it waits."""


def at(conn: Connection, keys: Iterable[tuple[int, int]]) -> dict[tuple[int, int], int]:
    """(SKU, location) -> units. Of these levels, whose rows the caller has locked, so that no return can be received or inspected meanwhile."""
    wanted = set(keys)
    if not wanted:
        return {}
    sku_ids, found = sorted({sku_id for sku_id, _ in wanted}), dict.fromkeys(wanted, 0)
    key = return_lines.c.sku_id, returns.c.location_id
    for start in range(0, len(sku_ids), CHUNK):
        query = (
            select(*key, func.sum(LINE))
            .join(returns, returns.c.id == return_lines.c.return_id)
            .where(returns.c.state == "received", return_lines.c.sku_id.in_(sku_ids[start : start + CHUNK]), LINE > 0)
            .group_by(*key)
        )
        found |= {(row[0], row[1]): int(row[2]) for row in conn.execute(query) if (row[0], row[1]) in wanted}
    return found
