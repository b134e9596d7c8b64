"""What is set aside, grouped by what it has in common, and put back in line together."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, func, select, update

from channelsync.ledger import aside, exports, inbox
from channelsync.ledger.aside import Aside
from channelsync.ledger.schema import listings, set_aside, shelves

TEXTS_MAX = 5_000
"""Different reasons that are looked at; the most frequent of them."""

PARTICULAR = re.compile(r"'[^']*'|\"[^\"]*\"|[^\s()]*\d[^\s(),;:]*")
"""What differs between two things with the same trouble: names in quotes, and whatever has a digit in it."""


@dataclass(frozen=True, slots=True)
class Group:
    """reason: what they have in common; … stands for what differs. first: the oldest of them."""

    channel_id: int
    kind: str
    reason: str
    count: int
    since: datetime
    first: str


def grouped(conn: Connection, channel_id: int | None = None) -> list[Group]:
    """The largest first."""
    query = (
        select(
            set_aside.c.channel_id,
            set_aside.c.kind,
            set_aside.c.reason,
            func.count().label("count"),
            func.min(set_aside.c.created_at).label("since"),
            func.min(set_aside.c.ref).label("first"),
        )
        .where(set_aside.c.resolved_at.is_(None))
        .group_by(set_aside.c.channel_id, set_aside.c.kind, set_aside.c.reason)
        .order_by(func.count().desc(), set_aside.c.reason)
        .limit(TEXTS_MAX)
    )
    if channel_id is not None:
        query = query.where(set_aside.c.channel_id == channel_id)
    found: dict[tuple[int, str, str], Group] = {}
    for row in conn.execute(query).mappings():
        key = (row["channel_id"], row["kind"], common(row["reason"]))
        seen = found.get(key)
        found[key] = (
            Group(*key, row["count"], row["since"], row["first"])
            if seen is None
            else replace(seen, count=seen.count + row["count"], since=min(seen.since, row["since"]))
        )
    return sorted(found.values(), key=lambda group: -group.count)


def common(reason: str) -> str:
    """A reason without what is particular to one case."""
    return PARTICULAR.sub("…", reason)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which of the things aside are meant: those of a channel, of a kind, whose reason contains a text. None: any."""

    channel_id: int | None = None
    kind: str | None = None
    reason: str | None = None


def matching(conn: Connection, wanted: Wanted, *, after: int = 0, limit: int = aside.PAGE) -> list[Aside]:
    """A page of them by key; `after` is the last id of the page before. The text may be a group's reason as it was shown."""
    while page := aside.listed(conn, channel_id=wanted.channel_id, kind=wanted.kind, after=after, limit=limit):
        found = [each for each in page if _is_meant(each, wanted.reason)]
        if found:
            return found
        after = page[-1].id
    return []


def _is_meant(each: Aside, reason: str | None) -> bool:
    return reason is None or reason.casefold() in each.reason.casefold() or reason.casefold() in common(each.reason).casefold()


def retry(conn: Connection, items: Sequence[Aside], now: datetime) -> list[bool]:
    """Put things back in line that the ledger alone can. False: its system has to be asked again (orders, an authority's numbers), or it was not aside any more."""
    return [_retry(conn, item, now) for item in items]


def _retry(conn: Connection, item: Aside, now: datetime) -> bool:
    match item.kind:
        case "delivery":
            return inbox.replay(conn, [(item.channel_id, item.ref)], now)[0]
        case "export":
            return exports.retry_aside(conn, [(item.channel_id, item.ref)], now)[0]
        case "shelf":
            return _release_shelf(conn, item, now)
        case "listing":  # the caller reads all listings next, and one that is still wrong is set aside again
            return aside.resolve(conn, item.channel_id, item.kind, item.ref, now)
    return False


def _release_shelf(conn: Connection, item: Aside, now: datetime) -> bool:
    """Let a refused number be written again."""
    listing, _, location = item.ref.rpartition("@")
    mine = select(listings.c.id).where(listings.c.channel_id == item.channel_id, listings.c.ref == listing).scalar_subquery()
    free = {"aside_at": None, "aside_reason": None, "retry_at": None}
    conn.execute(update(shelves).where(shelves.c.listing_id == mine, shelves.c.location == location).values(**free))
    return aside.resolve(conn, item.channel_id, "shelf", item.ref, now)
