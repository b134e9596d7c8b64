"""Our orders at a stock authority, level-triggered: which of them it holds otherwise than the ledger wants, and the claim that puts it right.

One claim per order, of what lies at locations the authority owns. Held there is what the order still needs: its hard claims, and units that the
channel has shipped while no document of the authority says so. Unpaid checkouts are not told. What the answers mean is in `exports_told`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, and_, exists, func, insert, or_, select, update

from channelsync.contract import Claim, ClaimLine
from channelsync.ledger import aside, channels, exports_lines, findings, fitting
from channelsync.ledger.authority_claims import lowest
from channelsync.ledger.exports_lines import Line, undocumented
from channelsync.ledger.schema import channels as channel_table
from channelsync.ledger.schema import export_lines, exports, locations, order_lines, orders

PAGE = 200
UNDOCUMENTED, DELETED = "undocumented", "document_deleted"
RETRY = timedelta(minutes=10)
"""A claim that cannot be made yet (its SKU has no listing there) is looked at again after this."""


@dataclass(frozen=True, slots=True)
class Refresh:
    """Look at the orders that were applied since; after: the last order id of the page before. channel_id: the authority's."""

    channel_id: int
    since: datetime
    after: int = 0


@dataclass(frozen=True, slots=True)
class Refreshed:
    """next: pass it as `after`; None: that was the last page."""

    due: int
    next: int | None


@dataclass(frozen=True, slots=True)
class Arming:
    """Take the next due claim. places: the authority's location -> the ledger's."""

    channel_id: int
    places: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Armed:
    """A claim to be sent now. question: its number, taken before it is sent."""

    export_id: int
    claim: Claim
    question: int


def refresh(conn: Connection, items: Sequence[Refresh], now: datetime) -> list[Refreshed]:
    """Find out which orders an authority must be told of again."""
    return [_refresh(conn, item, now) for item in items]


def _refresh(conn: Connection, item: Refresh, now: datetime) -> Refreshed:
    mine = and_(order_lines.c.order_id == orders.c.id, locations.c.id == order_lines.c.location_id)
    holds = exists().where(mine, locations.c.authority_id == item.channel_id, or_(order_lines.c.hard > 0, undocumented() > 0))
    known = exists().where(exports.c.order_id == orders.c.id, exports.c.channel_id == item.channel_id)
    query = select(orders.c.id).where(orders.c.applied_at >= item.since, orders.c.id > item.after, or_(holds, known))
    ids = list(conn.scalars(query.order_by(orders.c.id).limit(PAGE)))
    if not ids:
        return Refreshed(0, None)
    _make(conn, item.channel_id, ids)
    mine_too = exports.c.channel_id == item.channel_id, exports.c.order_id.in_(ids)
    found = list(conn.scalars(select(exports.c.id).where(*mine_too)))
    conn.execute(update(exports).where(*mine_too, exports.c.aside_at < _applied()).values(aside_at=None, aside_reason=None))
    return Refreshed(judge(conn, found, now), ids[-1] if len(ids) == PAGE else None)


def _applied() -> Any:
    """When the export's order was last applied: a refusal is tried again once the order has changed."""
    return select(orders.c.applied_at).where(orders.c.id == exports.c.order_id).scalar_subquery()


def _make(conn: Connection, channel_id: int, order_ids: Sequence[int]) -> None:
    there = exists().where(exports.c.order_id == orders.c.id, exports.c.channel_id == channel_id)
    query = (
        select(orders.c.id, orders.c.ref, orders.c.number, channel_table.c.name)
        .join(channel_table, channel_table.c.id == orders.c.channel_id)
        .where(orders.c.id.in_(order_ids), ~there)
    )
    rows = [
        {"channel_id": channel_id, "order_id": row.id, "key": fitting.ref(f"{row.name}/{row.ref}"), "number": row.number or row.ref[:64]}
        for row in conn.execute(query.order_by(orders.c.id))
    ]
    if rows:
        conn.execute(insert(exports), rows)


def judge(conn: Connection, export_ids: Sequence[int], now: datetime) -> int:
    """Bring `due` up to date for these exports. Returns how many are due."""
    rows = {row["id"]: row for row in _exports(conn, export_ids)}
    lines = exports_lines.of(conn, rows)
    waiting, owing = _unplaced(conn, rows), _owing(conn, rows)
    due = 0
    for id_, row in sorted(rows.items()):
        mine = lines.get(id_, [])
        uneven = [line.ref for line in mine if line.wanted_held is None]
        wanted = row["aside_at"] is None and not uneven and (row["in_flight"] or id_ in waiting or any(line.differs for line in mine))
        since = (row["undocumented_since"] or now) if id_ in owing else None
        if since is None and row["undocumented_since"] is not None:
            findings.resolve(conn, UNDOCUMENTED, row["channel_id"], None, row["key"], now)
        conn.execute(update(exports).where(exports.c.id == id_).values(due=wanted, undocumented_since=since))
        if uneven:
            put_aside(conn, row, f"the authority counts {uneven[0]} in packs, and what is wanted now is no whole number of them", now)
        elif not wanted and row["aside_at"] is None:
            _nothing_to_ask(conn, row, now)
        due += wanted
    return due


def _nothing_to_ask(conn: Connection, row: RowMapping, now: datetime) -> None:
    """It is as it should be, perhaps because its order has ended: what people were asked about it has answered itself."""
    aside.resolve(conn, row["channel_id"], "export", row["key"], now)
    findings.resolve(conn, DELETED, row["channel_id"], None, row["key"], now)


