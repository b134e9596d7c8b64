"""The inbox: every delivery exactly as it arrived, stored before the shop hears 200, handled until it is done or set aside.

received --claim--> claimed (still `received`, with an end) --done--> done --> without its body --> forgotten
                       |  fail, or the claim ends                ^
                       v                                         | replay
                    received again, later; the last try --> aside
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Connection, Row, Select, bindparam, delete, func, select, text, update

from channelsync.ledger import aside, fitting
from channelsync.ledger.dialects import insert_into
from channelsync.ledger.schema import DONE_KEY_ONLY, DONE_WITH_BODY, channels, inbox
from channelsync.ledger.types import Utc

TRIES = 5
KEY_LENGTH = 128
KEYS_KEPT = timedelta(days=30)
"""How long a settled delivery's key tells a repeat from a new delivery. Longer than any platform repeats (days)."""

FIRST_PAUSE = timedelta(seconds=15)
"""After a failure; four times longer each time, so that the last try comes some 20 minutes after the first: an outage is not poison."""


RECEIVED = text("state = 'received'")  # literal, like the partial index it must match


class Receipt(StrEnum):
    NEW = "new"
    REPEAT = "repeat"


@dataclass(frozen=True, slots=True)
class Arrived:
    """One verified delivery. key: equal for repeats of the same delivery, within its channel."""

    channel_id: int
    key: str
    headers: Mapping[str, str]
    body: bytes
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Claim:
    """Take at most `limit` deliveries; after `lease_seconds` without an outcome they are anybody's again."""

    limit: int
    lease_seconds: float


@dataclass(frozen=True, slots=True)
class Claimed:
    """tries: how often it was taken, this time included. read_seq: for the reads it leads to, as in `channels.next_read_seq`."""

    id: int
    channel_id: int
    key: str
    headers: Mapping[str, str]
    body: bytes
    received_at: datetime
    tries: int
    read_seq: int = 0


@dataclass(frozen=True, slots=True)
class Failure:
    """final: trying again cannot help (it cannot be understood)."""

    id: int
    reason: str
    final: bool = False


@dataclass(frozen=True, slots=True)
class Waiting:
    """A channel's deliveries that are not handled yet, and since when the oldest waits."""

    count: int
    oldest: datetime


_DONE = (
    update(inbox)
    .where(inbox.c.id == bindparam("row"))
    .values(state="done", reason="", claimed_until=None, settled_at=bindparam("at", type_=Utc))
)


def store(conn: Connection, items: Sequence[Arrived], now: datetime) -> list[Receipt]:
    """Store what is new. Rows go in key order, so that two nodes that store the same repeats cannot deadlock."""
    keys = [(item.channel_id, fitting.ref(item.key, KEY_LENGTH)) for item in items]
    rows = dict(zip(reversed(keys), reversed(items), strict=True))  # of repeats within the batch the first counts
    stored = insert_into(conn, inbox).on_conflict_do_nothing().returning(inbox.c.channel_id, inbox.c.key)
    values = [_row(key, rows[channel_id, key]) for channel_id, key in sorted(rows)]
    new = {(row.channel_id, row.key) for row in conn.execute(stored, values)} if values else set()
    receipts = []
    for key in keys:
        receipts.append(Receipt.NEW if key in new else Receipt.REPEAT)
        new.discard(key)
    return receipts


def claim(conn: Connection, items: Sequence[Claim], now: datetime) -> list[list[Claimed]]:
    """The oldest deliveries nobody is working on. One that was claimed too often without an outcome is set aside: it may be what kills us."""
    return [_claim(conn, item, now) for item in items]


def done(conn: Connection, ids: Sequence[int], now: datetime) -> None:
    """Settle deliveries. Call it in the transaction of their effect: they are done exactly if the effect is stored."""
    if ids:
        conn.execute(_DONE, [{"row": row, "at": now} for row in sorted(ids)])


def settle_done(conn: Connection, items: Sequence[Sequence[int]], now: datetime) -> list[None]:
    """`done` as a verb, for deliveries without an effect."""
    done(conn, [row for ids in items for row in ids], now)
    return [None for _ in items]


def fail(conn: Connection, items: Sequence[Failure], now: datetime) -> list[bool]:
    """Note failures: later again, or aside after the last try. True: it was set aside."""
    return [_fail(conn, item, now) for item in items]


def replay(conn: Connection, items: Sequence[tuple[int, str]], now: datetime) -> list[bool]:
    """Put deliveries (channel id, key) that are aside back in line, with all their tries. False: not aside."""
    return [_replay(conn, channel_id, key, now) for channel_id, key in items]


