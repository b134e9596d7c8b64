"""The inbox: every delivery exactly as it arrived, stored before the shop hears 200, handled until it is done or set aside.

received --claim--> claimed (still `received`, with an end) --done--> done --> without its body --> forgotten
                       |  fail, or the claim ends                ^
                       v                                         | replay
                    received again, later; the last try --> aside
                    (a shop that is away takes no try: received again until it answers)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Connection, Select, bindparam, case, delete, func, select, text, update
from sqlalchemy.dialects import postgresql, sqlite

from channelsync.ledger import aside, fitting
from channelsync.ledger.schema import DONE_KEY_ONLY, DONE_WITH_BODY, channels, inbox
from channelsync.ledger.spelt import List, Spelt, one_of
from channelsync.ledger.types import Utc

TRIES = 5
KEY_LENGTH = 128
KEYS_KEPT = timedelta(days=30)
"""How long a settled delivery's key tells a repeat from a new delivery. Longer than any platform repeats (days)."""

FIRST_PAUSE = timedelta(seconds=15)
"""After a failure; four times longer each time, so that the last try comes some 20 minutes after the first: what was odd for a moment is not poison."""


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
    """final: trying again cannot help (it cannot be understood). wait: seconds; its shop is away, which says nothing of the delivery and costs no try."""

    id: int
    reason: str
    final: bool = False
    wait: float | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """A channel's deliveries that are not handled yet, and since when the oldest waits."""

    count: int
    oldest: datetime


# Many rows in one statement, but not as JSON like others (`many`), which bodies are not.
_TYPES = {name: inbox.c[name].type for name in ("channel_id", "key", "headers", "body", "received_at")}
_LISTS = func.unnest(*(bindparam(name, type_=List(type_)) for name, type_ in _TYPES.items())).table_valued(*_TYPES).render_derived()
_ROW = sqlite.insert(inbox).values({name: bindparam(name, type_=type_) for name, type_ in _TYPES.items()})
_ROWS = postgresql.insert(inbox).from_select([*_TYPES], select(*_LISTS.c))
_NAMES = inbox.c.channel_id, inbox.c.key
_STORE = Spelt(
    {
        "sqlite": _ROW.on_conflict_do_nothing().returning(*_NAMES),
        "postgresql": _ROWS.on_conflict_do_nothing().returning(*_NAMES),
    }
)


def store(conn: Connection, items: Sequence[Arrived], now: datetime) -> list[Receipt]:
    """Store what is new. Rows go in key order, so that two nodes that store the same repeats cannot deadlock."""
    keys = [(item.channel_id, fitting.ref(item.key, KEY_LENGTH)) for item in items]
    rows = dict(zip(reversed(keys), reversed(items), strict=True))  # of repeats within the batch the first counts
    new = _store(conn, [_row(key, rows[channel_id, key]) for channel_id, key in sorted(rows)])
    receipts = []
    for key in keys:
        receipts.append(Receipt.NEW if key in new else Receipt.REPEAT)
        new.discard(key)
    return receipts


def _store(conn: Connection, rows: Sequence[Mapping[str, object]]) -> set[tuple[int, str]]:
    """(channel id, key) of those that are new."""
    if not rows:
        return set()
    made: Iterable[Any]
    if conn.dialect.name == "sqlite":
        made = _STORE.run_all(conn, rows)
    else:
        made = _STORE.rows(conn, **{name: [row[name] for row in rows] for name in _TYPES})
    return {(row[0], row[1]) for row in made}


def claim(conn: Connection, items: Sequence[Claim], now: datetime) -> list[list[Claimed]]:
    """The oldest deliveries nobody is working on. One that was claimed too often without an outcome is set aside: it may be what kills us."""
    return [_claim(conn, item, now) for item in items]


_DONE = Spelt(
    update(inbox)
    .where(inbox.c.id == bindparam("row"))
    .values(state="done", reason="", claimed_until=None, settled_at=bindparam("at", type_=Utc()))
)


def done(conn: Connection, ids: Sequence[int], now: datetime) -> None:
    """Settle deliveries. Call it in the transaction of their effect: they are done exactly if the effect is stored."""
    if ids:
        _DONE.run_each(conn, [{"row": row, "at": now} for row in sorted(ids)])


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


