"""No more of an order comes back than it shipped: what it shipped of a SKU, and what its returns already bring of that."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, case, func, select

from channelsync.ledger.refusals import Refusal
from channelsync.ledger.schema import order_lines, orders, return_lines, returns


@dataclass(frozen=True, slots=True)
class Room:
    """Units of one SKU of one order. told: its shop has told of shipments; else `units` is what was ordered. taken: of its returns that are open
    or inspected.
    """

    units: int
    told: bool
    taken: int

    @property
    def left(self) -> int:
        return max(0, self.units - self.taken)


class MoreThanOrderShipped(Refusal):
    """More is to come back than the order shipped, and nobody said that this may be."""

    code = "more_than_shipped"

    def __init__(self, sku: str, wanted: int, room: Room) -> None:
        had = f"shipped {room.units}" if room.told else f"asked for {room.units}, none of them told as shipped yet"
        others = f", and its other returns bring {room.taken}" if room.taken else ""
        super().__init__(
            f"SKU {sku!r}: {wanted} are expected back, but the order {had}{others}; name the right order, or say that it may be so (--over, `over`)"
        )
        self.sku, self.wanted, self.left = sku, wanted, room.left


def hold(conn: Connection, order_ids: Iterable[int]) -> None:
    """Two returns of one order wait for each other."""
    wanted = sorted(set(order_ids))
    if wanted:
        conn.execute(select(orders.c.id).where(orders.c.id.in_(wanted)).order_by(orders.c.id).with_for_update()).all()


def rooms(conn: Connection, order_id: int, sku_ids: Iterable[int]) -> dict[int, Room]:
    """By SKU. What was shipped before the opening is among it. Hold the order."""
    line, wanted = order_lines.c, set(sku_ids)
    query = select(line.sku_id, func.sum(line.shipped), func.sum(line.quantity * line.pack)).where(line.order_id == order_id)
    taken = _taken(conn, order_id, wanted)
    return {
        sku_id: Room(int(shipped or ordered), bool(shipped), taken.get(sku_id, 0))
        for sku_id, shipped, ordered in conn.execute(query.where(line.sku_id.in_(wanted)).group_by(line.sku_id))
    }


def _taken(conn: Connection, order_id: int, sku_ids: set[int]) -> dict[int, int]:
    """Of a return that is over, what arrived; of one that is open, what is expected, or arrived where that is more."""
    line = return_lines.c
    over = (returns.c.state == "inspected") | (line.received > line.expected)
    query = (
        select(line.sku_id, func.sum(case((over, line.received), else_=line.expected)))
        .join_from(return_lines, returns, returns.c.id == line.return_id)
        .where(returns.c.order_id == order_id, returns.c.state != "cancelled", line.sku_id.in_(sku_ids))
        .group_by(line.sku_id)
    )
    return {sku_id: int(units) for sku_id, units in conn.execute(query)}
