"""Where open orders go, apart from their snapshots: it is personal data, of use only until the goods have left. Forgotten with it is what their
routes tell of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

from sqlalchemy import Connection, delete, exists, or_, select

from channelsync.contract import ShipTo, ship_to
from channelsync.ledger.dialects import insert_into
from channelsync.ledger.routing import routes
from channelsync.ledger.schema import order_destinations, order_lines

AT_ONCE: Final = 500


def keep(conn: Connection, order_id: int, to: ShipTo | None) -> None:
    """What the shop says now, as far as it is one; None: nothing is to be kept of it. No address costs a sale."""
    if (to := to and ship_to(**asdict(to))) is None:
        _forget(conn, [order_id])
        return
    told = asdict(to)
    statement = insert_into(conn, order_destinations).values(order_id=order_id, **told)
    conn.execute(statement.on_conflict_do_update(index_elements=["order_id"], set_=told))


def of(conn: Connection, order_id: int) -> ShipTo:
    """Nothing known: an empty one."""
    row = conn.execute(select(order_destinations).where(order_destinations.c.order_id == order_id)).one_or_none()
    return ShipTo() if row is None else ShipTo(row.country, row.region, row.postcode, row.latitude, row.longitude)


def forget(conn: Connection, limit: int) -> int:
    """Of orders that hold nothing any more, at most `limit` of them. Returns how many went."""
    line = order_lines.c
    holds = exists().where(line.order_id == order_destinations.c.order_id, or_(line.soft > 0, line.hard > 0))
    done = select(order_destinations.c.order_id).where(~holds).order_by(order_destinations.c.order_id).limit(limit)
    return _forget(conn, conn.scalars(done).all())


def forget_all(conn: Connection) -> None:
    """Whatever they hold: routing is off."""
    some = select(order_destinations.c.order_id).order_by(order_destinations.c.order_id).limit(AT_ONCE)
    while order_ids := conn.scalars(some).all():
        _forget(conn, order_ids)


def _forget(conn: Connection, order_ids: Sequence[int]) -> int:
    gone = conn.execute(delete(order_destinations).where(order_destinations.c.order_id.in_(order_ids))).rowcount
    if gone:
        routes.forget(conn, order_ids)
    return gone
