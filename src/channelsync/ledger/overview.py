"""The state of every channel in numbers, for `status`: what is open, what waits, since when. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, and_, func, select, text

from channelsync.ledger import aside_groups, authority_view, freshness, inbox, webhooks
from channelsync.ledger import channels as channel_rows
from channelsync.ledger.aside_groups import Group
from channelsync.ledger.authority_view import AuthorityView
from channelsync.ledger.channels import PauseKind
from channelsync.ledger.due import OPEN_STATES
from channelsync.ledger.freshness import Freshness
from channelsync.ledger.pages import STREAM
from channelsync.ledger.rejected import Tally
from channelsync.ledger.schema import attempts, channels, cursors, findings, listings, movements, push_calls, rejections, set_aside, shelves
from channelsync.ledger.webhooks import HookState

GROUPS_SHOWN = 5
DUE_LOOKED_AT = 200
"""Due shelves whose age is worked out one by one; with more of them the oldest of these says enough."""


@dataclass(frozen=True, slots=True)
class ChannelView:
    """state: live, paused or unopened (its first plan was not applied). due: shelves that do not show their target; oldest_unsent: since when
    the first of them. gaps: shelves that show what nothing explains; asked: those a person is to decide. rejected: deliveries with a bad signature.
    frozen: shelves that a person has frozen. ends: what ends the pause. aside: the most frequent reasons. webhooks: None if it was never looked at.
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
    paused_kind: PauseKind | None
    ends: str | None
    freshness: Freshness
    aside: tuple[Group, ...]
    webhooks: HookState | None
    rejections: tuple[Tally, ...]


@dataclass(frozen=True, slots=True)
class Overview:
    """findings: open ones, by kind. authorities: the channels that own on hand, once more in that role."""

    channels: tuple[ChannelView, ...]
    findings: dict[str, int]
    authorities: tuple[AuthorityView, ...] = ()


def overview(conn: Connection, now: datetime) -> Overview:
    kinds = select(findings.c.kind, func.count()).where(findings.c.resolved_at.is_(None)).group_by(findings.c.kind)
    waiting = inbox.waiting(conn)
    views = tuple(_view(conn, state, waiting.get(state.id), now) for state in channel_rows.every(conn))
    return Overview(views, {row[0]: row[1] for row in conn.execute(kinds)}, tuple(authority_view.authorities(conn)))


def _view(conn: Connection, state: channel_rows.ChannelState, waits: inbox.Waiting | None, now: datetime) -> ChannelView:
    (listed, unlinked), (numbers, frozen) = _told(conn, state.id), _numbers(conn, state.id)
    turned_away = _turned_away(conn, state.name)
    gaps = and_(shelves.c.channel_id == state.id, text("shelves.gap <> 0"))
    return ChannelView(
        name=state.name,
        connector=state.connector,
        shop=state.shop,
        state="paused" if state.paused_at else "live" if state.opened_at else "unopened",
        reason=state.paused_reason,
        last_look=conn.scalar(select(cursors.c.looked_at).where(cursors.c.channel_id == state.id, cursors.c.stream == STREAM)),
        listings=listed,
        unlinked=unlinked,
        shelves=numbers,
        due=_count(conn, select(func.count()).select_from(shelves).where(shelves.c.channel_id == state.id, text("shelves.due"))),
        oldest_unsent=oldest_unsent(conn, state),
        open_attempts=_open_attempts(conn, state.id),
        gaps=_count(conn, select(func.count()).select_from(shelves).where(gaps)),
        asked=_count(conn, select(func.count()).select_from(shelves).where(gaps, shelves.c.asked_at.is_not(None))),
        inbox=waits.count if waits else 0,
        inbox_oldest=waits.oldest if waits else None,
        set_aside=_aside(conn, state.id),
        rejected=sum(tally.count for tally in turned_away),
        frozen=frozen,
        paused_kind=state.paused_kind,
        ends=ends(state),
        freshness=freshness.of_channel(conn, state.id, now),
        aside=tuple(aside_groups.grouped(conn, state.id)[:GROUPS_SHOWN]),
        webhooks=webhooks.of_channel(conn, state.id),
        rejections=tuple(turned_away[:GROUPS_SHOWN]),
    )


