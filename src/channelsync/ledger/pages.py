"""One page of orders and its mark, in one transaction (rule 8): the cursor never passes what is not applied."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from channelsync.contract import Cursor, OrderSnapshot, Page
from channelsync.ledger import aside, cursors, orders
from channelsync.ledger.orders import OrderResult, Sighting

STREAM = "orders"


@dataclass(frozen=True, slots=True)
class PageRead:
    """A page as it was read. read_seq and looked_at were taken before the run's first request. shop_time: as in a Sighting."""

    channel_id: int
    page: Page[OrderSnapshot]
    read_seq: int
    looked_at: datetime
    shop_time: datetime | None = None


def apply_page(conn: Connection, items: Sequence[PageRead], now: datetime) -> list[list[OrderResult]]:
    return [_apply_page(conn, item, now) for item in items]


def _apply_page(conn: Connection, item: PageRead, now: datetime) -> list[OrderResult]:
    results = orders.apply(
        conn, [Sighting(item.channel_id, snapshot, item.read_seq, shop_time=item.shop_time) for snapshot in item.page.items], now
    )
    for ref, reason, _ in item.page.refused:  # asked for again by its ref: what the shop says of a buyer is not kept
        aside.put(conn, item.channel_id, "order", ref, reason, "", now)
    cursors.advance(
        conn, item.channel_id, STREAM, resume=item.page.resume, high_water=item.page.high_water, looked_at=item.looked_at, now=now
    )
    return results


def cursor_of(conn: Connection, channel_id: int) -> Cursor:
    return cursors.get(conn, channel_id, STREAM)
