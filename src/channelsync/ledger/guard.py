"""The guard against mass changes: a plan that would empty or multiply too much of a channel at once stops it, and a person is asked.

Judged is the whole due set together with what was armed lately, never a single call: what is sent bit by bit is one change all the same. What
the shops are read to show is judged in `guard_reading`; a person's answer is in `guard_answer`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, Float, Select, and_, bindparam, delete, exists, func, select, text

from channelsync.ledger import channels, findings
from channelsync.ledger.channels import Pause, PauseKind
from channelsync.ledger.dialects import insert_into, upsert
from channelsync.ledger.schema import guard_marks, guard_passes, guards, listings, shelves, skus
from channelsync.ledger.spelt import Spelt, one_of

NAMES = 5
"""The first names stand in the reason; `plan` and `drift list` have them all."""

MARKS_KEPT = timedelta(days=7)
KIND = "guard"
KINDS = ("zero", "multiply")
"""What a plan can be too much of."""


@dataclass(frozen=True, slots=True)
class Limits:
    """zero_share: of the shelves in stock, how many may become 0 within `window`. multiply: from how many times the shown number on a raise
    counts, and multiply_share how many of them are too many. least: fewer shelves than this never stop a channel. 0 switches a check off.
    """

    zero_share: float = 0.3
    multiply: float = 10.0
    multiply_share: float = 0.3
    least: int = 20
    window: timedelta = timedelta(hours=1)

    def share(self, kind: str) -> float:
        if kind == "multiply":
            return self.multiply_share if self.multiply else 0.0
        return self.zero_share


@dataclass(frozen=True, slots=True)
class Alarm:
    """Too much of one kind (zero, multiply: a plan; empty: readings): so many shelves, of so many in stock, and the first of them by name.

    physical, nothing: a run of an authority's numbers, counted in SKUs.
    """

    kind: str
    shelves: int
    of: int
    names: tuple[str, ...]

    def __str__(self) -> str:
        if self.kind == "nothing":
            return f"a reading brought none of {self.of} numbers"
        what = {
            "zero": "would become 0",
            "multiply": "would be multiplied",
            "empty": "were in stock and now read empty or are gone",
            "physical": "were in stock and are read as 0",
        }
        more = ", ..." if self.shelves > len(self.names) else ""
        return f"{self.shelves} of {self.of} numbers {what[self.kind]} ({', '.join(self.names)}{more})"


@dataclass(frozen=True, slots=True)
class Guarded:
    channel_id: int
    limits: Limits


def configure(conn: Connection, items: Sequence[Guarded], now: datetime) -> list[None]:
    """What the config says, for every verb that must know it."""
    for item in items:
        row = {name: value for name, value in asdict(item.limits).items() if name != "window"}
        row["window_seconds"] = int(item.limits.window.total_seconds())
        stored = insert_into(conn, guards).values(channel_id=item.channel_id, **row)
        conn.execute(stored.on_conflict_do_update(index_elements=["channel_id"], set_=row))
    return [None for _ in items]


_LIMITS = Spelt(
    select(guards.c.zero_share, guards.c.multiply, guards.c.multiply_share, guards.c.least, guards.c.window_seconds).where(
        guards.c.channel_id == bindparam("channel")
    )
)


def limits_of(conn: Connection, channel_id: int) -> Limits | None:
    """None: nothing guards this channel."""
    row = _LIMITS.first(conn, channel=channel_id)
    if row is None:
        return None
    zero_share, multiply, multiply_share, least, window = row
    return Limits(zero_share, multiply, multiply_share, least, timedelta(seconds=window))


# -- before calls are armed ------------------------------------------------------------------------------------------------------------------


def stops(conn: Connection, channel_id: int, now: datetime) -> bool:
    """Judge what is due, and stop the channel if it is too much. Call it in the transaction that would arm."""
    alarms = judge(conn, channel_id, now)
    if alarms:
        stop(conn, channel_id, alarms, now)
    return bool(alarms)


def judge(conn: Connection, channel_id: int, now: datetime) -> list[Alarm]:
    """What of the due set is too much, together with what was armed within the window. Changes nothing."""
    limits = limits_of(conn, channel_id)
    if limits is None:
        return []
    found = (_judge(conn, channel_id, kind, limits, now - limits.window) for kind in KINDS if limits.share(kind))
    return [alarm for alarm in found if alarm]


def _judge(conn: Connection, channel_id: int, kind: str, limits: Limits, since: datetime) -> Alarm | None:
    due = int(_DUE[kind].scalar(conn, channel=channel_id, multiply=limits.multiply, since=since))
    done = int(_MARKED[kind].scalar(conn, channel=channel_id, since=since))
    if due + done < limits.least:
        return None
    enough = ceil((due + done) / limits.share(kind)) + 1  # of so many it is no alarm: the rest of a large shop is not counted
    of = in_stock(conn, channel_id, at_most=enough) + (done if kind == "zero" else 0)
    if due + done <= limits.share(kind) * of:
        return None
    return Alarm(kind, due + done, of, names(conn, _FIRST[kind].scalars(conn, channel=channel_id, multiply=limits.multiply)))


def suspects(kind: str) -> list[ColumnElement[bool]]:
    """What a shelf of the channel `channel` must be for its write to count, by its limit `multiply`, unless a person has let it through."""
    shown = shelves.c.book + shelves.c.gap
    due: list[Any] = [text("shelves.due"), shelves.c.channel_id == bindparam("channel"), shelves.c.aside_at.is_(None), shown > 0]
    if kind == "zero":
        passed = guard_passes.c.target <= 0
        wanted = shelves.c.target <= 0
    else:
        passed = guard_passes.c.target >= shelves.c.target
        wanted = shelves.c.target >= shown * bindparam("multiply", type_=Float())
    return [*due, wanted, ~exists().where(guard_passes.c.shelf_id == shelves.c.id, passed)]


def _lately(kind: str) -> list[ColumnElement[bool]]:
    """Marks of what was armed so within the window."""
    return [guard_marks.c.kind == kind, guard_marks.c.at >= bindparam("since"), guard_marks.c.accepted.is_(False)]


def _due(kind: str) -> Select[Any]:
    """How many would be armed so and were not lately."""
    lately = exists().where(guard_marks.c.shelf_id == shelves.c.id, *_lately(kind))
    return select(func.count()).select_from(shelves).where(*suspects(kind), ~lately)


def _marked(kind: str) -> Select[Any]:
    """How many were armed so lately. One that went up again since is no longer emptied."""
    query = (
        select(func.count())
        .select_from(guard_marks)
        .join(shelves, shelves.c.id == guard_marks.c.shelf_id)
        .where(guard_marks.c.channel_id == bindparam("channel"), *_lately(kind))
    )
    return query.where(shelves.c.target <= 0) if kind == "zero" else query


_DUE = {kind: Spelt(_due(kind)) for kind in KINDS}
_MARKED = {kind: Spelt(_marked(kind)) for kind in KINDS}
_FIRST = {kind: Spelt(select(shelves.c.id).where(*suspects(kind)).order_by(shelves.c.id).limit(NAMES)) for kind in KINDS}


_IN_STOCK = Spelt(
    select(func.count()).select_from(
        select(shelves.c.id)
        .where(shelves.c.channel_id == bindparam("channel"), shelves.c.book + shelves.c.gap > 0)
        .order_by(shelves.c.read_at)  # in the order of an index, or other channels' shelves may be read first
        .limit(bindparam("at_most", type_=BigInteger()))
        .subquery()
    )
)


def in_stock(conn: Connection, channel_id: int, *, at_most: int) -> int:
    """How many shelves of a channel show something to buy; of more than `at_most` no more are counted."""
    return int(_IN_STOCK.scalar(conn, channel=channel_id, at_most=at_most))


def names(conn: Connection, shelf_ids: Sequence[int]) -> tuple[str, ...]:
    query = (
        select(func.coalesce(skus.c.sku, listings.c.ref))
        .select_from(shelves)
        .join(listings, listings.c.id == shelves.c.listing_id)
        .outerjoin(skus, skus.c.id == listings.c.sku_id)
        .where(shelves.c.id.in_(shelf_ids))
        .order_by(shelves.c.id)
    )
    return tuple(conn.scalars(query))


def stop(conn: Connection, channel_id: int, alarms: Sequence[Alarm], now: datetime) -> None:
    """Pause the channel, and tell people why: the reason for whoever looks at the status, the finding for good."""
    name = channels.state_of(conn, channel_id).name
    why = "; ".join(str(alarm) for alarm in alarms)
    reason = f"the guard has stopped it: {why}. `channelsync resume {name} --accept` lets exactly this through"
    channels.pause(conn, [Pause(channel_id, reason, PauseKind.GUARD)], now)
    detail = {alarm.kind: {"shelves": alarm.shelves, "of": alarm.of, "first": list(alarm.names)} for alarm in alarms}
    findings.record(conn, KIND, channel_id, None, "", detail, now)


# -- what is remembered ------------------------------------------------------------------------------------------------------------------------


_PASSED = Spelt(select(guard_passes.c.shelf_id).where(one_of(guard_passes.c.shelf_id, "shelves")))


def mark(conn: Connection, channel_id: int, armed: Sequence[Any], now: datetime) -> None:
    """Remember which of the shelves that were just armed (id, book, gap and target of each) are emptied or multiplied, unless a person let them through."""
    limits = limits_of(conn, channel_id)
    if limits is None:
        return
    kinds = {row["id"]: kind for row in armed if (kind := _kind(row, limits))}
    passed = set(_PASSED.scalars(conn, shelves=list(kinds))) if kinds else set()
    put_marks(conn, channel_id, {shelf_id: kind for shelf_id, kind in kinds.items() if shelf_id not in passed}, now)


def _kind(row: Any, limits: Limits) -> str | None:
    shown = row["book"] + row["gap"]
    if shown > 0 and row["target"] <= 0:
        return "zero"
    return "multiply" if shown > 0 and limits.multiply and row["target"] >= limits.multiply * shown else None


_PUT = upsert(guard_marks, ("shelf_id", "kind"), ("at", "accepted"), first=("channel_id",))


def put_marks(conn: Connection, channel_id: int, kinds: dict[int, str], now: datetime) -> None:
    if not kinds:
        return
    rows = [
        {"shelf_id": shelf_id, "kind": kinds[shelf_id], "channel_id": channel_id, "at": now, "accepted": False}
        for shelf_id in sorted(kinds)
    ]
    _PUT.run_each(conn, rows)


_ANSWERED = Spelt(delete(guard_passes).where(one_of(guard_passes.c.shelf_id, "shelves")))


def shown(conn: Connection, shelf_ids: Sequence[int]) -> None:
    """These shelves show what was written: whoever let it through has answered this change and no later one."""
    if shelf_ids:
        _ANSWERED.run(conn, shelves=shelf_ids)


def forget(conn: Connection, items: Sequence[int], now: datetime) -> list[int]:
    """Marks and passes of channels (by id) that say nothing any more. Returns how many went."""
    return [_forget(conn, channel_id, now) for channel_id in items]


def _forget(conn: Connection, channel_id: int, now: datetime) -> int:
    old = and_(guard_marks.c.channel_id == channel_id, guard_marks.c.at < now - MARKS_KEPT)
    idle = ~exists().where(shelves.c.id == guard_passes.c.shelf_id, text("shelves.due"))
    passed = delete(guard_passes).where(guard_passes.c.channel_id == channel_id, idle)
    return conn.execute(delete(guard_marks).where(old)).rowcount + conn.execute(passed).rowcount