def ends(state: channel_rows.ChannelState) -> str | None:
    """What ends a channel's pause, in words; None if it is not paused."""
    if state.paused_at is None:
        return None
    by_itself = {
        PauseKind.CREDENTIALS: "goes on by itself as soon as that is put right; the shop is asked every 1 to 15 minutes",
        PauseKind.LOCATION: "goes on by itself once the place is mapped or empty",
        PauseKind.GUARD: f"goes on with `channelsync resume {state.name} --accept`, or without --accept once it is put right",
    }
    return by_itself.get(state.paused_kind or PauseKind.PERSON, f"goes on with `channelsync resume {state.name}`")


def _told(conn: Connection, channel_id: int) -> tuple[int, int]:
    """Listings that exist, and those of them without a SKU. By indexes alone: those that are gone are few, and so are those without one."""
    table, mine = select(func.count()).select_from(listings), listings.c.channel_id == channel_id
    gone = table.where(mine, listings.c.removed_at.is_not(None))
    unlinked = table.where(mine, listings.c.sku_id.is_(None), listings.c.removed_at.is_(None))
    return _count(conn, table.where(mine)) - _count(conn, gone), _count(conn, unlinked)


def _numbers(conn: Connection, channel_id: int) -> tuple[int, int]:
    """Shelves, and those of them that are frozen."""
    table = select(func.count()).select_from(shelves).where(shelves.c.channel_id == channel_id)
    return _count(conn, table), _count(conn, table.where(text("shelves.frozen")))


def _open_attempts(conn: Connection, channel_id: int) -> int:
    """By way of the calls: few are open, and those have an index of their own."""
    query = select(func.count()).select_from(push_calls).join(attempts, attempts.c.call_key == push_calls.c.key)
    mine = push_calls.c.channel_id == channel_id, text("push_calls.state <> 'settled'"), attempts.c.state.in_(OPEN_STATES)
    return _count(conn, query.where(*mine))


def _turned_away(conn: Connection, channel: str) -> list[Tally]:
    query = select(rejections).where(rejections.c.channel == channel).order_by(rejections.c.last_at.desc())
    return [Tally(row["channel"], row["reason"], row["count"], row["last_at"]) for row in conn.execute(query).mappings()]


def _count(conn: Connection, query: Select[Any]) -> int:
    return int(conn.execute(query).scalar_one())


def _aside(conn: Connection, channel_id: int) -> dict[str, int]:
    query = select(set_aside.c.kind, func.count()).where(set_aside.c.channel_id == channel_id, set_aside.c.resolved_at.is_(None))
    return {row[0]: row[1] for row in conn.execute(query.group_by(set_aside.c.kind))}


def oldest_unsent(conn: Connection, state: channel_rows.ChannelState) -> datetime | None:
    """The first movement of a due SKU after the last time its shelf was written (or after the channel was opened)."""
    if state.opened_at is None:
        return None
    last = select(func.max(attempts.c.created_at)).where(attempts.c.shelf_id == shelves.c.id).correlate(shelves).scalar_subquery()
    due = (
        select(listings.c.sku_id, func.coalesce(last, channels.c.opened_at).label("since"))
        .select_from(shelves)
        .join(listings, listings.c.id == shelves.c.listing_id)
        .join(channels, channels.c.id == shelves.c.channel_id)
        .where(shelves.c.channel_id == state.id, text("shelves.due"), shelves.c.aside_at.is_(None))
        .order_by(shelves.c.id)
        .limit(DUE_LOOKED_AT)
        .subquery()
    )
    query = (
        select(func.min(movements.c.recorded_at)).join(due, due.c.sku_id == movements.c.sku_id).where(movements.c.recorded_at > due.c.since)
    )
    found: datetime | None = conn.scalar(query)
    return found
