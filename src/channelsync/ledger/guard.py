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

from sqlalchemy import ColumnElement, Connection, Select, and_, delete, exists, func, literal, select, text

from channelsync.ledger import channels, findings
from channelsync.ledger.channels import Pause, PauseKind
from channelsync.ledger.dialects import insert_into
from channelsync.ledger.schema import guard_marks, guard_passes, guards, listings, shelves, skus

NAMES = 5
"""The first names stand in the reason; `plan` and `drift list` have them all."""

MARKS_KEPT = timedelta(days=7)
KIND = "guard"


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


def limits_of(conn: Connection, channel_id: int) -> Limits | None:
    """None: nothing guards this channel."""
    row = conn.execute(select(guards).where(guards.c.channel_id == channel_id)).mappings().one_or_none()
    if row is None:
        return None
    window = timedelta(seconds=row["window_seconds"])
    return Limits(row["zero_share"], row["multiply"], row["multiply_share"], row["least"], window)


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
    found = (_judge(conn, channel_id, kind, limits, now - limits.window) for kind in ("zero", "multiply") if limits.share(kind))
    return [alarm for alarm in found if alarm]


def _judge(conn: Connection, channel_id: int, kind: str, limits: Limits, since: datetime) -> Alarm | None:
    wanted = suspects(channel_id, kind, limits.multiply)
    lately = exists().where(
        guard_marks.c.shelf_id == shelves.c.id, guard_marks.c.kind == kind, guard_marks.c.at >= since, guard_marks.c.accepted.is_(False)
    )
    due = int(conn.execute(select(func.count()).select_from(shelves).where(*wanted, ~lately)).scalar_one())
    done = int(conn.execute(_marked(channel_id, kind, since)).scalar_one())
    if due + done < limits.least:
        return None
    enough = ceil((due + done) / limits.share(kind)) + 1  # of so many it is no alarm: the rest of a large shop is not counted
    of = in_stock(conn, channel_id, at_most=enough) + (done if kind == "zero" else 0)
    if due + done <= limits.share(kind) * of:
        return None
    return Alarm(kind, due + done, of, names(conn, select(shelves.c.id).where(*wanted).order_by(shelves.c.id).limit(NAMES)))


def suspects(channel_id: int, kind: str, multiply: float) -> list[ColumnElement[bool]]:
    """What a shelf must be for its write to count, unless a person has let it through."""
    shown = shelves.c.book + shelves.c.gap
    due: list[Any] = [text("shelves.due"), shelves.c.channel_id == channel_id, shelves.c.aside_at.is_(None), shown > 0]
    if kind == "zero":
        passed = guard_passes.c.target <= 0
        wanted = shelves.c.target <= 0
    else:
        passed = guard_passes.c.target >= shelves.c.target
        wanted = shelves.c.target >= shown * literal(multiply)
    return [*due, wanted, ~exists().where(guard_passes.c.shelf_id == shelves.c.id, passed)]


def _marked(channel_id: int, kind: str, since: datetime) -> Select[Any]:
    """Shelves that were armed so within the window. One that went up again since is no longer emptied."""
    mine = (
        guard_marks.c.channel_id == channel_id,
        guard_marks.c.kind == kind,
        guard_marks.c.at >= since,
        guard_marks.c.accepted.is_(False),
    )
    query = select(func.count()).select_from(guard_marks).join(shelves, shelves.c.id == guard_marks.c.shelf_id).where(*mine)
    return query.where(shelves.c.target <= 0) if kind == "zero" else query


def in_stock(conn: Connection, channel_id: int, *, at_most: int | None = None) -> int:
    """How many shelves of a channel show something to buy; of more than `at_most` no more are counted."""
    shown = select(shelves.c.id).where(shelves.c.channel_id == channel_id, shelves.c.book + shelves.c.gap > 0)
    if at_most is not None:
        shown = shown.order_by(shelves.c.read_at).limit(at_most)  # in the order of an index, or other channels' shelves may be read first
    return int(conn.execute(select(func.count()).select_from(shown.subquery())).scalar_one())


def names(conn: Connection, shelf_ids: Select[Any]) -> tuple[str, ...]:
    query = (
        select(func.coalesce(skus.c.sku, listings.c.ref))
        .select_from(shelves)
        .join(listings, listings.c.id == shelves.c.listing_id)
        .outerjoin(skus, skus.c.id == listings.c.sku_id)
        .where(shelves.c.id.in_(conn.scalars(shelf_ids).all()))
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


def mark(conn: Connection, channel_id: int, armed: Sequence[Any], now: datetime) -> None:
    """Remember which of the shelves that were just armed (rows of `shelves`) are emptied or multiplied, unless a person let them through."""
    limits = limits_of(conn, channel_id)
    if limits is None:
        return
    kinds = {row["id"]: kind for row in armed if (kind := _kind(row, limits))}
    query = select(guard_passes.c.shelf_id).where(guard_passes.c.shelf_id.in_(kinds))
    passed = set(conn.scalars(query)) if kinds else set()
    put_marks(conn, channel_id, {shelf_id: kind for shelf_id, kind in kinds.items() if shelf_id not in passed}, now)


def _kind(row: Any, limits: Limits) -> str | None:
    shown = row["book"] + row["gap"]
    if shown > 0 and row["target"] <= 0:
        return "zero"
    return "multiply" if shown > 0 and limits.multiply and row["target"] >= limits.multiply * shown else None


def put_marks(conn: Connection, channel_id: int, kinds: dict[int, str], now: datetime) -> None:
    if not kinds:
        return
    rows = [{"shelf_id": shelf_id, "kind": kinds[shelf_id], "channel_id": channel_id, "at": now} for shelf_id in sorted(kinds)]
    again = {"at": now, "accepted": False}
    conn.execute(insert_into(conn, guard_marks).on_conflict_do_update(index_elements=["shelf_id", "kind"], set_=again), rows)


def shown(conn: Connection, shelf_ids: Sequence[int]) -> None:
    """These shelves show what was written: whoever let it through has answered this change and no later one."""
    if shelf_ids:
        conn.execute(delete(guard_passes).where(guard_passes.c.shelf_id.in_(list(shelf_ids))))


def forget(conn: Connection, items: Sequence[int], now: datetime) -> list[int]:
    """Marks and passes of channels (by id) that say nothing any more. Returns how many went."""
    return [_forget(conn, channel_id, now) for channel_id in items]


def _forget(conn: Connection, channel_id: int, now: datetime) -> int:
    old = and_(guard_marks.c.channel_id == channel_id, guard_marks.c.at < now - MARKS_KEPT)
    idle = ~exists().where(shelves.c.id == guard_passes.c.shelf_id, text("shelves.due"))
    passed = delete(guard_passes).where(guard_passes.c.channel_id == channel_id, idle)
    return conn.execute(delete(guard_marks).where(old)).rowcount + conn.execute(passed).rowcount
