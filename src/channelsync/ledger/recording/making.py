"""The recording of a SKU as a whole: which window, what was there, what happened in order of time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select

from channelsync.ledger import skus
from channelsync.ledger.recording import events, goods
from channelsync.ledger.recording.goods import Facts, Goods
from channelsync.ledger.recording.hearing import Hearing
from channelsync.ledger.recording.model import Event, Recording, Webhook
from channelsync.ledger.recording.names import Aliases
from channelsync.ledger.recording.orders import Window, changes
from channelsync.ledger.refusals import UnknownSku
from channelsync.ledger.schema import movements

EVENTS_MAX = 20_000
LEAD_SECONDS = 60.0

__all__ = ["EVENTS_MAX", "Facts", "record"]


def record(conn: Connection, text: str, since: datetime, now: datetime, facts: Mapping[str, Facts], *, most: int = EVENTS_MAX) -> Recording:
    """Everything from `since` to `now`, or the newest `most` movements of it. Raises UnknownSku. facts: by the channel's name."""
    sku = skus.find(conn, [text]).get(text)
    if sku is None:
        raise UnknownSku(text)
    around = goods.gather(conn, sku.id, Aliases())
    start = max(since, _opened(conn, around) or since)
    start, left_out = _newest(conn, around, Window(start, now), most)
    window = Window(min(start, now), now)
    sellers = goods.sellers(conn, around, facts, window.start, now)
    opening, closing = goods.levels(conn, around, window.start), goods.levels(conn, around, now)
    happened = _events(conn, around, window)
    first = min((each.seen for each in happened if each.seen > 0), default=0.0)
    if first > 2 * LEAD_SECONDS:  # nothing happened before: the same levels, and no hour of silence to replay
        return record(conn, text, window.start + timedelta(seconds=first - LEAD_SECONDS), now, facts, most=most)
    return Recording(
        seconds=window.seconds(now),
        sku=around.names[sku.id],
        skus=goods.skus(around),
        places=list(around.aliases.places.all),
        channels=sellers,
        opening=opening,
        closing=closing,
        events=happened,
        left_out=left_out,
    )


def _opened(conn: Connection, around: Goods) -> datetime | None:
    """What was there on the first day was posted in one piece: a recording begins after that."""
    of_units = movements.c.sku_id.in_(around.units)
    seeded: datetime | None = conn.scalar(select(func.max(movements.c.recorded_at)).where(of_units, movements.c.type == "seed"))
    first: datetime | None = conn.scalar(select(func.min(movements.c.recorded_at)).where(of_units))
    return seeded or first


def _newest(conn: Connection, around: Goods, window: Window, most: int) -> tuple[datetime, int]:
    """(where it begins, how many movements lie before that)"""
    column = movements.c
    within = (column.sku_id.in_(around.units), column.recorded_at > window.start, column.recorded_at <= window.end)
    query = select(column.recorded_at).where(*within).order_by(column.id.desc()).offset(most).limit(1)
    begins = conn.scalar(query)
    if begins is None:
        return window.start, 0
    return begins, int(conn.scalar(select(func.count()).where(*within, column.recorded_at <= begins)) or 0)


def _events(conn: Connection, around: Goods, window: Window) -> list[Event]:
    rows = _moved(conn, around, window)
    hearing = Hearing(conn, sorted({each.channel_id for each in around.listed.values()}), window.start, window.end)
    of_orders = [row for row in rows if row.channel_id is not None and row.type in events.OF_ORDERS]
    others = [row for row in rows if not (row.channel_id is not None and row.type in events.OF_ORDERS)]
    happened: list[Event] = list(changes(conn, around, window, of_orders, hearing))
    happened += events.stock(others, around, window)
    happened += events.claims(conn, [row for row in others if row.channel_id is None and (row.soft or row.hard)], around, window)
    happened += events.drifts(conn, around, window)
    happened += events.pushes(conn, around, window)
    happened += events.found(conn, around, window)
    name = around.aliases.channels.of
    happened += [
        Webhook(seen=window.seconds(received), settled=window.seconds(settled), channel=name(channel_id))
        for channel_id, received, settled in hearing.used
    ]
    return sorted(happened, key=lambda each: each.seen)


def _moved(conn: Connection, around: Goods, window: Window) -> list[Any]:
    column = movements.c
    query = select(movements).where(column.sku_id.in_(around.units), column.recorded_at > window.start, column.recorded_at <= window.end)
    return list(conn.execute(query.order_by(column.id)).all())
