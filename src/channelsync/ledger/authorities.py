"""Who owns on hand where: each location belongs to the ledger or to one authority, and what becomes of its numbers when it changes hands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select, update

from channelsync.ledger import levels, order_documents
from channelsync.ledger.levels import Entry, MovementType
from channelsync.ledger.schema import authority_rows, exports, locations, order_lines, stock_levels

PAGE = 500


@dataclass(frozen=True, slots=True)
class Ownership:
    """What the config says: this channel (None: the ledger) owns on hand at that location."""

    location_id: int
    channel_id: int | None


def enrol(conn: Connection, items: Sequence[Ownership], now: datetime) -> list[bool]:
    """Make the owners those. True: the location changed hands.

    To an authority: what was shipped before is out of its number already, and on hand stays until its first number comes. Back to the ledger:
    what was shipped and still counted leaves on hand, and nothing is held for others any more, because nobody tells.
    """
    query = select(locations.c.id, locations.c.authority_id).where(locations.c.id.in_({item.location_id for item in items}))
    owners = {row.id: row.authority_id for row in conn.execute(query.with_for_update())}
    answers = []
    for item in items:
        before = owners[item.location_id]
        changed = before != item.channel_id
        if changed and before is not None:
            _give_back(conn, item.location_id, before, now)
        if changed:
            conn.execute(update(locations).where(locations.c.id == item.location_id).values(authority_id=item.channel_id))
            _close_accounts(conn, item.location_id)
            owners[item.location_id] = item.channel_id
        answers.append(changed)
    return answers


def _close_accounts(conn: Connection, location_id: int) -> None:
    """Every shipment so far is out of on hand, whoever owns it from now on."""
    open_lines = order_lines.c.location_id == location_id, order_lines.c.debited != order_lines.c.shipped
    conn.execute(update(order_lines).where(*open_lines).values(debited=order_lines.c.shipped))


def _give_back(conn: Connection, location_id: int, channel_id: int, now: datetime) -> None:
    levels.post(conn, order_documents.given_back(conn, [location_id], now), now)
    after, held = 0, stock_levels.c.held_elsewhere > 0
    while True:
        query = select(stock_levels).where(stock_levels.c.location_id == location_id, held, stock_levels.c.sku_id > after)
        rows = conn.execute(query.order_by(stock_levels.c.sku_id).limit(PAGE).with_for_update(key_share=True)).mappings().all()
        levels.post(conn, [_released(row["sku_id"], location_id, row["held_elsewhere"], channel_id) for row in rows], now)
        if len(rows) < PAGE:
            break
        after = rows[-1]["sku_id"]
    forgotten = {"units": None, "reserved": None, "sku_id": None, "location_id": None, "on_hand": 0, "held": 0, "stale_since": None}
    conn.execute(update(authority_rows).where(authority_rows.c.location_id == location_id).values(**forgotten))
    conn.execute(update(exports).where(exports.c.channel_id == channel_id).values(due=False, undocumented_since=None))


def _released(sku_id: int, location_id: int, held: int, channel_id: int) -> Entry:
    reason = "the location is the ledger's own again: nobody tells of other reserves"
    return Entry(sku_id, location_id, MovementType.ADJUST, held_elsewhere=-held, reason=reason, actor="config", channel_id=channel_id)
