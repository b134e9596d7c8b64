"""Orders against the snapshots they were applied from: the snapshot is what the channel said, the lines are what the ledger holds for it.

Looked at from both sides (rule 14): no claim without a line that wants it, no open line without its claim or its place in the set-aside queue.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, func, select, union_all

from channelsync.contract import OrderLine, OrderSnapshot, OrderState
from channelsync.ledger import fitting, line_sources, net_effect, order_json, order_mapping, order_rows
from channelsync.ledger.line_moves import AFTER_ALL_HOLDS, BEFORE_ALL_HOLDS
from channelsync.ledger.line_sources import Group
from channelsync.ledger.net_effect import Posted
from channelsync.ledger.order_mapping import ChannelRow
from channelsync.ledger.order_rows import LineRow
from channelsync.ledger.schema import channels, hand_shipments, order_lines, orders, set_aside, stock_levels

PAGE: Final = 200

Rows = Iterator[tuple[str, str, str]]


@dataclass(frozen=True, slots=True)
class _Known:
    """What an order is judged with. owned: locations where an authority counts."""

    channel: ChannelRow
    owned: frozenset[int]


def check(conn: Connection) -> Rows:
    """(where, expected, found) of every order, paged by key."""
    after, owned = 0, order_mapping.owned_locations(conn)
    channel_of = order_mapping.channel_rows(conn, conn.scalars(select(channels.c.id)))
    while page := conn.execute(select(orders).where(orders.c.id > after).order_by(orders.c.id).limit(PAGE)).mappings().all():
        after = page[-1]["id"]
        lines = _lines(conn, [row["id"] for row in page])
        for row in page:
            yield from _order(conn, _Known(channel_of[row["channel_id"]], owned), dict(row), lines[row["id"]])


def pending(conn: Connection) -> Rows:
    """pending_debit is what order lines and reservations have shipped and no authority's number is proved to know of."""
    of_order = select(order_lines.c.sku_id, order_lines.c.location_id, (order_lines.c.shipped - order_lines.c.debited).label("units"))
    by_hand = select(hand_shipments.c.sku_id, hand_shipments.c.location_id, hand_shipments.c.units)
    both = union_all(of_order, by_hand).subquery()
    key, waits = (both.c.sku_id, both.c.location_id), func.sum(both.c.units)
    lines = {(row[0], row[1]): int(row[2]) for row in conn.execute(select(*key, waits).group_by(*key).having(waits != 0))}
    kept = select(stock_levels.c.sku_id, stock_levels.c.location_id, stock_levels.c.pending_debit).where(stock_levels.c.pending_debit != 0)
    found = {(row[0], row[1]): int(row[2]) for row in conn.execute(kept)}
    for sku_id, location_id in sorted(lines.keys() | found.keys()):
        expected, is_now = lines.get((sku_id, location_id), 0), found.get((sku_id, location_id), 0)
        if expected != is_now:
            yield (
                f"pending_debit of SKU {sku_id} at location {location_id}",
                f"{expected} (shipped and not proved)",
                str(is_now),
            )
    unproved = order_lines.c.debited > order_lines.c.shipped
    for row in conn.execute(select(order_lines).where(unproved | (order_lines.c.debited < 0)).order_by(order_lines.c.id)):
        yield f"order line {row.id}, debited", f"between 0 and the {row.shipped} shipped", str(row.debited)


def _lines(conn: Connection, order_ids: Sequence[int]) -> Mapping[int, list[LineRow]]:
    found: dict[int, list[LineRow]] = defaultdict(list)
    query = select(order_lines).where(order_lines.c.order_id.in_(order_ids)).order_by(order_lines.c.id)
    for row in conn.execute(query).mappings():
        found[row["order_id"]].append(order_rows.line_row(dict(row)))
    return found