_CLAIMED = tuple(inbox.c[name] for name in ("id", "channel_id", "key", "headers", "body", "received_at", "tries"))

# In a CTE, or PostgreSQL may run the LIMIT more than once; SQLite has one writer and no row locks.
_FREE = (
    select(inbox.c.id)
    .where(RECEIVED, (inbox.c.claimed_until.is_(None)) | (inbox.c.claimed_until <= bindparam("at", type_=Utc())))
    .order_by(inbox.c.id)
    .limit(bindparam("at_most", type_=BigInteger))
    .with_for_update(skip_locked=True)
    .cte("free")
)
_TAKEN = Spelt(
    update(inbox)
    .where(inbox.c.id.in_(select(_FREE.c.id)))
    .values(claimed_until=bindparam("until", type_=Utc()), tries=inbox.c.tries + 1)
    .returning(*_CLAIMED)
)


def _claim(conn: Connection, item: Claim, now: datetime) -> list[Claimed]:
    until = now + timedelta(seconds=item.lease_seconds)
    taken = sorted((Claimed(*row) for row in _TAKEN.rows(conn, at=now, at_most=item.limit, until=until)), key=lambda each: each.id)
    numbers = _read_seqs(conn, {each.channel_id for each in taken})
    claimed = []
    for each in taken:
        if each.tries > TRIES:
            _give_up(conn, each, f"taken {TRIES} times without an outcome; the process may have died of it", now)
        else:
            claimed.append(replace(each, read_seq=numbers.get(each.channel_id, 0)))
    return claimed


_READ_SEQS = Spelt(
    update(channels)
    .where(one_of(channels.c.id, "ids"))
    .values(read_seq=channels.c.read_seq + 1)
    .returning(channels.c.id, channels.c.read_seq)
)


def _read_seqs(conn: Connection, channel_ids: set[int]) -> dict[int, int]:
    """The number of the reads that these deliveries will cause: taken here, it costs no commit of its own before each read."""
    if not channel_ids:
        return {}
    return {row[0]: row[1] for row in _READ_SEQS.rows(conn, ids=channel_ids)}


def _fail(conn: Connection, item: Failure, now: datetime) -> bool:
    if item.wait is not None:
        _put_back(conn, item, now + timedelta(seconds=item.wait))
        return False
    found = conn.execute(select(*_CLAIMED).where(inbox.c.id == item.id, RECEIVED)).one_or_none()
    if found is None:  # somebody else, whose claim was later, has settled it
        return False
    failed = Claimed(*found)
    if item.final or failed.tries >= TRIES:
        _give_up(conn, failed, item.reason, now)
        return True
    later = now + FIRST_PAUSE * 4 ** max(failed.tries - 1, 0)
    conn.execute(update(inbox).where(inbox.c.id == item.id).values(reason=fitting.payload(item.reason), claimed_until=later))
    return False


def _put_back(conn: Connection, item: Failure, until: datetime) -> None:
    """The try that its claim took is given back; those of claims without an outcome stay counted."""
    left = case((inbox.c.tries > 0, inbox.c.tries - 1), else_=0)
    told = {"reason": fitting.payload(item.reason), "claimed_until": until, "tries": left}
    conn.execute(update(inbox).where(inbox.c.id == item.id, RECEIVED).values(**told))


def _give_up(conn: Connection, last: Claimed, reason: str, now: datetime) -> None:
    settled = {"state": "aside", "reason": fitting.payload(reason), "claimed_until": None, "settled_at": now}
    conn.execute(update(inbox).where(inbox.c.id == last.id).values(**settled))
    aside.put(conn, last.channel_id, "delivery", last.key, reason, "", now)  # it is replayed from the body here


def _replay(conn: Connection, channel_id: int, key: str, now: datetime) -> bool:
    again = {"state": "received", "tries": 0, "reason": "", "settled_at": None}
    mine = (inbox.c.channel_id == channel_id, inbox.c.key == key, inbox.c.state == "aside")
    aside.resolve(conn, channel_id, "delivery", key, now)
    return conn.execute(update(inbox).where(*mine).values(**again)).rowcount == 1


def _oldest(which: str, before: datetime, limit: int) -> Select[int]:
    return select(inbox.c.id).where(text(which), inbox.c.received_at < before).order_by(inbox.c.received_at).limit(limit)
