"""Messages on their way: per target in order, each settled by what its target said. Sending them is the engine's affair.

A target that does not answer is asked again later and later, and its messages wait behind one another; what it refuses by itself is given up
after some tries, so that one message never holds up the rest for long.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, func, or_, select, update

from channelsync.ledger import fitting
from channelsync.ledger.dialects import insert_into
from channelsync.ledger.schema import alert_messages as messages
from channelsync.ledger.schema import alert_targets as targets

BATCH = 20
PAUSES = tuple(timedelta(seconds=seconds) for seconds in (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400))
"""How long to wait after the first, second, ... failure: the schedule that Standard Webhooks proposes, with jitter from the caller."""

REFUSALS_MAX = 5
AGE_MAX = timedelta(days=4)
REASON_LENGTH = 500
TARGET_LENGTH = 64


@dataclass(frozen=True, slots=True)
class Message:
    """created_at: when it was queued; what it says does not change from try to try."""

    id: int
    alert_id: int | None
    event: str
    kind: str
    severity: str
    title: str
    data: Mapping[str, Any]
    created_at: datetime


def due(conn: Connection, now: datetime) -> set[str]:
    """Targets for which something waits and whose time it is."""
    busy = select(targets.c.name).where(or_(targets.c.disabled_at.is_not(None), targets.c.next_at > now, targets.c.claimed_until > now))
    query = select(messages.c.target).where(messages.c.state == "waiting", messages.c.target.not_in(busy)).distinct()
    return set(conn.scalars(query))


@dataclass(frozen=True, slots=True)
class Claim:
    """lease: how long nobody else sends to this target; each settled message begins it anew."""

    target: str
    lease: timedelta


def claim(conn: Connection, items: Sequence[Claim], now: datetime) -> list[list[Message]]:
    """The next messages of a target, the oldest first; none if it is not its time, it is switched off, or another process sends to it."""
    return [_claim(conn, item, now) for item in items]


def _claim(conn: Connection, item: Claim, now: datetime) -> list[Message]:
    conn.execute(insert_into(conn, targets).values(name=item.target).on_conflict_do_nothing())
    free = (
        targets.c.name == item.target,
        targets.c.disabled_at.is_(None),
        or_(targets.c.next_at.is_(None), targets.c.next_at <= now),
        or_(targets.c.claimed_until.is_(None), targets.c.claimed_until <= now),
    )
    query = select(messages).where(messages.c.target == item.target, messages.c.state == "waiting").order_by(messages.c.id).limit(BATCH)
    if conn.scalar(query.with_only_columns(messages.c.id).limit(1)) is None:
        return []
    if conn.execute(update(targets).where(*free).values(claimed_until=now + item.lease)).rowcount == 0:
        return []
    names = ("id", "alert_id", "event", "kind", "severity", "title", "data", "created_at")
    return [Message(*(row[name] for name in names)) for row in conn.execute(query).mappings()]


class Said(StrEnum):
    """What came of sending one message."""

    SENT = "sent"
    LATER = "later"  # the target cannot be reached, or cannot take it now
    REFUSED = "refused"  # it would not take this one
    GONE = "gone"  # it wants nothing any more


@dataclass(frozen=True, slots=True)
class Outcome:
    """wait: what the target asks for. spread: jitter, around 1. Anything but SENT ends the batch. lease as in Claim; last: nothing more of it."""

    target: str
    message_id: int
    said: Said
    reason: str = ""
    wait: timedelta | None = None
    spread: float = 1.0
    lease: timedelta = timedelta()
    last: bool = False


def settle(conn: Connection, items: Sequence[Outcome], now: datetime) -> list[None]:
    """After each message, before the next one goes out: what was sent is not sent again after a crash."""
    for item in items:
        _settle(conn, item, now)
    return [None for _ in items]


def _settle(conn: Connection, item: Outcome, now: datetime) -> None:
    mine = update(messages).where(messages.c.id == item.message_id)
    here = update(targets).where(targets.c.name == item.target)
    reason = fitting.storable(item.reason)[:REASON_LENGTH]
    if item.said is Said.SENT:
        conn.execute(mine.values(state="sent", tries=messages.c.tries + 1, reason="", done_at=now))
        claimed = None if item.last else now + item.lease
        conn.execute(here.values(tries=0, next_at=None, reason="", claimed_until=claimed))
        return
    conn.execute(mine.values(tries=messages.c.tries + 1, reason=reason))
    row = conn.execute(select(messages.c.tries, messages.c.queued_at).where(messages.c.id == item.message_id)).one()
    tries = int(conn.scalar(select(targets.c.tries).where(targets.c.name == item.target)) or 0)
    pause = max(PAUSES[min(tries, len(PAUSES) - 1)] * item.spread, item.wait or timedelta())
    failed = {"tries": tries + 1, "next_at": now + pause, "reason": reason, "claimed_until": None}
    if item.said is Said.REFUSED and row.tries >= REFUSALS_MAX:
        conn.execute(mine.values(state="failed", done_at=now))
        failed |= {"tries": 0, "next_at": None}
    elif now - row.queued_at > AGE_MAX:
        old = messages.c.target == item.target, messages.c.state == "waiting", messages.c.queued_at < now - AGE_MAX
        conn.execute(update(messages).where(*old).values(state="failed", reason=reason, done_at=now))
    if item.said is Said.GONE:
        failed |= {"disabled_at": now}
    conn.execute(here.values(**failed))


@dataclass(frozen=True, slots=True)
class Retry:
    """target None: all of them."""

    target: str | None = None


def retry(conn: Connection, items: Sequence[Retry], now: datetime) -> list[int]:
    """Send what waits now, what was given up again, and to those that were switched off. Returns how many messages wait then."""
    answers = []
    for item in items:
        of_queue = () if item.target is None else (messages.c.target == item.target,)
        of_target = () if item.target is None else (targets.c.name == item.target,)
        again = {"state": "waiting", "tries": 0, "done_at": None, "queued_at": now}
        conn.execute(update(messages).where(messages.c.state == "failed", *of_queue).values(**again))
        conn.execute(update(targets).where(*of_target).values(tries=0, next_at=None, disabled_at=None, reason=""))
        waiting = select(func.count()).select_from(messages).where(messages.c.state == "waiting", *of_queue)
        answers.append(int(conn.execute(waiting).scalar_one()))
    return answers


def end_claims(conn: Connection) -> None:
    """Nobody sends: whoever did is gone."""
    conn.execute(update(targets).values(claimed_until=None))


def drop_others(conn: Connection, known: Collection[str], now: datetime) -> None:
    """Messages to targets that have left the config are given up."""
    lost = messages.c.state.in_(("waiting", "held")), messages.c.target.not_in(sorted(known))
    conn.execute(update(messages).where(*lost).values(state="failed", reason="the config no longer has this target", done_at=now))
