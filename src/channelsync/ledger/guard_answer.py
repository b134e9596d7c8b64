"""A person's answer to the guard: go on, and if need be let exactly this through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, literal, select, update

from channelsync.contract import Role
from channelsync.ledger import authority_guard, channels, findings, guard, guard_reading
from channelsync.ledger.channels import ChannelState, PauseKind
from channelsync.ledger.dialects import insert_into
from channelsync.ledger.guard import Alarm
from channelsync.ledger.refusals import NotAllowed, Refusal
from channelsync.ledger.schema import guard_marks, guard_passes, shelves
from channelsync.ledger.types import Utc


@dataclass(frozen=True, slots=True)
class Resume:
    """accept: let through what the guard has stopped, exactly as it stands now."""

    channel_id: int
    accept: bool = False


def resume(conn: Connection, items: Sequence[Resume], now: datetime) -> list[bool | Refusal]:
    """Let channels be written again. False: it was not paused.

    What the guard has stopped goes on without `accept` only once it is harmless: the plan was put right, the shop reads as before.
    """
    return [_resume(conn, item, now) for item in items]


def _resume(conn: Connection, item: Resume, now: datetime) -> bool | Refusal:
    state = channels.state_of(conn, item.channel_id)
    if state.paused_kind is PauseKind.GUARD:
        alarms = standing(conn, item.channel_id, now)
        if alarms and not item.accept:
            what = "; ".join(str(alarm) for alarm in alarms)
            return NotAllowed(
                f"{state.name} was stopped by the guard: {what}. {_look(state)}, put right what is wrong, or let exactly this through with "
                f"`channelsync resume {state.name} --accept`"
            )
        if item.accept:
            accept(conn, item.channel_id, now)
        findings.resolve(conn, guard.KIND, item.channel_id, None, "", now)
    return channels.resume(conn, [item.channel_id], now)[0]


def _look(state: ChannelState) -> str:
    if state.role is Role.AUTHORITY:
        return f"Look there for lost permissions and archived stores (`channelsync sync {state.name}` reads again)"
    return "Look at `channelsync plan` and `channelsync drift list`"


def standing(conn: Connection, channel_id: int, now: datetime) -> list[Alarm]:
    """What the guard holds against a channel at this moment. Changes nothing."""
    readings = guard_reading.judge(conn, channel_id, now), authority_guard.standing(conn, channel_id)
    return [*guard.judge(conn, channel_id, now), *(alarm for alarm in readings if alarm)]


def accept(conn: Connection, channel_id: int, now: datetime) -> None:
    """Let the numbers that are due now through, each until its shelf shows it, and take the shop's empty shelves for what they are.

    Another number for the same shelf, or another shelf, is another question.
    """
    authority_guard.accept(conn, channel_id)
    limits = guard.limits_of(conn, channel_id)
    if limits is None:
        return
    for kind in guard.KINDS:
        due = select(shelves.c.id, shelves.c.channel_id, shelves.c.target, literal(now, Utc)).where(*guard.suspects(kind))
        columns = ["shelf_id", "channel_id", "target", "at"]
        passed = insert_into(conn, guard_passes).from_select(columns, due.params(channel=channel_id, multiply=limits.multiply))
        again = {"target": passed.excluded.target, "at": passed.excluded.at}
        conn.execute(passed.on_conflict_do_update(index_elements=["shelf_id"], set_=again))
    mine = guard_marks.c.channel_id == channel_id
    asked = select(guard_marks.c.shelf_id).where(mine, guard_marks.c.kind == "empty", guard_marks.c.accepted.is_(False))
    conn.execute(update(shelves).where(shelves.c.id.in_(asked), shelves.c.gap != 0).values(asked_at=None))
    conn.execute(update(guard_marks).where(mine).values(accepted=True))