def _unplaced(conn: Connection, export_ids: Mapping[int, RowMapping]) -> set[int]:
    """Exports with a line at their authority's location that has no place there yet."""
    placed = exists().where(export_lines.c.order_line_id == order_lines.c.id)
    return set(conn.scalars(_with_lines(export_ids).where(or_(order_lines.c.hard > 0, undocumented() > 0), ~placed)))


def _owing(conn: Connection, export_ids: Mapping[int, RowMapping]) -> set[int]:
    """Exports with units that left the house by the channel's word alone."""
    return set(conn.scalars(_with_lines(export_ids).where(undocumented() > 0)))


def _with_lines(export_ids: Mapping[int, RowMapping]) -> Select[tuple[int]]:
    """The exports' ids, joined with their order's lines at the authority's locations."""
    return (
        select(exports.c.id)
        .join(order_lines, order_lines.c.order_id == exports.c.order_id)
        .join(locations, and_(locations.c.id == order_lines.c.location_id, locations.c.authority_id == exports.c.channel_id))
        .where(exports.c.id.in_(list(export_ids)))
    )


def put_aside(conn: Connection, row: RowMapping, reason: str, now: datetime) -> None:
    """No more tries until its order changes or a person asks for one."""
    conn.execute(update(exports).where(exports.c.id == row["id"]).values(due=False, aside_at=now, aside_reason=reason))
    aside.put(conn, row["channel_id"], "export", row["key"], reason, row["number"], now)


# -- the next claim --------------------------------------------------------------------------------------------------------------------------


def arm(conn: Connection, items: Sequence[Arming], now: datetime) -> list[Armed | None]:
    """The claim to send next, written down as under way before it leaves; None: nothing is due."""
    return [_arm(conn, item, now) for item in items]


def _arm(conn: Connection, item: Arming, now: datetime) -> Armed | None:
    mine = exports.c.channel_id == item.channel_id, exports.c.due, exports.c.aside_at.is_(None)
    ready = or_(exports.c.retry_at.is_(None), exports.c.retry_at <= now)
    query = select(exports).where(*mine, ready).order_by(exports.c.in_flight.desc(), exports.c.id).limit(PAGE).with_for_update()
    for row in conn.execute(query).mappings().all():
        homeless = exports_lines.add_missing(conn, item.channel_id, {row["id"]: row["order_id"]}, item.places)
        if homeless:
            conn.execute(update(exports).where(exports.c.id == row["id"]).values(retry_at=now + RETRY))
            aside.put(conn, item.channel_id, "export", row["key"], homeless[0].reason, row["number"], now)
            continue
        lines = exports_lines.of(conn, [row["id"]]).get(row["id"], [])
        if any(line.wanted_held is None for line in lines) or not _worth_sending(row, lines):
            judge(conn, [row["id"]], now)
            continue
        return Armed(row["id"], _claim(row, lines), _send(conn, row, lines, now))
    return None


def _worth_sending(row: RowMapping, lines: Sequence[Line]) -> bool:
    """An order that ended before the authority ever heard of it needs no document."""
    return bool(row["in_flight"]) or any(line.differs for line in lines)


def _claim(row: RowMapping, lines: Sequence[Line]) -> Claim:
    told = tuple(
        ClaimLine(line.ref, line.listing, line.location, line.wanted_quantity or 0, line.wanted_held or 0)
        for line in lines
        if line.wanted_quantity
    )
    return Claim(row["key"], row["number"], told, row["document"])


def _send(conn: Connection, row: RowMapping, lines: Sequence[Line], now: datetime) -> int:
    question = channels.next_read_seq(conn, row["channel_id"])
    applied = exports_lines.read_up_to(conn, row["channel_id"], lines)
    changed = []
    for line in lines:
        wanted = line.wanted_held or 0
        low = lowest(line.facts, wanted + line.facts.shipped, still_open=applied[line.id] <= line.facts.low_until)
        quantity = line.wanted_quantity or 0
        asked = {"asked_quantity": quantity, "asked_held": wanted, "quantity": quantity, "held": wanted}
        changed.append({"id": line.id, "low": low, **asked})
    exports_lines.save(conn, changed)
    conn.execute(update(exports).where(exports.c.id == row["id"]).values(in_flight=True, sends=exports.c.sends + 1, sent_at=now))
    return question


def retry_aside(conn: Connection, items: Sequence[tuple[int, str]], now: datetime) -> list[bool]:
    """A person has dealt with it: (authority's channel id, key) is tried again. False: it was not aside."""
    answers = []
    for channel_id, key in items:
        mine = exports.c.channel_id == channel_id, exports.c.key == key
        again = update(exports).where(*mine, or_(exports.c.aside_at.is_not(None), exports.c.retry_at.is_not(None)))
        done = conn.execute(again.values(aside_at=None, aside_reason=None, retry_at=None)).rowcount == 1
        if done:
            judge(conn, list(conn.scalars(select(exports.c.id).where(*mine))), now)
        answers.append(done)
    return answers


def waiting(conn: Connection, channel_id: int) -> int:
    """How many claims the authority is still to be told."""
    return int(
        conn.execute(select(func.count()).select_from(exports).where(exports.c.channel_id == channel_id, exports.c.due)).scalar_one()
    )


def _exports(conn: Connection, ids: Sequence[int]) -> list[RowMapping]:
    return list(conn.execute(select(exports).where(exports.c.id.in_(list(ids))).order_by(exports.c.id).with_for_update()).mappings())
