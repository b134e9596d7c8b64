"""The state of every channel in numbers, for `status`: what is open, what waits, since when. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, and_, func, select

from channelsync.ledger import channels as channel_rows
from channelsync.ledger import inbox
from channelsync.ledger.outbox import OPEN_STATES
from channelsync.ledger.pages import STREAM
from channelsync.ledger.schema import attempts, channels, cursors, findings, listings, movements, rejections, set_aside, shelves

DUE_LOOKED_AT = 200
"""Due shelves whose age is worked out one by one; with more of them the oldest of these says enough."""


@dataclass(frozen=True, slots=True)
class ChannelView:
    """state: live, paused or unopened (its first plan was not applied). due: shelves that do not show their target; oldest_unsent: since when
    the first of them. gaps: shelves that show what nothing explains; asked: those a person is to decide. rejected: deliveries with a bad signature.
    frozen: shelves that a person has frozen.
    """

    name: str
    connector: str
    shop: str | None
    state: str
    reason: str | None
    last_look: datetime | None
    listings: int
    unlinked: int
    shelves: int
    due: int
    oldest_unsent: datetime | None
    open_attempts: int
    gaps: int
    asked: int
    inbox: int
    inbox_oldest: datetime | None
    set_aside: dict[str, int]
    rejected: int
    frozen: int


@dataclass(frozen=True, slots=True)
class Overview:
    """findings: open ones, by kind."""

    channels: tuple[ChannelView, ...]
    findings: dict[str, int]


def overview(conn: Connection) -> Overview:
    kinds = select(findings.c.kind, func.count()).where(findings.c.resolved_at.is_(None)).group_by(findings.c.kind)
    waiting = inbox.waiting(conn)
    views = tuple(_view(conn, state, waiting.get(state.id)) for state in channel_rows.every(conn))
    return Overview(views, {row[0]: row[1] for row in conn.execute(kinds)})


def _view(conn: Connection, state: channel_rows.ChannelState, waits: inbox.Waiting | None) -> ChannelView:
    mine = shelves.c.channel_id == state.id
    told = and_(listings.c.channel_id == state.id, listings.c.removed_at.is_(None))
    opened = and_(mine, attempts.c.state.in_(OPEN_STATES))
    return ChannelView(
        name=state.name,
        connector=state.connector,
        shop=state.shop,
        state="paused" if state.paused_at else "live" if state.opened_at else "unopened",
        reason=state.paused_reason,
        last_look=conn.scalar(select(cursors.c.looked_at).where(cursors.c.channel_id == state.id, cursors.c.stream == STREAM)),
        listings=_count(conn, select(func.count()).select_from(listings).where(told)),
        unlinked=_count(conn, select(func.count()).select_from(listings).where(told, listings.c.sku_id.is_(None))),
        shelves=_count(conn, select(func.count()).select_from(shelves).where(mine)),
        due=_count(conn, select(func.count()).select_from(shelves).where(mine, shelves.c.due)),
        oldest_unsent=_oldest_unsent(conn, state),
        open_attempts=_count(
            conn, select(func.count()).select_from(attempts).join(shelves, shelves.c.id == attempts.c.shelf_id).where(opened)
        ),
        gaps=_count(conn, select(func.count()).select_from(shelves).where(mine, shelves.c.gap != 0)),
        asked=_count(conn, select(func.count()).select_from(shelves).where(mine, shelves.c.gap != 0, shelves.c.asked_at.is_not(None))),
        inbox=waits.count if waits else 0,
        inbox_oldest=waits.oldest if waits else None,
        set_aside=_aside(conn, state.id),
        rejected=int(conn.scalar(select(func.coalesce(func.sum(rejections.c.count), 0)).where(rejections.c.channel == state.name)) or 0),
        frozen=_count(conn, select(func.count()).select_from(shelves).where(mine, shelves.c.frozen)),
    )


def _count(conn: Connection, query: Select[Any]) -> int:
    return int(conn.execute(query).scalar_one())


def _aside(conn: Connection, channel_id: int) -> dict[str, int]:
    query = select(set_aside.c.kind, func.count()).where(set_aside.c.channel_id == channel_id, set_aside.c.resolved_at.is_(None))
    return {row[0]: row[1] for row in conn.execute(query.group_by(set_aside.c.kind))}


def _oldest_unsent(conn: Connection, state: channel_rows.ChannelState) -> datetime | None:
    """The first movement of a due SKU after the last time its shelf was written (or after the channel was opened)."""
    if state.opened_at is None:
        return None
    last = select(func.max(attempts.c.created_at)).where(attempts.c.shelf_id == shelves.c.id).correlate(shelves).scalar_subquery()
    due = (
        select(listings.c.sku_id, func.coalesce(last, channels.c.opened_at).label("since"))
        .select_from(shelves)
        .join(listings, listings.c.id == shelves.c.listing_id)
        .join(channels, channels.c.id == shelves.c.channel_id)
        .where(shelves.c.channel_id == state.id, shelves.c.due, shelves.c.aside_at.is_(None))
        .order_by(shelves.c.id)
        .limit(DUE_LOOKED_AT)
        .subquery()
    )
    query = (
        select(func.min(movements.c.recorded_at)).join(due, due.c.sku_id == movements.c.sku_id).where(movements.c.recorded_at > due.c.since)
    )
    found: datetime | None = conn.scalar(query)
    return found
