"""Orders against the snapshots they were applied from: the snapshot is what the channel said, the lines are what the ledger holds for it.

Looked at from both sides (rule 14): no claim without a line that wants it, no open line without its claim or its place in the set-aside queue.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Connection, select

from channelsync.contract import OrderLine, OrderSnapshot, OrderState
from channelsync.ledger import fitting, net_effect, order_rows
from channelsync.ledger.net_effect import Posted
from channelsync.ledger.order_rows import LineRow
from channelsync.ledger.schema import order_lines, orders, set_aside

PAGE: Final = 200
_WHILE_HELD: Final = datetime.min.replace(tzinfo=UTC)
_AFTER_ALL_HOLDS: Final = datetime.max.replace(tzinfo=UTC)

Rows = Iterator[tuple[str, str, str]]


def check(conn: Connection) -> Rows:
    """(where, expected, found) of every order, paged by key."""
    after = 0
    while page := conn.execute(select(orders).where(orders.c.id > after).order_by(orders.c.id).limit(PAGE)).mappings().all():
        after = page[-1]["id"]
        lines = _lines(conn, [row["id"] for row in page])
        for row in page:
            yield from _order(conn, dict(row), lines[row["id"]])


def _lines(conn: Connection, order_ids: Sequence[int]) -> Mapping[int, list[tuple[LineRow, int]]]:
    """Per order: its rows and the quantity stored with each."""
    found: dict[int, list[tuple[LineRow, int]]] = defaultdict(list)
    query = select(order_lines).where(order_lines.c.order_id.in_(order_ids)).order_by(order_lines.c.id)
    for row in conn.execute(query).mappings():
        found[row["order_id"]].append((order_rows.line_row(dict(row)), row["quantity"]))
    return found


def _order(conn: Connection, row: Mapping[str, Any], rows: Sequence[tuple[LineRow, int]]) -> Rows:
    where = f"order {row['ref']!r} of channel {row['channel_id']}"
    digest = hashlib.sha256(json.dumps(row["snapshot"], sort_keys=True).encode()).hexdigest()
    if digest != row["digest"]:
        yield f"{where}, snapshot", f"digest {row['digest']}", digest
    snapshot = order_rows.from_json(row["snapshot"])
    told = snapshot.ref, snapshot.state.value, snapshot.modified_at
    kept = row["ref"], row["state"], row["modified_at"]
    if told != kept:
        yield f"{where}, head", str(told), str(kept)
    for line in snapshot.lines:
        mine = [each for each in rows if each[0].line_ref == line.ref]
        yield from _line(conn, row["channel_id"], snapshot, line, mine)
    known = {line.ref for line in snapshot.lines}
    for stray, quantity in rows:
        if stray.line_ref not in known and (quantity or stray.posted != _only_shipped(stray.posted)):
            yield f"{where}, line {stray.line_ref!r} that is not in the order", "nothing held", f"{quantity} ordered: {stray.posted}"


def _line(conn: Connection, channel_id: int, snapshot: OrderSnapshot, line: OrderLine, rows: Sequence[tuple[LineRow, int]]) -> Rows:
    where = f"order {snapshot.ref!r} of channel {channel_id}, line {line.ref!r}"
    if not rows:
        wanted = net_effect.desired(snapshot, line, pack=1, now=_AFTER_ALL_HOLDS)
        if line.stocked and wanted != Posted() and not _waits(conn, channel_id, f"{snapshot.ref}/{line.ref}"):
            yield where, f"{wanted}, or a set-aside line that says why not", "nothing"
    elif not any(_explains(snapshot, line, rows, current) for current in range(len(rows))):
        expected = net_effect.desired(snapshot, line, pack=rows[-1][0].at.pack, now=_WHILE_HELD)
        yield where, f"{line.quantity} ordered: {expected}", "; ".join(f"{quantity} ordered: {row.posted}" for row, quantity in rows)


def _explains(snapshot: OrderSnapshot, line: OrderLine, rows: Sequence[tuple[LineRow, int]], current: int) -> bool:
    """Is everything as it must be if the line is mapped to row `current` now, and the other rows are where it was mapped before?"""
    row, quantity = rows[current]
    others = [other for index, other in enumerate(rows) if index != current]
    if quantity != line.quantity or any(units or other.posted != _only_shipped(other.posted) for other, units in others):
        return False
    for now in _moments(snapshot, row):
        whole = net_effect.desired(snapshot, line, pack=row.at.pack, now=now)
        wanted, _ = net_effect.placed(whole, row.at.pack, [(other.posted, other.at.pack) for other, _ in others])
        if row.posted == wanted and row.hold_until == (snapshot.hold_until if wanted.soft else None):
            return True
    return False


def _moments(snapshot: OrderSnapshot, row: LineRow) -> Sequence[datetime]:
    """An unpaid checkout is held until it is swept; a snapshot does not say whether it was, the row's own end of hold does."""
    if snapshot.state is OrderState.PENDING and row.hold_until is None:
        return _WHILE_HELD, _AFTER_ALL_HOLDS
    return (_WHILE_HELD,)


def _only_shipped(posted: Posted) -> Posted:
    return Posted(shipped=posted.shipped, restocked=posted.restocked)


def _waits(conn: Connection, channel_id: int, ref: str) -> bool:
    query = select(set_aside.c.id).where(
        set_aside.c.channel_id == channel_id, set_aside.c.kind == "line", set_aside.c.ref == fitting.ref(ref)
    )
    return conn.scalar(query.where(set_aside.c.resolved_at.is_(None))) is not None