def _order(conn: Connection, known: _Known, row: Mapping[str, Any], rows: Sequence[LineRow]) -> Rows:
    where = f"order {row['ref']!r} of channel {row['channel_id']}"
    digest = hashlib.sha256(json.dumps(row["snapshot"], sort_keys=True).encode()).hexdigest()
    if digest != row["digest"]:
        yield f"{where}, snapshot", f"digest {row['digest']}", digest
    snapshot = order_json.read(row["snapshot"])
    if snapshot is None:
        yield f"{where}, snapshot", "one that can be read", "not an order's"
        return
    told = snapshot.ref, snapshot.state.value, snapshot.modified_at
    kept = row["ref"], row["state"], row["modified_at"]
    if told != kept:
        yield f"{where}, head", str(told), str(kept)
    for line in snapshot.lines:
        yield from _line(conn, known, snapshot, line, [each for each in rows if each.line_ref == line.ref])
    present = {line.ref for line in snapshot.lines}
    for stray in rows:
        if stray.line_ref not in present and (stray.quantity or stray.posted != _only_shipped(stray.posted)):
            yield f"{where}, line {stray.line_ref!r} that is not in the order", "nothing held", f"{stray.quantity} ordered: {stray.posted}"


def _line(conn: Connection, known: _Known, snapshot: OrderSnapshot, line: OrderLine, rows: Sequence[LineRow]) -> Rows:
    where = f"order {snapshot.ref!r} of channel {known.channel.id}, line {line.ref!r}"
    if not rows:
        wanted = net_effect.desired(snapshot, line, now=AFTER_ALL_HOLDS, policy=known.channel.policy)
        if line.stocked and wanted != Posted() and not _waits(conn, known.channel.id, f"{snapshot.ref}/{line.ref}"):
            yield where, f"{wanted}, or a set-aside line that says why not", "nothing"
        return
    found = line_sources.groups(rows)
    if not any(_explains(known, snapshot, line, found, current) for current in range(len(found))):
        expected = net_effect.desired(snapshot, line, now=BEFORE_ALL_HOLDS, policy=known.channel.policy)
        yield where, f"{line.quantity} ordered: {expected}", "; ".join(f"{row.quantity} ordered: {row.posted}" for row in rows)


def _explains(known: _Known, snapshot: OrderSnapshot, line: OrderLine, found: Sequence[Group], current: int) -> bool:
    """Is everything as it must be if the line is mapped to group `current` now, and the other rows are where it was mapped before?"""
    here, others = found[current], [group for index, group in enumerate(found) if index != current]
    elsewhere = [row for group in others for row in group]
    if any(row.quantity != line.quantity for row in here) or any(row.quantity or row.posted != _only_gone(row.posted) for row in elsewhere):
        return False
    left = [(net_effect.whole([(row.posted, row.at.pack) for row in group]), 1) for group in others]
    for now in _moments(snapshot, here):
        whole = net_effect.desired(snapshot, line, now=now, policy=known.channel.policy)
        wanted, stays = net_effect.placed(whole, 1, left)
        if [stay.quarantined for stay in stays] == [was.quarantined for was, _ in left] and all(
            _is(known, row, wanted, snapshot, first=row is here[0]) for row in here
        ):
            return True
    return False


def _is(known: _Known, row: LineRow, wanted: Posted, snapshot: OrderSnapshot, *, first: bool) -> bool:
    mine = wanted.times(row.at.pack) if first else wanted.times(row.at.pack).without_own()
    if row.at.location_id in known.owned:
        mine = net_effect.documented(mine, row.documented)
    until = known.channel.policy.hold_until(snapshot) if mine.soft or mine.withheld else None
    return row.posted == mine and row.hold_until == until


def _moments(snapshot: OrderSnapshot, here: Group) -> Sequence[datetime]:
    """An unpaid checkout is held until it is swept; a snapshot does not say whether it was, the row's own end of hold does."""
    if snapshot.state is OrderState.PENDING and here[0].hold_until is None:
        return BEFORE_ALL_HOLDS, AFTER_ALL_HOLDS
    return (BEFORE_ALL_HOLDS,)


def _only_shipped(posted: Posted) -> Posted:
    return Posted(shipped=posted.shipped, restocked=posted.restocked)


def _only_gone(posted: Posted) -> Posted:
    """Where a line was before, nothing is held; what was quarantined there lies there."""
    return replace(_only_shipped(posted), quarantined=posted.quarantined)


def _waits(conn: Connection, channel_id: int, ref: str) -> bool:
    query = select(set_aside.c.id).where(
        set_aside.c.channel_id == channel_id, set_aside.c.kind == "line", set_aside.c.ref == fitting.ref(ref)
    )
    return conn.scalar(query.where(set_aside.c.resolved_at.is_(None))) is not None