def waiting(conn: Connection) -> dict[int, Waiting]:
    """What is not handled yet, by channel."""
    query = select(inbox.c.channel_id, func.count().label("count"), func.min(inbox.c.received_at).label("oldest"))
    rows = conn.execute(
        query.where(RECEIVED).group_by(inbox.c.channel_id + 0, inbox.c.channel_id)
    )  # not by the index of all that ever came
    return {row.channel_id: Waiting(row[1], row.oldest) for row in rows}


def purge_bodies(conn: Connection, before: datetime, limit: int) -> int:
    """Forget what is past its retention: the bodies of settled deliveries that came before `before`, and the keys 30 days after that.

    At most `limit` rows each; returns how many. What is aside keeps its body: it is replayed from it.
    """
    bare = update(inbox).where(inbox.c.id.in_(_oldest(DONE_WITH_BODY, before, limit))).values(body=None, headers={})
    forgotten = delete(inbox).where(inbox.c.id.in_(_oldest(DONE_KEY_ONLY, before - KEYS_KEPT, limit)))
    return conn.execute(bare).rowcount + conn.execute(forgotten).rowcount


def _row(key: str, item: Arrived) -> dict[str, object]:
    headers = {str(name): str(value) for name, value in item.headers.items()}
    return {"channel_id": item.channel_id, "key": key, "headers": headers, "body": item.body, "received_at": item.received_at}


# In a CTE, or PostgreSQL may run the LIMIT more than once; SQLite has one writer and no row locks.
_FREE = (
    select(inbox.c.id)
    .where(RECEIVED, (inbox.c.claimed_until.is_(None)) | (inbox.c.claimed_until <= bindparam("at", type_=Utc)))
    .order_by(inbox.c.id)
    .limit(bindparam("at_most", type_=BigInteger))
    .with_for_update(skip_locked=True)
    .cte("free")
)
_TAKEN = (
    update(inbox)
    .where(inbox.c.id.in_(select(_FREE.c.id)))
    .values(claimed_until=bindparam("until", type_=Utc), tries=inbox.c.tries + 1)
    .returning(inbox)
)


def _claim(conn: Connection, item: Claim, now: datetime) -> list[Claimed]:
    about = {"at": now, "at_most": item.limit, "until": now + timedelta(seconds=item.lease_seconds)}
    rows = sorted(conn.execute(_TAKEN, about), key=lambda row: row.id)
    numbers = _read_seqs(conn, {row.channel_id for row in rows})
    claimed = []
    for row in rows:
        if row.tries > TRIES:
            _give_up(conn, row, f"taken {TRIES} times without an outcome; the process may have died of it", now)
        else:
            number = numbers.get(row.channel_id, 0)
            claimed.append(Claimed(row.id, row.channel_id, row.key, row.headers, row.body, row.received_at, row.tries, number))
    return claimed


def _read_seqs(conn: Connection, channel_ids: set[int]) -> dict[int, int]:
    """The number of the reads that these deliveries will cause: taken here, it costs no commit of its own before each read."""
    if not channel_ids:
        return {}
    taken = update(channels).where(channels.c.id.in_(channel_ids)).values(read_seq=channels.c.read_seq + 1)
    return {row.id: row.read_seq for row in conn.execute(taken.returning(channels.c.id, channels.c.read_seq))}


def _fail(conn: Connection, item: Failure, now: datetime) -> bool:
    row = conn.execute(select(inbox).where(inbox.c.id == item.id, RECEIVED)).one_or_none()
    if row is None:  # somebody else, whose claim was later, has settled it
        return False
    if item.final or row.tries >= TRIES:
        _give_up(conn, row, item.reason, now)
        return True
    later = now + FIRST_PAUSE * 4 ** max(row.tries - 1, 0)
    conn.execute(update(inbox).where(inbox.c.id == item.id).values(reason=fitting.payload(item.reason), claimed_until=later))
    return False


def _give_up(conn: Connection, row: Row[Any], reason: str, now: datetime) -> None:
    settled = {"state": "aside", "reason": fitting.payload(reason), "claimed_until": None, "settled_at": now}
    conn.execute(update(inbox).where(inbox.c.id == row.id).values(**settled))
    aside.put(conn, row.channel_id, "delivery", row.key, reason, row.body.decode(errors="replace"), now)


def _replay(conn: Connection, channel_id: int, key: str, now: datetime) -> bool:
    again = {"state": "received", "tries": 0, "reason": "", "settled_at": None}
    mine = (inbox.c.channel_id == channel_id, inbox.c.key == key, inbox.c.state == "aside")
    aside.resolve(conn, channel_id, "delivery", key, now)
    return conn.execute(update(inbox).where(*mine).values(**again)).rowcount == 1


def _oldest(which: str, before: datetime, limit: int) -> Select[int]:
    return select(inbox.c.id).where(text(which), inbox.c.received_at < before).order_by(inbox.c.received_at).limit(limit)
