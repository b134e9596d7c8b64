"""What shops and authorities have refused for good, and what of theirs could not be read, as alerts: one per channel and kind, with a count.

While one stands, its words follow the count. If more has come on top since it was told, it is told again, at most once an hour: an alert that
stands for one listing for weeks must not hide the next one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, func, select, update

from channelsync.ledger import alerting, channels
from channelsync.ledger.alert_rules import Kind, Rules
from channelsync.ledger.alerting import Matter
from channelsync.ledger.channels import ChannelState
from channelsync.ledger.schema import alerts, listings, set_aside, shelves, skus
from channelsync.ledger.spelt import Spelt, one_of

SHOWN = 3
LOOKED_AT = 1_000
"""Refused numbers of one channel that are held against their targets; what is beyond them is counted as not too high."""

AGAIN = timedelta(hours=1)

OTHERS = {"export": Kind.UNTOLD, "physical": Kind.UNREAD, "delivery": Kind.DELIVERY}
KINDS = (Kind.REFUSED_HIGH, Kind.REFUSED, *OTHERS.values())

WORDS = {
    Kind.REFUSED_HIGH: (
        "{channel} refuses a lower number of {many} and goes on selling what is not there",
        "listing",
        "Lower it in the shop by hand, then repair the cause and run `channelsync aside retry {channel} --kind shelf`",
    ),
    Kind.REFUSED: (
        "{channel} refuses the numbers of {many}, none of which is too high",
        "listing",
        "Repair the cause, then run `channelsync aside retry {channel} --kind shelf`",
    ),
    Kind.UNTOLD: (
        "{channel} was not told of {many} of ours and takes the units for free",
        "sale",
        "Repair the cause, then run `channelsync aside retry {channel} --kind export`",
    ),
    Kind.UNREAD: (
        "{channel}: {many} could not be read, and the ledger keeps what it knew",
        "physical number",
        "Put it right in {channel}; it is over when the number comes",
    ),
    Kind.DELIVERY: (
        "{channel}: {many} could not be used; orders are found by polling all the same",
        "webhook",
        "Repair the cause, then run `channelsync aside retry {channel} --kind delivery`",
    ),
}
"""What is so, of how many of what, and what to do."""


def from_refusals(conn: Connection, rules: Rules, now: datetime) -> int:
    """Returns how many were told, or told again."""
    found: dict[Kind, list[Matter]] = {kind: [] for kind in KINDS}
    for matter in _matters(conn):
        found[matter.kind].append(matter)
    return sum(_keep(conn, rules, kind, matters, now) for kind, matters in found.items())


# -- what is so now ----------------------------------------------------------------------------------------------------------------------------

_OPEN = set_aside.c.resolved_at.is_(None)
_COUNTS = Spelt(
    select(set_aside.c.kind, func.count())
    .where(_OPEN, set_aside.c.channel_id == bindparam("channel"), set_aside.c.kind.in_(("shelf", *OTHERS)))
    .group_by(set_aside.c.kind)
)
_FIRST = Spelt(
    select(set_aside.c.ref, set_aside.c.reason)
    .where(_OPEN, set_aside.c.channel_id == bindparam("channel"), set_aside.c.kind == bindparam("what"))
    .order_by(set_aside.c.id)
    .limit(bindparam("limit"))
)


def _matters(conn: Connection) -> Iterator[Matter]:
    for state in channels.every(conn):
        for kind, count in sorted(_COUNTS.rows(conn, channel=state.id)):
            if kind == "shelf":
                yield from _numbers(conn, state, count)
            else:
                first = _FIRST.mappings(conn, channel=state.id, what=kind, limit=SHOWN)
                shown = [{"reference": row["ref"], "reason": row["reason"][:200]} for row in first]
                yield _matter(OTHERS[kind], state, count, shown, [f"{each['reference']}: {each['reason']}" for each in shown])


_REFUSED = Spelt(
    select(listings.c.ref, shelves.c.location, shelves.c.book, shelves.c.gap, shelves.c.target, shelves.c.aside_reason, skus.c.sku)
    .join(listings, listings.c.id == shelves.c.listing_id)
    .outerjoin(skus, skus.c.id == listings.c.sku_id)
    .where(listings.c.channel_id == bindparam("channel"), one_of(listings.c.ref, "refs"), shelves.c.aside_at.is_not(None))
    .order_by(shelves.c.id)
)


def _numbers(conn: Connection, channel: ChannelState, count: int) -> Iterator[Matter]:
    """Of the refused numbers those that are too high apart: they sell what is not there. One without a target stands for nothing any more."""
    refs = [row["ref"].rpartition("@")[0] for row in _FIRST.mappings(conn, channel=channel.id, what="shelf", limit=LOOKED_AT)]
    rows = _REFUSED.mappings(conn, channel=channel.id, refs=refs)
    wanted = [row for row in rows if row["target"] is not None]
    high, low = [row for row in wanted if _is_high(row)], [row for row in wanted if not _is_high(row)]
    numbers = {Kind.REFUSED_HIGH: len(high), Kind.REFUSED: count - len(high) - (len(rows) - len(wanted))}
    for kind, those in ((Kind.REFUSED_HIGH, high), (Kind.REFUSED, low)):
        if numbers[kind] > 0:
            shown = [_shelf(row) for row in those[:SHOWN]]
            yield _matter(kind, channel, numbers[kind], shown, [_said(each) for each in shown])


def _is_high(row: dict[str, Any]) -> bool:
    return bool(_shows(row) > max(row["target"], 0))


def _shows(row: dict[str, Any]) -> int:
    return int((row["book"] or 0) + row["gap"])


def _shelf(row: dict[str, Any]) -> dict[str, Any]:
    about = {"listing": row["ref"], "location": row["location"], "sku": row["sku"]}
    return about | {"shows": _shows(row), "target": row["target"], "reason": (row["aside_reason"] or "")[:200]}


def _said(shelf: dict[str, Any]) -> str:
    where = f"{shelf['listing']}@{shelf['location']}".removesuffix("@")
    return f"{shelf['sku'] or '?'} ({where}) shows {shelf['shows']} and should show {shelf['target']}: {shelf['reason']}"


def _matter(kind: Kind, channel: ChannelState, count: int, shown: Sequence[dict[str, Any]], words: Sequence[str]) -> Matter:
    what, one, remedy = WORDS[kind]
    many = f"{count} {one}{'' if count == 1 else 's'}"
    more = f" (and {count - len(shown)} more)" if count > len(shown) else ""
    title = f"{what.format(channel=channel.name, many=many)}: {'; '.join(words)}{more}. {remedy.format(channel=channel.name)}"
    return Matter(kind, channel.id, title, {"channel": channel.name, "count": count, "first": list(shown)})


# -- what is told of it ------------------------------------------------------------------------------------------------------------------------

_TOLD = Spelt(
    select(alerts.c.id, alerts.c.source_id, alerts.c.created_at, alerts.c.title, alerts.c.data).where(
        alerts.c.kind == bindparam("what"), alerts.c.resolved_at.is_(None)
    )
)
_NOT_SO = {kind: alerting.over([kind], ~one_of(alerts.c.source_id, "so")) for kind in KINDS}


def _keep(conn: Connection, rules: Rules, kind: Kind, matters: Sequence[Matter], now: datetime) -> int:
    """Open what is so, end what is so no longer, and bring what stands up to date."""
    alerting.end(conn, rules, _NOT_SO[kind], now, so=[matter.source_id for matter in matters])
    told = {row["source_id"]: row for row in _TOLD.mappings(conn, what=kind.value)}
    for matter in matters:
        if (standing := told.get(matter.source_id)) is not None:
            _bring_up_to_date(conn, standing, matter, now)
    return alerting.open_all(conn, rules, iter(matters), now)


def _bring_up_to_date(conn: Connection, standing: dict[str, Any], matter: Matter, now: datetime) -> None:
    """One that has grown makes room for the next, which says more, so that nobody is told that anything is over."""
    mine = update(alerts).where(alerts.c.id == standing["id"])
    if matter.data["count"] > standing["data"]["count"]:
        if now - standing["created_at"] >= AGAIN:
            conn.execute(mine.values(resolved_at=now))
    elif matter.title != standing["title"]:
        conn.execute(mine.values(title=matter.title, data={**matter.data, "locations": []}))
